//! `connection.*`, `source.*` and `destination.*`.

use super::tls::Side;
use super::{address, filled, port, FormatContext, Table};
use crate::cel::value::Value;
use crate::tls::TlsInfo;

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

pub const SOURCE: Table =
    &[("address", |c| address(&c.info.remote)), ("port", |c| port(&c.info.remote))];

pub const DESTINATION: Table = &[
    ("address", |c| address(&c.info.connection.local)),
    ("port", |c| port(&c.info.connection.local)),
];

fn down<'a>(context: &FormatContext<'a>) -> Option<&'a TlsInfo> {
    Side::Downstream.tls(context)
}
