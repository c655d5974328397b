//! `upstream.*`

use super::{address, port, Table};
use crate::cel::message::Message;
use crate::cel::value::Value;
use crate::formatter::FormatContext;
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

fn host<'a>(context: &FormatContext<'a>) -> Option<&'a Host> {
    context.info.upstream.host.as_deref()
}
