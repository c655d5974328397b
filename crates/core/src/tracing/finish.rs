//! What spans tell, once their request or attempt has ended.
//! <https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/observability/tracing#what-data-each-trace-contains>

use std::rc::Rc;
use std::time::{Instant, SystemTime};

use super::config::Tracing;
use super::request::Active;
use super::sampling::Reason;
use super::span::{names, Span, Value, PROXY, TRUE};
use super::tracer::Tracer;
use crate::filters::router::Failure;
use crate::formatter::{is_grpc, LogType};
use crate::headers::{HeaderId, Headers, Key};
use crate::http::flags::ResponseFlags;
use crate::http::stream::Stream;
use crate::http::stream_info::StreamInfo;
use crate::proto::HttpStat;

const ABSENT: &[u8] = b"-";

/// Statuses of gRPC that are a server's fault: UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE and
/// DATA_LOSS.
pub(super) const GRPC_SERVER_FAULTS: [&str; 6] = ["2", "4", "12", "13", "14", "15"];

/// Ends the trace of a request that has ended, and counts why it was traced.
pub fn finish(stream: &mut Stream) {
    let config = stream.manager.config.clone();
    let Some(tracing) = &config.tracing else { return };
    let mut trace = stream.info.trace.take();
    if stream.info.health_check {
        trace = None;
    }
    let reason = trace.as_ref().map_or(Reason::NotTraceable, |trace| trace.reason);
    if stream.info.response_code != 0 {
        stream.manager.block.inc(match reason {
            Reason::NotTraceable => HttpStat::HttpTracingNotTraceable,
            Reason::Sampled => HttpStat::HttpTracingRandomSampling,
            Reason::Forced => HttpStat::HttpTracingServiceForced,
            Reason::Client => HttpStat::HttpTracingClientEnabled,
        });
    }
    let Some(Active { tracer, mut span, attempt }) = trace.and_then(|trace| trace.active) else {
        return;
    };
    if let Some(attempt) = attempt {
        cancel_attempt(tracing, &tracer, attempt, stream);
    }
    if !span.context.sampled {
        return;
    }
    describe_request(&mut span, tracing, &stream.request);
    tracer.config.of_requests.apply(&mut span, &stream.context(LogType::NotSet));
    grpc_answer(&mut span, &stream.response);
    grpc_answer(&mut span, &stream.trailers);
    if tracing.verbose {
        let info = &stream.info;
        let up = &info.upstream;
        tell_times(
            &mut span,
            info,
            &[
                (info.last_rx, "last_downstream_rx_byte_received"),
                (up.first_tx, "first_upstream_tx_byte_sent"),
                (up.last_tx, "last_upstream_tx_byte_sent"),
                (up.first_rx, "first_upstream_rx_byte_received"),
                (up.last_rx, "last_upstream_rx_byte_received"),
                (info.first_tx, "first_downstream_tx_byte_sent"),
                (info.last_tx, "last_downstream_tx_byte_sent"),
            ],
        );
    }
    conclude(&mut span, tracing, stream);
    tracer.report(&stream.worker, span);
}

/// Ends the span of an attempt, about which alone `stream.info` is now.
pub fn finish_attempt(stream: &mut Stream, failure: Option<&Failure>) {
    let attempt = stream.info.trace.as_mut().and_then(|trace| {
        let active = trace.active.as_mut()?;
        Some((active.tracer.clone(), active.attempt.take()?))
    });
    let config = stream.manager.config.clone();
    if let (Some(tracing), Some((tracer, mut span))) = (&config.tracing, attempt) {
        match failure {
            None if stream.info.response_code == 0 => {
                return cancel_attempt(tracing, &tracer, span, stream);
            }
            None => {
                grpc_answer(&mut span, &stream.response);
                grpc_answer(&mut span, &stream.trailers);
            }
            Some(Failure::Timeout(_) | Failure::ClientGone) => {
                return cancel_attempt(tracing, &tracer, span, stream);
            }
            Some(failure) => span.tag("error.reason", failure.reset_reason()),
        }
        report_attempt(tracing, &tracer, span, stream);
    }
}

/// Ends the span of an attempt that is given up. What is known against the client is nothing of the attempt.
fn cancel_attempt(tracing: &Tracing, tracer: &Rc<Tracer>, mut span: Span, stream: &mut Stream) {
    span.tag(names::CANCELED, TRUE);
    let flags = std::mem::replace(&mut stream.info.flags, ResponseFlags::empty());
    report_attempt(tracing, tracer, span, stream);
    stream.info.flags = flags;
}

fn report_attempt(tracing: &Tracing, tracer: &Rc<Tracer>, mut span: Span, stream: &Stream) {
    if !span.context.sampled {
        return;
    }
    tracer.config.of_attempts.apply(&mut span, &stream.context(LogType::NotSet));
    if tracing.verbose {
        let up = &stream.info.upstream;
        tell_times(
            &mut span,
            &stream.info,
            &[
                (up.first_tx, "first_upstream_tx_byte_sent"),
                (up.last_tx, "last_upstream_tx_byte_sent"),
                (up.first_rx, "first_upstream_rx_byte_received"),
                (up.last_rx, "last_upstream_rx_byte_received"),
            ],
        );
    }
    conclude(&mut span, tracing, stream);
    tracer.report(&stream.worker, span);
}

/// What the head of a request tells.
fn describe_request(span: &mut Span, tracing: &Tracing, request: &Headers) {
    span.tag("node_id", tracing.node_id.as_str());
    span.tag("zone", tracing.zone.as_str());
    let mut tell = |tag: &'static str, header: HeaderId, absent: Option<&[u8]>| {
        if let Some(value) = request.get(header).or(absent) {
            span.tag(tag, Value::text(value));
        }
    };
    tell("guid:x-request-id", HeaderId::XRequestId, None);
    tell("http.method", HeaderId::Method, Some(b""));
    tell("downstream_cluster", HeaderId::XEnvoyDownstreamServiceCluster, Some(ABSENT));
    tell("user_agent", HeaderId::UserAgent, Some(ABSENT));
    tell("guid:x-client-trace-id", HeaderId::XClientTraceId, None);
    if is_grpc(request) {
        tell("grpc.path", HeaderId::Path, None);
        tell("grpc.authority", HeaderId::Authority, None);
        tell("grpc.content_type", HeaderId::ContentType, None);
        tell("grpc.timeout", HeaderId::GrpcTimeout, None);
    }
    span.tag("http.url", Value::text(&url(request, tracing.max_path_tag_length)));
}

/// What the client asked for, with at most `limit` bytes of the path.
fn url(request: &Headers, limit: usize) -> Vec<u8> {
    let part = |header| request.get(header).unwrap_or_default();
    let Some(path) = request.get(HeaderId::Path) else { return Vec::new() };
    let path = request.get(HeaderId::XEnvoyOriginalPath).unwrap_or(path);
    let path = &path[..path.len().min(limit)];
    [part(HeaderId::XForwardedProto), b"://", part(HeaderId::Authority), path].concat()
}

/// What a response says of a call of gRPC, in its head or its trailers.
fn grpc_answer(span: &mut Span, headers: &Headers) {
    let Some(status) = headers.get_str(HeaderId::GrpcStatus) else { return };
    span.tag(names::GRPC_STATUS, status);
    if GRPC_SERVER_FAULTS.contains(&status) {
        span.tag(names::ERROR, TRUE);
    }
    if let Some(message) = headers.get(Key::Known(HeaderId::GrpcMessage)) {
        span.tag("grpc.message", Value::text(message));
    }
}

fn tell_times(span: &mut Span, info: &StreamInfo, times: &[(Option<Instant>, &'static str)]) {
    let at = |instant: Instant| -> SystemTime {
        info.start_wall + instant.saturating_duration_since(info.start)
    };
    let known = times.iter().filter_map(|(instant, name)| Some((at((*instant)?), *name)));
    span.events.extend(known);
}

/// What the proxy tells of every request and attempt, then what the configuration adds.
fn conclude(span: &mut Span, tracing: &Tracing, stream: &Stream) {
    let name = stream.choice.as_ref().map(|choice| &choice.name);
    let info = &stream.info;
    describe_upstream(span, name.map(|name| &**name), info.cluster.as_deref(), info.response_code);
    let of_route = stream.route.as_ref().and_then(|route| route.tracing.as_deref());
    tracing.apply_tags(of_route, span, &stream.context(LogType::NotSet));
}

/// The cluster of a request, by its name and by the one that stats have, and whether its answer is an error.
pub(super) fn describe_upstream(
    span: &mut Span,
    name: Option<&str>,
    stats_name: Option<&str>,
    status: u16,
) {
    span.tag(names::COMPONENT, PROXY);
    if let (Some(name), Some(stats_name)) = (name, stats_name) {
        span.tag(names::UPSTREAM_CLUSTER, name);
        span.tag("upstream_cluster.name", stats_name);
    }
    if status == 0 || status >= 500 {
        span.tag(names::ERROR, TRUE);
    }
}

#[cfg(test)]
mod tests {
    use super::url;
    use crate::headers::{HeaderId, Headers};

    #[test]
    fn the_url_is_what_the_client_asked_for() {
        let mut request = Headers::new();
        assert_eq!(url(&request, 9), b"");
        request.append(HeaderId::XForwardedProto, b"https");
        request.append(HeaderId::Authority, b"a.b");
        request.append(HeaderId::Path, b"/new");
        assert_eq!(url(&request, 9), b"https://a.b/new");
        request.append(HeaderId::XEnvoyOriginalPath, b"/old?q=1");
        assert_eq!(url(&request, 6), b"https://a.b/old?q");
    }
}
