//! Commands without an argument: one function each, listed in [`FACTS`].

use std::time::{Duration, Instant};

use super::address::{push_address, push_host};
use super::{FormatContext, Rendered};
use crate::connection::Inspected;
use crate::headers::HeaderId;
use crate::http::flags::{ResponseFlags, NAMES};
use crate::http::stream_info::{CloseType, Protocol, StreamInfo};
use crate::random::Random;
use crate::tracing::Trace;
use crate::upstream::Host;

/// Appends one fact.
pub type Fact = fn(&FormatContext<'_>, &mut Vec<u8>) -> Rendered;

/// Every command without an argument that asks for a fact of the stream.
pub const FACTS: &[(&str, Fact)] = &[
    ("ACCESS_LOG_TYPE", |c, out| Rendered::text(Some(c.log_type.name().as_bytes()), out)),
    ("BYTES_RECEIVED", |c, out| Rendered::number(c.info.bytes_received, out)),
    ("BYTES_RETRANSMITTED", |_, out| Rendered::number(0u64, out)),
    ("BYTES_SENT", |c, out| Rendered::number(c.info.bytes_sent, out)),
    ("CONNECTION_ID", |c, out| Rendered::number(c.info.connection.id, out)),
    ("CONNECTION_TERMINATION_DETAILS", |c, out| Rendered::filled(&c.info.termination_details, out)),
    ("CUSTOM_FLAGS", |_, _| Rendered::Text),
    ("DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED", |c, out| {
        Rendered::number(c.info.header_bytes_received, out)
    }),
    ("DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT", |c, out| {
        Rendered::number(c.info.header_bytes_sent, out)
    }),
    ("DOWNSTREAM_DETECTED_CLOSE_TYPE", |c, out| {
        Rendered::text(Some(c.info.close_type.name().as_bytes()), out)
    }),
    ("DOWNSTREAM_HEADER_BYTES_RECEIVED", |c, out| {
        Rendered::number(c.info.header_bytes_received, out)
    }),
    ("DOWNSTREAM_HEADER_BYTES_SENT", |c, out| Rendered::number(c.info.header_bytes_sent, out)),
    ("DOWNSTREAM_LOCAL_CLOSE_REASON", |c, out| Rendered::filled(&c.info.local_close_reason, out)),
    ("DOWNSTREAM_WIRE_BYTES_RECEIVED", |c, out| Rendered::number(c.info.wire_bytes_received, out)),
    ("DOWNSTREAM_WIRE_BYTES_SENT", |c, out| Rendered::number(c.info.wire_bytes_sent, out)),
    ("DURATION", |c, out| {
        let end = c.info.end.unwrap_or_else(Instant::now);
        millis(Some(end.saturating_duration_since(c.info.start)), out)
    }),
    ("FILTER_CHAIN_NAME", |c, out| Rendered::filled(&c.info.connection.filter_chain, out)),
    ("LISTENER_NAME", |c, out| Rendered::filled(&c.info.connection.listener, out)),
    ("LOCAL_REPLY_BODY", |c, out| Rendered::text(Some(c.local_reply_body), out)),
    ("PACKETS_RETRANSMITTED", |_, out| Rendered::number(0u64, out)),
    ("PROTOCOL", |c, out| protocol(c.info.protocol, out)),
    ("REQUEST_DURATION", |c, out| since_start(c, c.info.last_rx, out)),
    ("REQUEST_HEADERS_BYTES", |c, out| {
        Rendered::number(c.request.map_or(0, |headers| headers.byte_size()), out)
    }),
    ("REQUEST_TX_DURATION", |c, out| since_start(c, c.info.upstream.last_tx, out)),
    ("RESPONSE_CODE", |c, out| Rendered::number(c.info.response_code, out)),
    ("RESPONSE_DURATION", |c, out| since_start(c, c.info.upstream.first_rx, out)),
    ("RESPONSE_FLAGS", |c, out| response_flags(c, out, |(_, short, _)| short)),
    ("RESPONSE_FLAGS_LONG", |c, out| response_flags(c, out, |(_, _, long)| long)),
    ("RESPONSE_HEADERS_BYTES", |c, out| {
        Rendered::number(c.response.map_or(0, |headers| headers.byte_size()), out)
    }),
    ("RESPONSE_TRAILERS_BYTES", |c, out| {
        Rendered::number(c.trailers.map_or(0, |headers| headers.byte_size()), out)
    }),
    ("RESPONSE_TX_DURATION", |c, out| {
        let sent = c.info.upstream.first_rx.zip(c.info.last_tx);
        millis(sent.map(|(first, last)| last.saturating_duration_since(first)), out)
    }),
    ("ROUTE_NAME", |c, out| {
        Rendered::filled(c.info.route.as_ref().map_or("", |route| &route.route_name), out)
    }),
    ("ROUTE_RESOLUTION_COUNT", |c, out| Rendered::number(u64::from(was_routed(c)), out)),
    // A look-up takes less than a microsecond.
    ("ROUTE_RESOLUTION_TIME_US", |c, out| match was_routed(c) {
        true => Rendered::number(0u64, out),
        false => Rendered::Absent,
    }),
    ("SPAN_ID", |c, out| of_trace(c, out, Trace::span_id)),
    ("STREAM_ID", stream_id),
    ("TLS_JA3_FINGERPRINT", |c, out| inspected(c, out, |it| &it.ja3)),
    ("TLS_JA4_FINGERPRINT", |c, out| inspected(c, out, |it| &it.ja4)),
    ("TRACE_ID", |c, out| of_trace(c, out, Trace::trace_id)),
    ("UNIQUE_ID", |_, out| {
        thread_local!(static RANDOM: Random = Random::new());
        let (high, low) = RANDOM.with(|random| (random.next(), random.next()));
        push_uuid(high, low, out);
        Rendered::Text
    }),
    ("UPSTREAM_CLUSTER", cluster),
    ("UPSTREAM_CLUSTER_RAW", cluster),
    ("UPSTREAM_CONNECTION_ID", |c, out| {
        Rendered::number(c.info.upstream.connection_id.unwrap_or(0), out)
    }),
    ("UPSTREAM_CONNECTION_IDS_ATTEMPTED", |c, out| {
        let ids = attempts(c).filter_map(|(_, id)| id);
        list(ids, out, |id, out| _ = Rendered::number(id, out))
    }),
    ("UPSTREAM_CONNECTION_POOL_READY_DURATION", |c, out| {
        millis(c.info.upstream.pool_ready_after, out)
    }),
    ("UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED", |c, out| {
        Rendered::number(c.info.upstream.header_bytes_received, out)
    }),
    ("UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT", |c, out| {
        Rendered::number(c.info.upstream.header_bytes_sent, out)
    }),
    ("UPSTREAM_DETECTED_CLOSE_TYPE", |c, out| {
        let close = c.info.upstream.close_type.map(CloseType::name);
        let normal = c.info.upstream.host.as_ref().map(|_| "Normal");
        Rendered::text(close.or(normal).map(str::as_bytes), out)
    }),
    ("UPSTREAM_HEADER_BYTES_RECEIVED", |c, out| {
        Rendered::number(c.info.upstream.header_bytes_received, out)
    }),
    ("UPSTREAM_HEADER_BYTES_SENT", |c, out| {
        Rendered::number(c.info.upstream.header_bytes_sent, out)
    }),
    ("UPSTREAM_HOST", |c, out| host(c, out, push_host_address)),
    ("UPSTREAM_HOSTS_ATTEMPTED", |c, out| {
        list(attempts(c), out, |(host, _), out| push_host_address(host, out))
    }),
    ("UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT", |c, out| {
        list(attempts(c), out, |(host, _), out| push_host(&host.address, out))
    }),
    ("UPSTREAM_HOST_NAME", |c, out| host(c, out, push_host_name)),
    ("UPSTREAM_HOST_NAMES_ATTEMPTED", |c, out| {
        list(attempts(c), out, |(host, _), out| push_host_name(host, out))
    }),
    ("UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT", |c, out| {
        list(attempts(c), out, |(host, _), out| push_host_name_without_port(host, out))
    }),
    ("UPSTREAM_HOST_NAME_WITHOUT_PORT", |c, out| host(c, out, push_host_name_without_port)),
    ("UPSTREAM_PROTOCOL", |c, out| protocol(c.info.upstream.protocol, out)),
    ("UPSTREAM_REQUEST_ATTEMPT_COUNT", |c, out| Rendered::number(c.info.attempts, out)),
    ("UPSTREAM_TRANSPORT_FAILURE_REASON", |c, out| {
        let start = out.len();
        let rendered = Rendered::filled(&c.info.upstream.transport_failure_reason, out);
        underscore_whitespace(&mut out[start..]);
        rendered
    }),
    ("UPSTREAM_WIRE_BYTES_RECEIVED", |c, out| {
        Rendered::number(c.info.upstream.wire_bytes_received, out)
    }),
    ("UPSTREAM_WIRE_BYTES_SENT", |c, out| Rendered::number(c.info.upstream.wire_bytes_sent, out)),
    ("VIRTUAL_CLUSTER_NAME", |c, out| {
        Rendered::filled(c.info.virtual_cluster.as_deref().unwrap_or(""), out)
    }),
];

/// A route was looked for: the request had a target.
fn was_routed(context: &FormatContext<'_>) -> bool {
    context.request.is_some_and(|headers| headers.contains(HeaderId::Path))
}

fn inspected(
    context: &FormatContext<'_>,
    out: &mut Vec<u8>,
    of: fn(&Inspected) -> &str,
) -> Rendered {
    Rendered::filled(context.info.connection.inspected.as_deref().map_or("", of), out)
}

fn millis(duration: Option<Duration>, out: &mut Vec<u8>) -> Rendered {
    match duration {
        Some(duration) => Rendered::number(duration.as_millis() as u64, out),
        None => Rendered::Absent,
    }
}

fn since_start(context: &FormatContext<'_>, at: Option<Instant>, out: &mut Vec<u8>) -> Rendered {
    millis(at.map(|at| at.saturating_duration_since(context.info.start)), out)
}

fn of_trace(
    context: &FormatContext<'_>,
    out: &mut Vec<u8>,
    id: fn(&Trace) -> Option<String>,
) -> Rendered {
    let id = context.info.trace.as_deref().and_then(id);
    Rendered::text(id.as_deref().map(str::as_bytes), out)
}

fn protocol(protocol: Option<Protocol>, out: &mut Vec<u8>) -> Rendered {
    Rendered::text(protocol.map(|protocol| protocol.name().as_bytes()), out)
}

fn cluster(context: &FormatContext<'_>, out: &mut Vec<u8>) -> Rendered {
    Rendered::text(context.info.cluster.as_ref().map(|name| name.as_bytes()), out)
}

fn host(context: &FormatContext<'_>, out: &mut Vec<u8>, push: fn(&Host, &mut Vec<u8>)) -> Rendered {
    match &context.info.upstream.host {
        Some(host) => {
            push(host, out);
            Rendered::Text
        }
        None => Rendered::Absent,
    }
}

fn push_host_address(host: &Host, out: &mut Vec<u8>) {
    push_address(&host.address, out);
}

fn push_host_name(host: &Host, out: &mut Vec<u8>) {
    match host.hostname.is_empty() {
        true => push_address(&host.address, out),
        false => out.extend_from_slice(host.hostname.as_bytes()),
    }
}

fn push_host_name_without_port(host: &Host, out: &mut Vec<u8>) {
    let name = host.hostname.as_bytes();
    if name.is_empty() {
        return push_host(&host.address, out);
    }
    let port = memchr::memrchr(b':', name)
        .filter(|&at| at + 1 < name.len() && name[at + 1..].iter().all(u8::is_ascii_digit));
    out.extend_from_slice(&name[..port.unwrap_or(name.len())]);
}

/// Each host that got a connection (for TCP: that was tried), oldest first.
fn attempts<'a>(context: &FormatContext<'a>) -> impl Iterator<Item = (&'a Host, Option<u64>)> + 'a {
    let upstream = &context.info.upstream;
    let is_http = context.info.protocol.is_some();
    let earlier = upstream.earlier_attempts.iter().map(|a| (a.host.as_ref(), a.connection_id));
    let latest = upstream.host.as_deref().map(|host| (host, upstream.connection_id));
    earlier.chain(latest).filter(move |(_, connection)| !is_http || connection.is_some())
}

/// Appends items with commas; no item at all is an absent value.
fn list<T>(
    items: impl Iterator<Item = T>,
    out: &mut Vec<u8>,
    mut push: impl FnMut(T, &mut Vec<u8>),
) -> Rendered {
    let start = out.len();
    for item in items {
        if out.len() > start {
            out.push(b',');
        }
        push(item, out);
    }
    if out.len() == start {
        return Rendered::Absent;
    }
    Rendered::Text
}

/// The flags of a response by their short names.
pub(crate) fn short_flags(info: &StreamInfo) -> String {
    let mut out = Vec::new();
    flag_names(info, &mut out, |(_, short, _)| short);
    String::from_utf8(out).unwrap_or_default()
}

fn response_flags(context: &FormatContext<'_>, out: &mut Vec<u8>, name: FlagName) -> Rendered {
    flag_names(context.info, out, name)
}

type FlagName = fn(&(ResponseFlags, &'static str, &'static str)) -> &'static str;

/// RESPONSE_FLAGS: `-` when there are none, also where absent values are left out.
fn flag_names(info: &StreamInfo, out: &mut Vec<u8>, name: FlagName) -> Rendered {
    let mut flags = info.flags;
    if flags.is_empty() {
        out.push(b'-');
        return Rendered::Text;
    }
    // Envoy lists flags as they were set: for HTTP the retry limit comes before the reason of the last
    // failure, for TCP after it.
    const RETRY_LIMIT: ResponseFlags = ResponseFlags::UPSTREAM_RETRY_LIMIT_EXCEEDED;
    let retry_limit_first = info.protocol.is_some() && flags.contains(RETRY_LIMIT);
    if retry_limit_first {
        flags.remove(RETRY_LIMIT);
    }
    let first = NAMES.iter().filter(|entry| retry_limit_first && entry.0 == RETRY_LIMIT);
    let rest = NAMES.iter().filter(|entry| flags.contains(entry.0));
    list(first.chain(rest), out, |entry, out| out.extend_from_slice(name(entry).as_bytes()))
}

/// The request id of a request, or an id of the connection.
pub fn stream_id(context: &FormatContext<'_>, out: &mut Vec<u8>) -> Rendered {
    if let Some(headers) = context.request {
        return Rendered::text(headers.get(HeaderId::XRequestId), out);
    }
    let info = context.info;
    push_uuid(super::text::mix(info.stream_id), super::text::mix(info.connection.id), out);
    Rendered::Text
}

/// Appends a version 4 UUID made of 122 of the given bits.
fn push_uuid(high: u64, low: u64, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let high = high & !0xf000 | 0x4000;
    let low = low & !(0b11 << 62) | 0b10 << 62;
    let bits = (u128::from(high) << 64) | u128::from(low);
    for position in 0..32 {
        if matches!(position, 8 | 12 | 16 | 20) {
            out.push(b'-');
        }
        out.push(DIGITS[(bits >> (124 - position * 4)) as usize & 15]);
    }
}

/// RESPONSE_CODE_DETAILS: without white space unless it is allowed.
pub fn response_code_details(
    context: &FormatContext<'_>,
    allow_whitespaces: bool,
    out: &mut Vec<u8>,
) -> Rendered {
    let start = out.len();
    let rendered = Rendered::filled(&context.info.details, out);
    if !allow_whitespaces {
        underscore_whitespace(&mut out[start..]);
    }
    rendered
}

fn underscore_whitespace(text: &mut [u8]) {
    text.iter_mut().filter(|byte| byte.is_ascii_whitespace()).for_each(|byte| *byte = b'_');
}
