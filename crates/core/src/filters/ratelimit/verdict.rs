//! What becomes of a request when the service has answered.

use std::rc::Rc;

use super::{limit_headers, RateLimit};
use crate::filters::bodies::StreamFilter;
use crate::filters::Head;
use crate::headers::{is_valid_name, is_valid_value, HeaderName, Headers, Side};
use crate::http::flags::ResponseFlags;
use crate::http::stream::{Answer, Stream};
use crate::metadata::values::to_map;
use crate::proto::service::rate_limit_response::Code;
use crate::proto::service::{Header, RateLimitResponse};
use crate::stats::{Family, Origin};
use crate::upstream::Cluster;

const RESOURCE_EXHAUSTED: u32 = 8;

/// What is counted for the cluster of the request.
static OF_CLUSTER: Family =
    Family { counters: &["error", "failure_mode_allowed", "ok", "over_limit"], histograms: &[] };

/// Headers that the response to the client gets.
pub struct Told(Headers);

impl Told {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl StreamFilter for Told {
    fn response_head(&mut self, stream: &mut Stream, _: bool) -> Result<Head, Box<Answer>> {
        for (_, name, value) in self.0.iter() {
            stream.response.append_raw(name, value);
        }
        Ok(Head::Pass)
    }
}

impl RateLimit {
    /// # Errors
    /// The request goes no further.
    pub(super) fn conclude(
        &self,
        stream: &mut Stream,
        cluster: &Rc<Cluster>,
        answer: Option<RateLimitResponse>,
    ) -> Result<Told, Answer> {
        let Some(mut answer) = answer else { return self.fail(stream, cluster) };
        if let Some(metadata) = answer.dynamic_metadata.take() {
            stream.info.merge_metadata(&self.namespace, &to_map(metadata));
        }
        let over = answer.overall_code() == Code::OverLimit;
        let mut told = Headers::new();
        add(&answer.response_headers_to_add, &mut told);
        if over && self.marks {
            told.append(&HeaderName::new("x-envoy-ratelimited"), b"true");
        }
        if self.tells_limits {
            limit_headers::add(&answer.statuses, &mut told);
        }
        if over {
            return self.over_limit(stream, cluster, &mut answer, told);
        }
        self.count(cluster, "ok");
        add(&answer.request_headers_to_add, &mut stream.request);
        Ok(Told(told))
    }

    fn fail(&self, stream: &Stream, cluster: &Rc<Cluster>) -> Result<Told, Answer> {
        self.count(cluster, "error");
        let denies = match &self.denied_share {
            Some(share) => self.hits(stream, Some(share)),
            None => self.denies,
        };
        if denies {
            let answer = Answer::new(self.status_on_error, "", "rate_limiter_error");
            return Err(answer.flag(ResponseFlags::RATELIMIT_SERVICE_ERROR));
        }
        self.count(cluster, "failure_mode_allowed");
        Ok(Told(Headers::new()))
    }

    fn over_limit(
        &self,
        stream: &Stream,
        cluster: &Rc<Cluster>,
        answer: &mut RateLimitResponse,
        mut told: Headers,
    ) -> Result<Told, Answer> {
        self.count(cluster, "over_limit");
        cluster.block().response(Origin::Internal, self.status);
        if !self.hits(stream, Some(&self.enforcing)) || !self.hits(stream, self.enforced.as_ref()) {
            return Ok(Told(told));
        }
        if self.tells_when_to_retry {
            limit_headers::add_retry_after(&answer.statuses, &mut told);
        }
        let mut refused = Answer::new(self.status, "", "request_rate_limited");
        refused.grpc_status = self.resource_exhausted.then_some(RESOURCE_EXHAUSTED);
        refused.body = std::mem::take(&mut answer.raw_body).into();
        refused.headers = told;
        self.response_headers.apply(
            &mut refused.headers,
            Side::Response,
            |format, headers, out| {
                stream.format(format, Side::Response, headers, out);
            },
        );
        Err(refused.flag(ResponseFlags::RATE_LIMITED))
    }

    fn count(&self, cluster: &Rc<Cluster>, counter: &str) {
        let place = OF_CLUSTER.counters.iter().position(|known| *known == counter);
        let group = cluster.block().group(&OF_CLUSTER, &self.stats);
        if let (Some(group), Some(place)) = (group, place) {
            group.add(place, 1);
        }
    }
}

fn add(from: &[Header], to: &mut Headers) {
    for header in from {
        let value = match header.raw_value.is_empty() {
            true => header.value.as_bytes(),
            false => &header.raw_value,
        };
        // A service cannot make a message malformed.
        if is_valid_name(header.key.as_bytes()) && is_valid_value(value) {
            to.append(&HeaderName::new(&header.key), value);
        }
    }
}
