//! The gRPC statistics filter.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/grpc_stats_filter>

use std::collections::{HashMap, HashSet};

use serde_json::json;

use super::bodies::{attach, Piece, StreamFilter};
use super::grpc::{
    is_grpc_response, service_and_method, FrameCounter, MethodStats, REQUEST_MESSAGES,
    RESPONSE_MESSAGES,
};
use super::Head;
use crate::clock;
use crate::headers::HeaderId;
use crate::http::stream::{Answer, Stream};
use crate::http::stream_info::StreamInfo;
use crate::proto;
use crate::route::is_grpc;

/// Where Envoy keeps the counts of a request's messages.
const STATE: &str = "envoy.filters.http.grpc_stats";

/// How many messages the request and the response of a call have had so far, where the filter keeps that.
pub fn message_counts(info: &StreamInfo) -> Option<(u64, u64)> {
    let (request, response) = info.filter_objects.get(STATE)?.plain.split_once(',')?;
    Some((request.parse().ok()?, response.parse().ok()?))
}

pub struct GrpcStats {
    emit_filter_state: bool,
    upstream_time: bool,
    replace_dots: bool,
    all_methods: bool,
    /// Methods, by service, that have stats of their own; the others share theirs.
    listed: HashMap<String, HashSet<String>>,
}

/// What is counted of one request.
struct Counting {
    stats: Option<MethodStats>,
    emit_filter_state: bool,
    upstream_time: bool,
    of_grpc: bool,
    request: FrameCounter,
    response: FrameCounter,
}

impl GrpcStats {
    pub fn compile(message: &proto::GrpcStatsFilter) -> Self {
        let mut listed: HashMap<String, HashSet<String>> = HashMap::new();
        for service in &message.listed {
            let methods = listed.entry(service.name.clone()).or_default();
            methods.extend(service.methods.iter().cloned());
        }
        Self {
            emit_filter_state: message.emit_filter_state,
            upstream_time: message.enable_upstream_stats,
            replace_dots: message.replace_dots_in_grpc_service_name,
            all_methods: message.stats_for_all_methods,
            listed,
        }
    }

    pub fn request(&self, place: usize, stream: &mut Stream) {
        if !is_grpc(&stream.request) {
            return;
        }
        let counting = Counting {
            stats: self.stats(stream),
            emit_filter_state: self.emit_filter_state,
            upstream_time: self.upstream_time,
            of_grpc: false,
            request: FrameCounter::default(),
            response: FrameCounter::default(),
        };
        if counting.stats.is_some() || self.emit_filter_state {
            attach(stream, place, counting);
        }
    }

    fn stats(&self, stream: &Stream) -> Option<MethodStats> {
        let cluster = stream.cluster.clone()?;
        let (service, method) = service_and_method(stream.request.get(HeaderId::Path)?)?;
        let has_own = || self.listed.get(service).is_some_and(|methods| methods.contains(method));
        let name = match self.all_methods {
            true if self.replace_dots => format!("grpc.{}.{method}", service.replace('.', "_")),
            true => format!("grpc.{service}.{method}"),
            false if has_own() => format!("grpc.{service}.{method}"),
            false => "grpc".to_owned(),
        };
        Some(MethodStats::new(cluster, name))
    }
}

impl Counting {
    fn emit(&self, stream: &mut Stream) {
        if !self.emit_filter_state {
            return;
        }
        let (request, response) = (self.request.count, self.response.count);
        let object = json!({
            "requestMessageCount": request.to_string(),
            "responseMessageCount": response.to_string(),
        });
        let plain = format!("{request},{response}");
        stream.info.filter_objects.set(STATE, object, plain);
    }

    fn end(&self, stream: &Stream) {
        let (true, Some(stats)) = (self.upstream_time, &self.stats) else { return };
        if let Some(sent) = stream.info.upstream.last_tx {
            stats.record_time(clock::since(sent).as_millis() as u64);
        }
    }
}

impl StreamFilter for Counting {
    fn request_body(
        &mut self,
        stream: &mut Stream,
        piece: &mut Piece<'_>,
    ) -> Result<(), Box<Answer>> {
        let begun = self.request.inspect(piece.bytes);
        if begun > 0 {
            self.emit(stream);
            if let Some(stats) = &self.stats {
                stats.add(REQUEST_MESSAGES, begun);
            }
        }
        Ok(())
    }

    fn response_head(&mut self, stream: &mut Stream, end: bool) -> Result<Head, Box<Answer>> {
        self.of_grpc = is_grpc_response(stream, end);
        if let Some(stats) = &self.stats {
            stats.charge_status(&stream.response);
            if end {
                self.end(stream);
            }
        }
        Ok(Head::Pass)
    }

    fn response_body(
        &mut self,
        stream: &mut Stream,
        piece: &mut Piece<'_>,
    ) -> Result<Head, Box<Answer>> {
        let begun = if self.of_grpc { self.response.inspect(piece.bytes) } else { 0 };
        if begun > 0 {
            self.emit(stream);
        }
        if let Some(stats) = &self.stats {
            stats.add(RESPONSE_MESSAGES, begun);
            if piece.end && !piece.trailers.is_empty() {
                stats.charge_status(piece.trailers);
                self.end(stream);
            }
        }
        Ok(Head::Pass)
    }
}
