//! The filter `istio.stats`: Istio's standard metrics of requests.
//! Source: `contrib/istio/filters/http/istio_stats` of Envoy.

use std::sync::Arc;
use std::time::Instant;

use super::bodies::{attach, Piece, StreamFilter};
use super::grpc_stats::message_counts;
use super::Head;
use crate::clock;
use crate::compile::Result;
use crate::formatter::{response_status, short_flags, LogType};
use crate::headers::HeaderId;
use crate::http::stream::{Answer, Stream};
use crate::mesh::metrics::{Ends, Metric, Metrics, Reporter, Tags};
use crate::proto;
use crate::route::is_grpc;

pub struct IstioStats(Arc<Metrics>);

/// A call of gRPC, of which one filter tells.
pub struct Call {
    place: usize,
    /// Messages of the request and of the response.
    told: (u64, u64),
    last: Instant,
}

/// Tells of the messages of a call while it goes on.
struct Telling {
    metrics: Arc<Metrics>,
    place: usize,
}

impl IstioStats {
    /// # Errors
    /// A metric that there is not.
    pub fn compile(message: &proto::IstioStatsFilter) -> Result<Self> {
        Metrics::compile(message).map(|metrics| Self(Arc::new(metrics)))
    }

    /// Calls may be long: their messages are told of while they go on.
    pub fn request(&self, place: usize, stream: &mut Stream) {
        if !is_grpc(&stream.request) {
            return;
        }
        stream.calls.push(Call { place, told: (0, 0), last: clock::now() });
        attach(stream, place, Telling { metrics: self.0.clone(), place });
    }

    /// Tells of a request that is over, whether it came as far as the filter at `place` or not.
    pub fn complete(&self, place: usize, stream: &Stream) {
        let metrics = &self.0;
        let call = stream.calls.iter().find(|call| call.place == place);
        let mut tags = tags(metrics, stream);
        if let Some(call) = call {
            tell(metrics, stream, &tags, call.told);
        }
        let status = call.and_then(|_| response_status(&stream.context(LogType::NotSet)));
        tags.push("request_protocol", if call.is_some() { "grpc" } else { "http" });
        tags.push("response_code", stream.info.response_code.to_string());
        tags.push("grpc_response_status", status.map_or(String::new(), |it| it.to_string()));
        tags.push_security(short_flags(&stream.info));
        let info = &stream.info;
        let end = info.end.unwrap_or(info.start);
        let duration = end.saturating_duration_since(info.start).as_millis() as u64;
        metrics.record(
            &stream.worker,
            &metrics.names(&tags),
            &[
                (Metric::Requests, 1),
                (Metric::RequestDuration, duration),
                (Metric::RequestBytes, info.wire_bytes_received),
                (Metric::ResponseBytes, info.wire_bytes_sent),
            ],
        );
    }
}

fn tags<'a>(metrics: &'a Metrics, stream: &'a Stream) -> Tags<'a> {
    let info = &stream.info;
    let reporter = metrics.reporter(info);
    let (peer, endpoint) = match reporter {
        Reporter::Source => (&info.peers.upstream, None),
        Reporter::Destination => (&info.peers.downstream, None),
        Reporter::Gateway => (&info.peers.downstream, info.peers.upstream.as_deref()),
    };
    let host = stream.request.get(HeaderId::Authority);
    Tags::of(metrics, reporter, &Ends { info, host, peer: peer.as_deref(), endpoint })
}

/// Tells of the messages beyond those that were told of, as `grpc_stats` has counted them.
fn tell(metrics: &Metrics, stream: &Stream, tags: &Tags<'_>, told: (u64, u64)) {
    let Some((request, response)) = message_counts(&stream.info) else { return };
    let values = [
        (Metric::RequestMessages, request.saturating_sub(told.0)),
        (Metric::ResponseMessages, response.saturating_sub(told.1)),
    ];
    metrics.record(&stream.worker, &metrics.names(tags), &values);
}

impl Telling {
    fn tell(&self, stream: &mut Stream) {
        let Some(interval) = self.metrics.interval else { return };
        let Some(number) = stream.calls.iter().position(|call| call.place == self.place) else {
            return;
        };
        let call = &stream.calls[number];
        if clock::since(call.last) < interval || !knows_peer(&self.metrics, stream) {
            return;
        }
        tell(&self.metrics, stream, &tags(&self.metrics, stream), call.told);
        let told = message_counts(&stream.info).unwrap_or_default();
        stream.calls[number] = Call { place: self.place, told, last: clock::now() };
    }
}

fn knows_peer(metrics: &Metrics, stream: &Stream) -> bool {
    let peers = &stream.info.peers;
    match metrics.reporter(&stream.info) {
        Reporter::Source => peers.upstream.is_some(),
        Reporter::Destination | Reporter::Gateway => peers.downstream.is_some(),
    }
}

impl StreamFilter for Telling {
    fn request_body(
        &mut self,
        stream: &mut Stream,
        _piece: &mut Piece<'_>,
    ) -> std::result::Result<(), Box<Answer>> {
        self.tell(stream);
        Ok(())
    }

    fn response_body(
        &mut self,
        stream: &mut Stream,
        _piece: &mut Piece<'_>,
    ) -> std::result::Result<Head, Box<Answer>> {
        self.tell(stream);
        Ok(Head::Pass)
    }
}
