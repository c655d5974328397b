//! Which certificate a server shows.
//! <https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/security/ssl#certificate-selection>

use std::collections::HashMap;
use std::sync::Arc;

use rustls::client::ResolvesClientCert;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{SignatureAlgorithm, SignatureScheme};

use super::certificate::LocalCertificate;
use super::notes;

/// Certificates of a server by the names that clients ask for.
#[derive(Debug)]
pub struct ServerCertificates {
    all: Vec<Arc<LocalCertificate>>,
    /// Exact names, and wildcards without their `*`.
    by_name: HashMap<String, Vec<usize>>,
    full_scan: bool,
}

impl ServerCertificates {
    pub fn new(all: Vec<Arc<LocalCertificate>>, full_scan: bool) -> Self {
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, certificate) in all.iter().enumerate() {
            for name in &certificate.names {
                let key = name.strip_prefix('*').unwrap_or(name);
                by_name.entry(key.to_owned()).or_default().push(index);
            }
        }
        Self { all, by_name, full_scan }
    }

    /// The candidates for a name: an exact match goes before a wildcard of one label.
    fn named(&self, name: &str) -> impl Iterator<Item = &Arc<LocalCertificate>> {
        let exact = self.by_name.get(name);
        let wildcard = name.find('.').and_then(|dot| self.by_name.get(&name[dot..]));
        exact.into_iter().chain(wildcard).flatten().filter_map(|&index| self.all.get(index))
    }

    fn choose(&self, hello: &ClientHello<'_>) -> Option<&Arc<LocalCertificate>> {
        let offered = hello.signature_schemes();
        if let Some(name) = hello.server_name() {
            let named: Vec<_> = self.named(name).collect();
            if let Some(found) = by_key(&named, offered) {
                return Some(found);
            }
            if let Some(found) = named.first().filter(|_| !self.full_scan) {
                return Some(found);
            }
        }
        let all: Vec<_> = self.all.iter().collect();
        by_key(&all, offered).or_else(|| self.all.first())
    }
}

/// The first certificate whose key the client can check, ECDSA before others.
fn by_key<'a>(
    certificates: &[&'a Arc<LocalCertificate>],
    offered: &[SignatureScheme],
) -> Option<&'a Arc<LocalCertificate>> {
    let usable = || certificates.iter().filter(|certificate| usable(certificate, offered));
    usable()
        .find(|certificate| certificate.algorithm == SignatureAlgorithm::ECDSA)
        .or_else(|| usable().next())
        .copied()
}

fn usable(certificate: &LocalCertificate, offered: &[SignatureScheme]) -> bool {
    certificate.key.key.choose_scheme(offered).is_some()
}

impl ResolvesServerCert for ServerCertificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let chosen = self.choose(&hello)?;
        notes::write(|notes| notes.local = Some(chosen.clone()));
        Some(chosen.key.clone())
    }
}

/// The certificates of a client: the first that the server can check.
#[derive(Debug)]
pub struct ClientCertificates(pub Vec<Arc<LocalCertificate>>);

impl ResolvesClientCert for ClientCertificates {
    fn resolve(&self, _: &[&[u8]], offered: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let chosen = self.0.iter().find(|certificate| usable(certificate, offered))?;
        notes::write(|notes| notes.local = Some(chosen.clone()));
        Some(chosen.key.clone())
    }

    fn has_certs(&self) -> bool {
        !self.0.is_empty()
    }
}
