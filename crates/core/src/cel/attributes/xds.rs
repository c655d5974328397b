//! `xds.*`: the configuration that serves. `xds.node` is put into an expression by the main thread.

use serde_json::Value as Json;

use super::Table;
use crate::cel::message::Message;
use crate::cel::value::Value;
use crate::formatter::FormatContext;
use crate::http::stream_info::RouteInfo;

pub const ATTRIBUTES: Table = &[
    ("cluster_metadata", |c| {
        c.info.cluster.as_ref()?;
        metadata(c.info.cluster_metadata.as_deref())
    }),
    ("cluster_name", |c| c.info.cluster.as_deref().map(Value::text)),
    ("filter_chain_name", |c| Some(Value::text(&c.info.connection.filter_chain))),
    ("listener_direction", |c| {
        Some(Value::Int(match c.info.connection.traffic_direction {
            "INBOUND" => 1,
            "OUTBOUND" => 2,
            _ => 0,
        }))
    }),
    ("listener_metadata", |c| metadata(c.info.connection.listener_metadata.as_deref())),
    ("route_metadata", |c| metadata(route(c)?.metadata.as_deref())),
    ("route_name", |c| route(c).map(|route| Value::text(&route.route_name))),
    ("upstream_host_metadata", |c| {
        let host = c.info.upstream.host.as_ref()?;
        metadata(host.metadata.as_deref())
    }),
    ("virtual_host_metadata", |c| metadata(route(c)?.virtual_host_metadata.as_deref())),
    ("virtual_host_name", |c| route(c).map(|route| Value::text(&route.virtual_host))),
];

fn route<'a>(context: &FormatContext<'a>) -> Option<&'a RouteInfo> {
    context.info.route.as_deref()
}

fn metadata(all: Option<&Json>) -> Option<Value<'_>> {
    Some(Value::Message(Message::Metadata(all)))
}
