//! `upstream.*`

use super::connection::{digest, first_name, local, peer, pem, subject, version};
use super::{address, port, Table};
use crate::cel::message::Message;
use crate::cel::value::Value;
use crate::formatter::FormatContext;
use crate::tls::TlsInfo;
use crate::upstream::Host;

pub const ATTRIBUTES: Table = &[
    ("address", |c| address(&host(c)?.address)),
    ("cx_pool_ready_duration", |c| {
        let spent = c.info.upstream.pool_ready_after?;
        Some(Value::Duration(spent.as_nanos() as i128))
    }),
    ("local_address", |c| address(c.info.upstream.local.as_ref()?)),
    ("locality", |c| Some(Value::Message(Message::Locality(&host(c)?.locality)))),
    ("port", |c| port(&host(c)?.address)),
    ("request_attempt_count", |c| Some(Value::Uint(c.info.attempts.into()))),
    ("transport_failure_reason", |c| {
        host(c)?;
        Some(Value::text(&c.info.upstream.transport_failure_reason))
    }),
];

pub const TLS: Table = &[
    ("dns_san_local_certificate", |c| first_name(local(up(c)?), |names| &names.dns)),
    ("dns_san_peer_certificate", |c| first_name(peer(up(c)?), |names| &names.dns)),
    ("peer_certificate", |c| pem(up(c)?)),
    ("sha256_peer_certificate_digest", |c| digest(up(c)?)),
    ("subject_local_certificate", |c| subject(local(up(c)?))),
    ("subject_peer_certificate", |c| subject(peer(up(c)?))),
    ("tls_version", |c| version(up(c)?)),
    ("uri_san_local_certificate", |c| first_name(local(up(c)?), |names| &names.uri)),
    ("uri_san_peer_certificate", |c| first_name(peer(up(c)?), |names| &names.uri)),
];

fn host<'a>(context: &FormatContext<'a>) -> Option<&'a Host> {
    context.info.upstream.host.as_deref()
}

fn up<'a>(context: &FormatContext<'a>) -> Option<&'a TlsInfo> {
    context.info.upstream.tls.as_deref()
}
