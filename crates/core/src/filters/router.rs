//! The router: the last filter, which answers a request itself or forwards it to a cluster.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter>

mod attempt;
mod charge;
pub mod client;
mod failure;
mod forward;
mod grpc_timeout;
mod hash;
mod hedging;
mod load;
mod log;
mod metadata;
mod mirror;
mod outlier;
mod parties;
mod relay;
mod retry;
mod scopes;
mod strict;
mod timeouts;
mod tunnel;
mod usage;
mod wire;

pub(super) use self::charge::manager_timeout;
pub use self::failure::Failure;
pub(super) use self::failure::TimeoutKind;
use crate::access_log::{AccessLog, Sinks};
use crate::compile::{each, Result};
use crate::headers::{HeaderId, HeaderName};
use crate::http::downstream::Downstream;
use crate::http::flags::ResponseFlags;
use crate::http::stream::{Answer, Stream};
use crate::proto::{self, HttpStat};
use crate::route::{Action, Route};
use crate::timer::Timer;

/// The router's own configuration.
pub struct Router {
    /// Responses are counted by their codes.
    pub dynamic_stats: bool,
    /// Responses to gRPC requests do not count among those of all requests.
    pub suppress_grpc_request_failure_code_stats: bool,
    pub suppress_envoy_headers: bool,
    pub respect_expected_timeout: bool,
    /// Requests with one of these headers are refused when it makes no sense.
    pub strict_headers: Vec<HeaderName>,
    pub upstream_logs: Vec<AccessLog>,
    /// Each attempt has a span of its own.
    pub start_child_span: bool,
}

impl Router {
    pub fn compile(message: &proto::RouterFilter, sinks: &Sinks) -> Result<Self> {
        Ok(Self {
            dynamic_stats: message.dynamic_stats,
            suppress_grpc_request_failure_code_stats: message
                .suppress_grpc_request_failure_code_stats,
            suppress_envoy_headers: message.suppress_envoy_headers,
            respect_expected_timeout: message.respect_expected_rq_timeout,
            strict_headers: message
                .strict_check_headers
                .iter()
                .map(|name| HeaderName::new(name))
                .collect(),
            upstream_logs: each(&message.upstream_logs, "upstream_logs", |log| {
                AccessLog::compile(log, sinks)
            })?,
            start_child_span: message.start_child_span,
        })
    }

    /// What requests of the proxy's own pass.
    fn of_own_requests(dynamic_stats: bool) -> Self {
        Self {
            dynamic_stats,
            suppress_grpc_request_failure_code_stats: false,
            suppress_envoy_headers: false,
            respect_expected_timeout: false,
            strict_headers: Vec::new(),
            upstream_logs: Vec::new(),
            start_child_span: false,
        }
    }

    /// An answer of the proxy's own, or `None` when an upstream's response was written.
    pub async fn run(
        &self,
        stream: &mut Stream,
        down: &mut dyn Downstream,
        timer: &Timer,
    ) -> Option<Answer> {
        let block = stream.manager.block.clone();
        block.inc(HttpStat::HttpRqTotal);
        let Some(route) = stream.route.clone() else {
            block.inc(HttpStat::HttpNoRoute);
            return Some(
                Answer::new(404, "", "route_not_found").flag(ResponseFlags::NO_ROUTE_FOUND),
            );
        };
        match &route.action {
            Action::Forward(forward) => {
                if let Some(refusal) = strict::check(&stream.request, &self.strict_headers) {
                    return Some(refusal);
                }
                forward::forward(self, stream, down, timer, &route, forward).await
            }
            Action::Redirect(redirect) => {
                block.inc(HttpStat::HttpRqDirectResponse);
                let answer = Answer::new(redirect.status, "", "direct_response");
                Some(self.locate(stream, &route, answer))
            }
            Action::Direct(direct) => {
                block.inc(HttpStat::HttpRqDirectResponse);
                let mut answer = Answer::new(direct.status, "", "direct_response");
                let (body, content_type) = direct.body(&stream.request, &stream.info);
                answer.body = body.into();
                if let Some(content_type) = content_type {
                    answer = answer.header(HeaderId::ContentType, content_type);
                }
                Some(self.locate(stream, &route, answer))
            }
            Action::TlsRedirect => {
                block.inc(HttpStat::HttpRqDirectResponse);
                Some(self.locate(stream, &route, Answer::new(301, "", "direct_response")))
            }
            Action::NonForwarding => {
                block.inc(HttpStat::HttpNoCluster);
                let answer = Answer::new(503, "", "cluster_not_found");
                Some(answer.flag(ResponseFlags::NO_CLUSTER_FOUND))
            }
        }
    }

    fn locate(&self, stream: &mut Stream, route: &Route, answer: Answer) -> Answer {
        let keep_original = !self.suppress_envoy_headers;
        match route.location(&mut stream.request, &stream.info, keep_original) {
            Some(location) => answer.header(HeaderId::Location, location),
            None => answer,
        }
    }
}
