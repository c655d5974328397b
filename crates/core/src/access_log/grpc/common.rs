//! What entries about requests and connections have in common.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use prost::Message;
use serde_json::Value;

use super::tls::tls_properties;
use super::Told;
use crate::formatter::{stream_id, FormatContext, LogType};
use crate::http::flags::ResponseFlags;
use crate::http::stream_info::StreamInfo;
use crate::metadata::values::to_struct;
use crate::proto::service;
use crate::service_values::{address, text, timestamp};

pub fn common(context: &FormatContext<'_>, told: &Told) -> service::LogCommon {
    let info = context.info;
    let connection = &info.connection;
    let upstream = &info.upstream;
    let since_start = |at: Option<Instant>| at.map(|at| elapsed(info, at));
    let failure = connection.tls.as_ref().map(|tls| tls.failure.borrow().clone());
    service::LogCommon {
        downstream_remote_address: Some(address(&info.remote)),
        downstream_local_address: Some(address(&connection.local)),
        downstream_direct_remote_address: Some(address(connection.direct_remote())),
        tls_properties: tls_properties(connection),
        start_time: Some(timestamp(info.start_wall)),
        time_to_last_rx_byte: since_start(info.last_rx),
        time_to_first_upstream_tx_byte: since_start(upstream.first_tx),
        time_to_last_upstream_tx_byte: since_start(upstream.last_tx),
        time_to_first_upstream_rx_byte: since_start(upstream.first_rx),
        time_to_last_upstream_rx_byte: since_start(upstream.last_rx),
        time_to_first_downstream_tx_byte: since_start(info.first_tx),
        time_to_last_downstream_tx_byte: since_start(info.last_tx),
        upstream_remote_address: upstream.host.as_ref().map(|host| address(&host.address)),
        upstream_local_address: upstream.local.as_ref().map(address),
        upstream_cluster: upstream_cluster(info),
        response_flags: response_flags(info.flags),
        metadata: info.dynamic_metadata.as_deref().and_then(metadata),
        upstream_transport_failure_reason: upstream.transport_failure_reason.to_string(),
        route_name: info.route.as_ref().map_or(String::new(), |it| it.route_name.to_string()),
        filter_state_objects: filter_state(info, &told.filter_state),
        custom_tags: custom_tags(context, told),
        duration: since_start(info.end),
        upstream_request_attempt_count: info.attempts,
        connection_termination_details: info.termination_details.to_string(),
        stream_id: stream_name(context),
        intermediate_log_entry: info.end.is_none(),
        downstream_transport_failure_reason: failure.unwrap_or_default(),
        downstream_wire_bytes_sent: info.wire_bytes_sent,
        downstream_wire_bytes_received: info.wire_bytes_received,
        upstream_wire_bytes_sent: upstream.wire_bytes_sent,
        upstream_wire_bytes_received: upstream.wire_bytes_received,
        access_log_type: log_type(context.log_type),
    }
}

fn elapsed(info: &StreamInfo, at: Instant) -> service::Elapsed {
    let elapsed: Duration = at.saturating_duration_since(info.start);
    service::Elapsed { seconds: elapsed.as_secs() as i64, nanos: elapsed.subsec_nanos() as i32 }
}

fn upstream_cluster(info: &StreamInfo) -> String {
    let chosen = info.upstream.host.as_ref().and(info.cluster.as_ref());
    chosen.map_or(String::new(), |name| name.to_string())
}

/// The id of a request or of a connection that is proxied. Attempts, and connections that carry requests, have none.
fn stream_name(context: &FormatContext<'_>) -> String {
    let carries_requests = context.request.is_none() && context.info.protocol.is_some();
    if carries_requests || context.log_type == LogType::UpstreamEnd {
        return String::new();
    }
    let mut name = Vec::new();
    stream_id(context, &mut name);
    text(&name).into_owned()
}

fn custom_tags(context: &FormatContext<'_>, told: &Told) -> BTreeMap<String, String> {
    let tags = told.tags.iter();
    tags.filter_map(|tag| Some((tag.name.clone(), tag.value(context)?))).collect()
}

/// A serialized ResponseFlags: a boolean for each flag, numbered in their order, but for the one that is a message.
fn response_flags(flags: ResponseFlags) -> Vec<u8> {
    /// `unauthorized_details { reason: EXTERNAL_SERVICE }`
    const UNAUTHORIZED: (u32, &[u8]) = (13, &[8, 1]);
    let known = flags - ResponseFlags::DROP_OVERLOAD - ResponseFlags::UNCONDITIONAL_DROP_OVERLOAD;
    let mut out = Vec::new();
    for flag in known.iter() {
        let number = flag.bits().trailing_zeros() + 1;
        match flag {
            ResponseFlags::UNAUTHORIZED_EXTERNAL_SERVICE => {
                let (number, details) = UNAUTHORIZED;
                prost::encoding::bytes::encode(number, &details.to_vec(), &mut out);
            }
            _ => prost::encoding::bool::encode(number, &true, &mut out),
        }
    }
    out
}

fn metadata(all: &Value) -> Option<service::Metadata> {
    let namespaces = all.as_object()?.iter();
    let found = namespaces.filter_map(|(name, value)| Some((name.clone(), to_struct(value)?)));
    let filter_metadata: BTreeMap<_, _> = found.collect();
    (!filter_metadata.is_empty()).then_some(service::Metadata { filter_metadata })
}

/// Objects of filter state: texts as StringValue, others as Struct.
fn filter_state(info: &StreamInfo, names: &[String]) -> BTreeMap<String, service::PackedMessage> {
    let find = |name: &String| {
        let object = info.filter_objects.get(name).map(|object| &object.typed);
        let value = object.or_else(|| info.filter_state.as_deref()?.get(name))?;
        Some((name.clone(), packed(value)?))
    };
    names.iter().filter_map(find).collect()
}

fn packed(value: &Value) -> Option<service::PackedMessage> {
    let (kind, value) = match value {
        Value::String(text) => {
            let mut out = Vec::new();
            prost::encoding::string::encode(1, text, &mut out);
            ("StringValue", out)
        }
        other => ("Struct", to_struct(other)?.encode_to_vec()),
    };
    Some(service::PackedMessage {
        type_url: format!("type.googleapis.com/google.protobuf.{kind}"),
        value,
    })
}

/// The number of envoy.data.accesslog.v3.AccessLogType.
fn log_type(log_type: LogType) -> u32 {
    match log_type {
        LogType::NotSet => 0,
        LogType::TcpUpstreamConnected => 1,
        LogType::TcpPeriodic => 2,
        LogType::TcpConnectionEnd => 3,
        LogType::DownstreamStart => 4,
        LogType::DownstreamPeriodic => 5,
        LogType::DownstreamEnd => 6,
        LogType::UpstreamEnd => 9,
        LogType::DownstreamTunnelSuccessfullyEstablished => 10,
        LogType::TcpConnectionStart => 14,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{metadata, packed, response_flags};
    use crate::http::flags::ResponseFlags;

    #[test]
    fn flags_are_fields_by_their_number() {
        assert!(response_flags(ResponseFlags::DROP_OVERLOAD).is_empty());
        let flags = ResponseFlags::FAILED_LOCAL_HEALTH_CHECK
            | ResponseFlags::UNAUTHORIZED_EXTERNAL_SERVICE
            | ResponseFlags::DOWNSTREAM_REMOTE_RESET;
        assert_eq!(response_flags(flags), [8, 1, 13 << 3 | 2, 2, 8, 1, 0xe8, 1, 1]);
    }

    #[test]
    fn filter_state_is_packed_by_its_kind() {
        let text = packed(&json!("a")).unwrap();
        assert_eq!(text.type_url, "type.googleapis.com/google.protobuf.StringValue");
        assert_eq!(text.value, [10, 1, b'a']);
        assert!(packed(&json!({"a": 1})).unwrap().type_url.ends_with(".Struct"));
        assert!(packed(&json!(1)).is_none());
    }

    #[test]
    fn metadata_without_a_namespace_is_none() {
        assert!(metadata(&json!({})).is_none());
        assert_eq!(metadata(&json!({"a": {"b": 1}})).unwrap().filter_metadata.len(), 1);
    }
}
