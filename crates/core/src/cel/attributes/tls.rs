//! What `connection.*` and `upstream.*` tell of TLS; nothing where a connection is plain TCP.

use super::{FormatContext, Value};
use crate::tls::{encoded_pem, AlternativeNames, CertificateFacts, TlsInfo};

/// Of which connection.
#[derive(Clone, Copy)]
pub enum Side {
    Downstream,
    Upstream,
}

pub type TlsFact = for<'a> fn(&'a TlsInfo) -> Option<Value<'a>>;

pub const FACTS: &[(&str, TlsFact)] = &[
    ("dns_san_local_certificate", |tls| first_name(local(tls), |names| &names.dns)),
    ("dns_san_peer_certificate", |tls| first_name(peer(tls), |names| &names.dns)),
    ("peer_certificate", |tls| {
        tls.peer()?.chain.first().map(|leaf| Value::owned(encoded_pem(leaf)))
    }),
    ("sha256_peer_certificate_digest", |tls| tls.peer().map(|peer| Value::owned(peer.sha256()))),
    ("subject_local_certificate", |tls| subject(local(tls))),
    ("subject_peer_certificate", |tls| subject(peer(tls))),
    ("tls_version", |tls| {
        let done = tls.handshake.get().map(|handshake| handshake.version);
        Some(Value::text(done.unwrap_or_else(|| tls.version.get())))
    }),
    ("uri_san_local_certificate", |tls| first_name(local(tls), |names| &names.uri)),
    ("uri_san_peer_certificate", |tls| first_name(peer(tls), |names| &names.uri)),
];

impl Side {
    pub fn tls<'a>(self, context: &FormatContext<'a>) -> Option<&'a TlsInfo> {
        match self {
            Self::Downstream => context.info.connection.tls.as_deref(),
            Self::Upstream => context.info.upstream.tls.as_deref(),
        }
    }
}

fn local(tls: &TlsInfo) -> Option<&CertificateFacts> {
    Some(&tls.local()?.facts)
}

fn peer(tls: &TlsInfo) -> Option<&CertificateFacts> {
    Some(&tls.peer()?.facts)
}

/// Empty without a certificate.
fn subject(facts: Option<&CertificateFacts>) -> Option<Value<'_>> {
    Some(Value::text(facts.map_or("", |facts| &facts.subject)))
}

fn first_name<'a>(
    facts: Option<&'a CertificateFacts>,
    of: fn(&AlternativeNames) -> &Vec<String>,
) -> Option<Value<'a>> {
    of(&facts?.names).first().map(|name| Value::text(name))
}
