//! The names that a request gives to the connection it is made for.

use std::sync::Arc;

/// What SNI says and what the certificate is to be of, where the cluster's configuration leaves it to requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TlsNames {
    pub sni: Option<Arc<str>>,
    pub certificate: Option<Arc<str>>,
    /// What is offered by ALPN in place of what the context offers.
    pub alpn: Option<Arc<[String]>>,
}

impl TlsNames {
    /// The same for all names that differ in case alone.
    pub fn lowered(&self) -> Self {
        let lower = |name: &Option<Arc<str>>| name.as_ref().map(lower);
        let (sni, certificate) = (lower(&self.sni), lower(&self.certificate));
        Self { sni, certificate, alpn: self.alpn.clone() }
    }
}

fn lower(name: &Arc<str>) -> Arc<str> {
    match name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => name.to_ascii_lowercase().into(),
        false => name.clone(),
    }
}
