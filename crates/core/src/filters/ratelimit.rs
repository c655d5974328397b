//! The rate limit filter: a service decides whether a request is one too many.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/rate_limit_filter>

mod limit_headers;
mod question;
mod verdict;

use std::future::Future;
use std::task::Context;

use prost::Message;

use super::bodies::attach;
use super::router::client::{Called, GrpcClient};
use super::wait::wait_beside_body;
use super::{of_route, Proceed};
use crate::compile::{At, Result};
use crate::http::downstream::Downstream;
use crate::http::mutation::HeaderChanges;
use crate::http::stream::Stream;
use crate::matcher::Regexes;
use crate::proto;
use crate::proto::rate_limit_filter::{RequestType, VirtualHostLimits};
use crate::proto::service::rate_limit_response::Code;
use crate::proto::service::RateLimitResponse;
use crate::ratelimit::{Descriptor, RateLimits};
use crate::route::{Action, FilterConfig};
use crate::runtime::Fraction;
use crate::timer::Timer;

const METHOD: &str = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";

pub struct RateLimit {
    client: GrpcClient,
    domain: String,
    stage: u32,
    request_type: RequestType,
    /// The switches of runtime that Envoy has for all such filters.
    switched_on: Fraction,
    enforcing: Fraction,
    enabled: Option<Fraction>,
    enforced: Option<Fraction>,
    denies: bool,
    denied_share: Option<Fraction>,
    status: u16,
    status_on_error: u16,
    resource_exhausted: bool,
    tells_limits: bool,
    marks: bool,
    tells_when_to_retry: bool,
    response_headers: HeaderChanges,
    namespace: String,
    /// Begins the names of the counters of the request's cluster.
    stats: String,
    rate_limits: RateLimits,
}

/// What a route says of the filter.
pub struct RateLimitOfRoute {
    virtual_host_limits: VirtualHostLimits,
    rate_limits: RateLimits,
    domain: String,
}

impl RateLimitOfRoute {
    /// # Errors
    /// A part that cannot be taken, with its path.
    pub fn compile(message: &proto::RateLimitOfRoute, regexes: &Regexes) -> Result<Self> {
        Ok(Self {
            virtual_host_limits: message.virtual_host_limits(),
            rate_limits: RateLimits::compile(&message.rate_limits, "rate_limits", regexes)?,
            domain: message.domain.clone(),
        })
    }
}

impl RateLimit {
    /// # Errors
    /// A part that cannot be taken, with its path.
    pub fn compile(message: &proto::RateLimitFilter, regexes: &Regexes) -> Result<Self> {
        let share = |share: &Option<proto::RuntimeFraction>| share.as_ref().map(Fraction::compile);
        let of_all = |key: &str| {
            let runtime_key = format!("ratelimit.http_filter_{key}");
            Fraction::compile(&proto::RuntimeFraction {
                runtime_key,
                numerator: 100,
                denominator: 100,
            })
        };
        let service = message.service.clone().unwrap_or_default();
        let headers = &message.response_headers;
        Ok(Self {
            client: GrpcClient::compile(&service).at("service")?,
            domain: message.domain.clone(),
            stage: message.stage,
            request_type: message.request_type(),
            switched_on: of_all("enabled"),
            enforcing: of_all("enforcing"),
            enabled: share(&message.enabled),
            enforced: share(&message.enforced),
            denies: message.failure_mode_deny,
            denied_share: share(&message.failure_mode_deny_share),
            status: u16::try_from(message.status).unwrap_or(429),
            status_on_error: u16::try_from(message.status_on_error).unwrap_or(500),
            resource_exhausted: message.resource_exhausted,
            tells_limits: message.x_ratelimit_headers,
            marks: message.x_envoy_ratelimited_header,
            tells_when_to_retry: message.retry_after_header,
            response_headers: HeaderChanges::compile(headers, &[], "response_headers")?,
            namespace: message.metadata_namespace.clone(),
            stats: message.cluster_stats.clone(),
            rate_limits: RateLimits::compile(&message.rate_limits, "rate_limits", regexes)?,
        })
    }

    /// # Errors
    /// The request is over: with an answer, if there is still somebody to tell.
    pub async fn run(
        &self,
        place: usize,
        name: &str,
        stream: &mut Stream,
        down: &mut dyn Downstream,
        timer: &Timer,
    ) -> Proceed {
        let of_route = of_route(name, stream, |config| match config {
            FilterConfig::RateLimit(of_route) => Some(of_route),
            _ => None,
        });
        let of_route = of_route.as_deref();
        let Some(cluster) = stream.cluster.clone() else { return Ok(()) };
        if !self.concerns(stream) {
            return Ok(());
        }
        let descriptors = self.descriptors(of_route, stream);
        if descriptors.is_empty() {
            return Ok(());
        }
        let domain = of_route.map_or("", |it| &it.domain);
        let domain = if domain.is_empty() { &self.domain } else { domain };
        let message = question::request(domain, descriptors, stream).encode_to_vec();
        let mut calling = Box::pin(self.client.call(stream, METHOD, &message));
        let poll = |cx: &mut Context<'_>| calling.as_mut().poll(cx);
        let answer = wait_beside_body(stream, down, timer, poll).await?;
        let answer = answer.and_then(answer_of);
        let told = self.conclude(stream, &cluster, answer).map_err(Some)?;
        if !told.is_empty() {
            attach(stream, place, told);
        }
        Ok(())
    }

    fn concerns(&self, stream: &Stream) -> bool {
        let of_type = match self.request_type {
            RequestType::Both => true,
            RequestType::Internal => stream.internal,
            RequestType::External => !stream.internal,
        };
        of_type
            && self.hits(stream, Some(&self.switched_on))
            && self.hits(stream, self.enabled.as_ref())
    }

    /// True without a share.
    fn hits(&self, stream: &Stream, share: Option<&Fraction>) -> bool {
        let runtime = stream.worker.current_runtime();
        share.is_none_or(|share| share.hit(&runtime, &stream.worker.random))
    }

    /// What the request is limited by.
    fn descriptors(&self, of_route: Option<&RateLimitOfRoute>, stream: &Stream) -> Vec<Descriptor> {
        let mut found = Vec::new();
        let instead = of_route.map_or(&self.rate_limits, |it| match it.rate_limits.is_empty() {
            true => &self.rate_limits,
            false => &it.rate_limits,
        });
        if !instead.is_empty() {
            instead.describe(None, stream, &mut found);
            return found;
        }
        let Some(route) = &stream.route else { return found };
        let Action::Forward(forward) = &route.action else { return found };
        let own = &forward.rate_limits;
        own.describe_enabled(self.stage, stream, &mut found);
        if self.includes_host(of_route, forward.include_virtual_host_rate_limits, own.is_empty()) {
            let host = route.virtual_host_rate_limits();
            host.describe_enabled(self.stage, stream, &mut found);
        }
        found
    }

    fn includes_host(
        &self,
        of_route: Option<&RateLimitOfRoute>,
        included: bool,
        without_own: bool,
    ) -> bool {
        match of_route.map(|it| it.virtual_host_limits) {
            _ if included => true,
            Some(VirtualHostLimits::Include) => true,
            Some(VirtualHostLimits::Ignore) => false,
            Some(VirtualHostLimits::Override) | None => without_own,
        }
    }
}

/// What the service has answered, which the span of the question tells too.
fn answer_of(called: Called) -> Option<RateLimitResponse> {
    let answer = RateLimitResponse::decode(&*called.message.ok()?).ok()?;
    if let Some(mut span) = called.span {
        let over = answer.overall_code() == Code::OverLimit;
        span.tag("ratelimit_status", if over { "over_limit" } else { "ok" });
    }
    Some(answer)
}
