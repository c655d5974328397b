//! `connection.*`, `source.*` and `destination.*`, and what certificates say.

use super::{address, filled, port, Table};
use crate::cel::value::Value;
use crate::formatter::FormatContext;
use crate::tls::{encoded_pem, AlternativeNames, CertificateFacts, TlsInfo};

pub const ATTRIBUTES: Table = &[
    ("id", |c| Some(Value::Uint(c.info.connection.id))),
    ("mtls", |c| Some(Value::Bool(down(c).is_some_and(TlsInfo::is_presented)))),
    ("requested_server_name", |c| Some(Value::text(c.info.connection.requested_server_name()))),
    ("termination_details", |c| filled(&c.info.termination_details)),
    ("transport_failure_reason", |c| {
        let reason = down(c)?.failure.borrow();
        (!reason.is_empty()).then(|| Value::owned(reason.as_str()))
    }),
];

pub const TLS: Table = &[
    ("dns_san_local_certificate", |c| first_name(local(down(c)?), |names| &names.dns)),
    ("dns_san_peer_certificate", |c| first_name(peer(down(c)?), |names| &names.dns)),
    ("peer_certificate", |c| pem(down(c)?)),
    ("sha256_peer_certificate_digest", |c| digest(down(c)?)),
    ("subject_local_certificate", |c| subject(local(down(c)?))),
    ("subject_peer_certificate", |c| subject(peer(down(c)?))),
    ("tls_version", |c| version(down(c)?)),
    ("uri_san_local_certificate", |c| first_name(local(down(c)?), |names| &names.uri)),
    ("uri_san_peer_certificate", |c| first_name(peer(down(c)?), |names| &names.uri)),
];

pub const SOURCE: Table =
    &[("address", |c| address(&c.info.remote)), ("port", |c| port(&c.info.remote))];

pub const DESTINATION: Table = &[
    ("address", |c| address(&c.info.connection.local)),
    ("port", |c| port(&c.info.connection.local)),
];

fn down<'a>(context: &FormatContext<'a>) -> Option<&'a TlsInfo> {
    context.info.connection.tls.as_deref()
}

pub fn local(tls: &TlsInfo) -> Option<&CertificateFacts> {
    Some(&tls.local()?.facts)
}

pub fn peer(tls: &TlsInfo) -> Option<&CertificateFacts> {
    Some(&tls.peer()?.facts)
}

/// Empty without a certificate.
pub fn subject(facts: Option<&CertificateFacts>) -> Option<Value<'_>> {
    Some(Value::text(facts.map_or("", |facts| &facts.subject)))
}

pub fn first_name<'a>(
    facts: Option<&'a CertificateFacts>,
    of: fn(&AlternativeNames) -> &Vec<String>,
) -> Option<Value<'a>> {
    of(&facts?.names).first().map(|name| Value::text(name))
}

pub fn version(tls: &TlsInfo) -> Option<Value<'static>> {
    let done = tls.handshake.get().map(|handshake| handshake.version);
    Some(Value::text(done.unwrap_or_else(|| tls.version.get())))
}

pub fn digest(tls: &TlsInfo) -> Option<Value<'static>> {
    tls.peer().map(|peer| Value::owned(peer.sha256()))
}

pub fn pem(tls: &TlsInfo) -> Option<Value<'static>> {
    tls.peer()?.chain.first().map(|leaf| Value::owned(encoded_pem(leaf)))
}
