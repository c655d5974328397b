//! `response.*`

use super::{bytes_of, filled, int, Table};
use crate::cel::container::Map;
use crate::cel::value::Value;
use crate::formatter::response_status;

pub const ATTRIBUTES: Table = &[
    ("backend_latency", |c| {
        let upstream = &c.info.upstream;
        let spent = upstream.last_rx?.saturating_duration_since(upstream.first_tx?);
        Some(Value::Duration(spent.as_nanos() as i128))
    }),
    ("code", |c| (c.info.response_code != 0).then(|| Value::Int(c.info.response_code.into()))),
    ("code_details", |c| filled(&c.info.details)),
    ("flags", |c| int(c.info.flags.bits())),
    ("grpc_status", |c| response_status(c).map(Value::Int)),
    ("headers", |c| Some(Value::Map(Map::Headers(c.response)))),
    ("headers_bytes", |c| int(bytes_of(c.response))),
    ("size", |c| int(c.info.bytes_sent)),
    ("total_size", |c| int(c.info.bytes_sent + bytes_of(c.response) + bytes_of(c.trailers))),
    ("trailers", |c| Some(Value::Map(Map::Headers(c.trailers)))),
];
