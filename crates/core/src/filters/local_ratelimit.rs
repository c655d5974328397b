//! The local rate limit filter: token buckets, by descriptor and for all.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/local_rate_limit_filter>

use std::sync::Arc;

use super::bodies::{attach, StreamFilter};
use super::{of_route, Head};
use crate::compile::Result;
use crate::headers::{HeaderName, Side};
use crate::http::flags::ResponseFlags;
use crate::http::mutation::HeaderChanges;
use crate::http::stream::{Answer, Stream};
use crate::matcher::Regexes;
use crate::proto::http_local_rate_limit::VirtualHostLimits;
use crate::proto::{self, HttpLocalRateLimitStat};
use crate::ratelimit::{Decision, Descriptor, Limiter, LimiterConfig, RateLimits, TokenBucket};
use crate::route::{Action, FilterConfig};
use crate::runtime::Fraction;
use crate::stats::BlockKind;

const RESOURCE_EXHAUSTED: u32 = 8;

pub struct LocalRateLimit(Arc<LocalRateLimitConfig>);

/// Of the filter or of a route.
pub struct LocalRateLimitConfig {
    stats_block: u32,
    status: u16,
    enabled: Option<Fraction>,
    enforced: Option<Fraction>,
    /// Of requests over a limit that is not enforced.
    request_headers: HeaderChanges,
    /// Of answers to requests over a limit.
    response_headers: HeaderChanges,
    limits: LimiterConfig,
    limiter: Limiter,
    per_connection: bool,
    stage: u32,
    virtual_host_limits: VirtualHostLimits,
    /// In place of those of routes and virtual hosts.
    rate_limits: RateLimits,
    grpc_status: Option<u32>,
    tells_limits: bool,
    tells_when_to_retry: bool,
}

impl LocalRateLimitConfig {
    /// # Errors
    /// A part that cannot be taken, with its path.
    pub fn compile(message: &proto::HttpLocalRateLimit, regexes: &Regexes) -> Result<Self> {
        let changes = |add: &[_], field: &str| HeaderChanges::compile(add, &[], field);
        let limits = LimiterConfig::compile(message)?;
        Ok(Self {
            stats_block: message.stats_block,
            status: u16::try_from(message.status).unwrap_or(429),
            enabled: message.enabled.as_ref().map(Fraction::compile),
            enforced: message.enforced.as_ref().map(Fraction::compile),
            request_headers: changes(&message.request_headers, "request_headers")?,
            response_headers: changes(&message.response_headers, "response_headers")?,
            limiter: limits.limiter()?,
            limits,
            per_connection: message.per_connection,
            stage: message.stage,
            virtual_host_limits: message.virtual_host_limits(),
            rate_limits: RateLimits::compile(&message.rate_limits, "rate_limits", regexes)?,
            grpc_status: message.resource_exhausted.then_some(RESOURCE_EXHAUSTED),
            tells_limits: message.x_ratelimit_headers,
            tells_when_to_retry: message.retry_after_header,
        })
    }

    /// What the request is limited by.
    fn descriptors(&self, stream: &Stream) -> Vec<Descriptor> {
        let mut found = Vec::new();
        if !self.limits.has_descriptors() {
            return found;
        }
        if !self.rate_limits.is_empty() {
            self.rate_limits.describe(None, stream, &mut found);
            return found;
        }
        let Some(route) = &stream.route else { return found };
        let Action::Forward(forward) = &route.action else { return found };
        let own = &forward.rate_limits;
        own.describe(Some(self.stage), stream, &mut found);
        let with_host = match self.virtual_host_limits {
            _ if forward.include_virtual_host_rate_limits => true,
            VirtualHostLimits::Include => true,
            VirtualHostLimits::Ignore => false,
            VirtualHostLimits::Override => own.is_empty(),
        };
        if with_host {
            route.virtual_host_rate_limits().describe(Some(self.stage), stream, &mut found);
        }
        found
    }

    fn ask(&self, stream: &Stream) -> Decision {
        let descriptors = self.descriptors(stream);
        if !self.per_connection {
            return self.limiter.ask(&descriptors);
        }
        let limiter = {
            let mut state = stream.info.connection.state.borrow_mut();
            match (&state.limiter, self.limits.limiter()) {
                (Some(limiter), _) => limiter.clone(),
                (None, Ok(made)) => state.limiter.insert(Arc::new(made)).clone(),
                (None, Err(_)) => return self.limiter.ask(&descriptors),
            }
        };
        limiter.ask(&descriptors)
    }

    /// Lets the upstream know of a request over a limit that is not enforced.
    fn mark(&self, stream: &mut Stream) {
        let mut request = std::mem::take(&mut stream.request);
        self.request_headers.apply(&mut request, Side::Request, |format, headers, out| {
            stream.format(format, Side::Request, headers, out);
        });
        stream.request = request;
    }

    /// The answer to a request over the limit.
    fn refuse(&self, bucket: Option<&TokenBucket>, stream: &Stream) -> Answer {
        let mut answer = Answer::new(self.status, "local_rate_limited", "local_rate_limited")
            .flag(ResponseFlags::RATE_LIMITED);
        answer.grpc_status = self.grpc_status;
        self.response_headers.apply(&mut answer.headers, Side::Response, |format, headers, out| {
            stream.format(format, Side::Response, headers, out);
        });
        if let Some(bucket) = bucket.filter(|_| self.tells_when_to_retry) {
            let seconds = bucket.seconds_to_next().max(1).to_string();
            answer.headers.set(&HeaderName::new("retry-after"), seconds.as_bytes());
        }
        answer
    }
}

impl LocalRateLimit {
    /// # Errors
    /// A part that cannot be taken, with its path.
    pub fn compile(message: &proto::HttpLocalRateLimit, regexes: &Regexes) -> Result<Self> {
        LocalRateLimitConfig::compile(message, regexes).map(|config| Self(Arc::new(config)))
    }

    /// # Errors
    /// The request is over a limit.
    pub fn request(
        &self,
        place: usize,
        name: &str,
        stream: &mut Stream,
    ) -> std::result::Result<(), Answer> {
        let of_route = of_route(name, stream, |config| match config {
            FilterConfig::LocalRateLimit(config) => Some(config),
            _ => None,
        });
        let config = of_route.as_ref().unwrap_or(&self.0);
        let worker = stream.worker.clone();
        let hit = |share: &Option<Fraction>| {
            share.as_ref().is_some_and(|s| s.hit(&worker.current_runtime(), &worker.random))
        };
        if !hit(&config.enabled) {
            return Ok(());
        }
        let block = worker.kept_block(config.stats_block, BlockKind::Filter);
        block.inc(HttpLocalRateLimitStat::HttpLocalRateLimitEnabled);
        let Decision { allowed, limit, headers } = config.ask(stream);
        if let (true, Some(limit)) = (headers.unwrap_or(config.tells_limits), &limit) {
            attach(stream, place, LimitHeaders(limit.bucket.clone()));
        }
        if allowed {
            block.inc(HttpLocalRateLimitStat::HttpLocalRateLimitOk);
            return Ok(());
        }
        block.inc(HttpLocalRateLimitStat::HttpLocalRateLimitRateLimited);
        if limit.as_ref().is_some_and(|limit| limit.shadow) {
            block.inc(HttpLocalRateLimitStat::HttpLocalRateLimitShadowMode);
            return Ok(());
        }
        if !hit(&config.enforced) {
            config.mark(stream);
            return Ok(());
        }
        block.inc(HttpLocalRateLimitStat::HttpLocalRateLimitEnforced);
        Err(config.refuse(limit.as_ref().map(|limit| &*limit.bucket), stream))
    }
}

/// Tells the client of the limit, as it is when the response comes.
struct LimitHeaders(Arc<TokenBucket>);

impl StreamFilter for LimitHeaders {
    fn response_head(
        &mut self,
        stream: &mut Stream,
        _end: bool,
    ) -> std::result::Result<Head, Box<Answer>> {
        let mut tell = |name: &str, number: u64| {
            stream.response.append(&HeaderName::new(name), number.to_string().as_bytes());
        };
        tell("x-ratelimit-limit", self.0.max_tokens());
        tell("x-ratelimit-remaining", self.0.remaining());
        tell("x-ratelimit-reset", self.0.seconds_to_next());
        Ok(Head::Pass)
    }
}
