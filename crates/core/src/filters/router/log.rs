//! What is told of attempts: access logs (`upstream_log`), spans and histograms.

use super::failure::Failure;
use super::parties::Parties;
use super::usage;
use crate::clock;
use crate::formatter::LogType;
use crate::tracing;
use crate::upstream::Cluster;

/// Tells of an attempt that has ended. As with Envoy, logs and spans know the attempt alone: its status, its
/// flags and its connection, but not how many there were nor what became of the request. A `status` of 0: there was
/// no response. `cluster`: the one of the route, which may be an aggregate.
pub fn attempt(
    parties: &mut Parties<'_>,
    cluster: &Cluster,
    status: u16,
    failure: Option<&Failure>,
) {
    if matches!(failure, Some(Failure::NoHost { .. })) {
        return;
    }
    usage::of_attempt(parties, cluster, failure);
    let (router, stream) = (parties.router, &mut *parties.stream);
    if stream.info.trace.is_none() && router.upstream_logs.is_empty() {
        return;
    }
    let of_others = (status == 0).then(|| std::mem::take(&mut stream.response));
    let info = &mut stream.info;
    let of_request = (info.response_code, info.flags, info.attempts, info.protocol);
    let times = (info.last_rx.take(), info.first_tx.take(), info.last_tx.take());
    let details = std::mem::take(&mut info.details);
    let reason = info.upstream.transport_failure_reason.clone();
    info.response_code = status;
    info.attempts = 0;
    info.protocol = info.upstream.protocol;
    info.end = Some(clock::now());
    info.flags = info.upstream.flags;
    if let Some(failure) = failure.filter(|failure| !matches!(failure, Failure::Timeout(_))) {
        info.flags |= failure.flag();
    }
    if let Some(Failure::Connect { reason, .. }) = failure {
        info.upstream.transport_failure_reason = reason.clone();
    }
    // The trace is the request's: logs of attempts know nothing of it.
    let trace = stream.info.trace.take();
    let context = stream.context(LogType::UpstreamEnd);
    let runtime = stream.worker.runtime();
    for log in &router.upstream_logs {
        log.write(&context, &stream.worker, &runtime);
    }
    stream.info.trace = trace;
    tracing::finish_attempt(stream, failure);
    let info = &mut stream.info;
    (info.response_code, info.flags, info.attempts, info.protocol) = of_request;
    (info.last_rx, info.first_tx, info.last_tx) = times;
    info.end = None;
    info.details = details;
    info.upstream.transport_failure_reason = reason;
    if let Some(response) = of_others {
        stream.response = response;
    }
}
