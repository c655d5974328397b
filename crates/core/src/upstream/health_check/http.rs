//! Checks with an HTTP request.

use super::link::{self, Link, Response};
use super::payload::Payload;
use super::state::{CheckResult, Failure, FailureType};
use super::target::Target;
use crate::compile::{At, Result};
use crate::headers::{HeaderId, Headers, Key};
use crate::http::mutation::HeaderChanges;
use crate::http::stream_info::Protocol;
use crate::matcher::{Regexes, StringMatcher};
use crate::proto::{self, HealthCheckStat};

/// What Envoy's checks call themselves.
pub const USER_AGENT: &[u8] = b"Envoy/HC";
const DEGRADED: Key<'static> = Key::Other(b"x-envoy-degraded");
/// Runtime that switches the comparison of names off.
const VERIFY_CLUSTER: &str = "health_check.verify_cluster";
const OK: proto::Int64Range = proto::Int64Range { start: 200, end: 201 };

pub struct HttpCheck {
    host: String,
    path: String,
    method: String,
    body: Vec<u8>,
    expected: Payload,
    /// How much of a response's body is kept; only what is looked through.
    body_limit: usize,
    changes: HeaderChanges,
    expected_statuses: Vec<proto::Int64Range>,
    retriable_statuses: Vec<proto::Int64Range>,
    http2: bool,
    service_name: Option<StringMatcher>,
}

impl HttpCheck {
    /// # Errors
    /// A header or a matcher that cannot be used, or a response that cannot be received, with its path.
    pub fn compile(message: &proto::HttpHealthCheck) -> Result<Self> {
        let expected = Payload::new(&message.receive);
        expected.check_fits(message.response_buffer_size).at("receive")?;
        let body_limit = match (expected.is_empty(), message.response_buffer_size) {
            (true, _) => 0,
            (false, 0) => usize::MAX,
            (false, size) => usize::try_from(size).unwrap_or(usize::MAX),
        };
        let mut expected_statuses = message.expected_statuses.clone();
        if expected_statuses.is_empty() {
            expected_statuses.push(OK);
        }
        let (add, remove) = (&message.headers_to_add, &message.headers_to_remove);
        let regexes = Regexes::default();
        let service_name = message.service_name.as_ref();
        let service_name = service_name.map(|it| StringMatcher::compile(it, &regexes));
        Ok(Self {
            host: message.host.clone(),
            path: message.path.clone(),
            method: message.method.clone(),
            body: message.body.clone(),
            expected,
            body_limit,
            changes: HeaderChanges::compile(add, remove, "headers_to_add")?,
            expected_statuses,
            retriable_statuses: message.retriable_statuses.clone(),
            http2: message.http2,
            service_name: service_name.transpose().at("service_name")?,
        })
    }

    pub async fn run(&self, target: &Target<'_>, link: &mut Option<Link>) -> CheckResult {
        let request = self.request(target);
        let request = (&request, self.body.as_slice());
        match link::exchange(target, link, self.http2, request, self.body_limit).await {
            Ok(response) => self.judge(target, &response),
            Err(_) => CheckResult::Failed(Failure::of(FailureType::Network)),
        }
    }

    fn request(&self, target: &Target<'_>) -> Headers {
        let mut headers = Headers::new();
        headers.append(HeaderId::Method, self.method.as_bytes());
        headers.append(HeaderId::Authority, target.hostname(&self.host).as_bytes());
        headers.append(HeaderId::Path, self.path.as_bytes());
        headers.append(HeaderId::Scheme, target.scheme());
        headers.append(HeaderId::UserAgent, USER_AGENT);
        let protocol = if self.http2 { Protocol::Http2 } else { Protocol::Http11 };
        target.change_headers(&self.changes, &mut headers, protocol);
        if !self.body.is_empty() {
            headers.set(HeaderId::ContentLength, self.body.len().to_string().as_bytes());
        }
        headers
    }

    fn judge(&self, target: &Target<'_>, response: &Response) -> CheckResult {
        let has = |ranges: &[proto::Int64Range]| {
            let status = i64::from(response.status);
            ranges.iter().any(|range| (range.start..range.end).contains(&status))
        };
        let failed = Failure { status: response.status, ..Failure::of(FailureType::Active) };
        let excludes = response.headers.contains(HeaderId::XEnvoyImmediateHealthCheckFail);
        if !self.expected.is_in(&response.body) {
            return CheckResult::Failed(Failure { excludes, ..failed });
        }
        if !has(&self.expected_statuses) {
            let retriable = has(&self.retriable_statuses);
            return CheckResult::Failed(Failure { excludes, retriable, ..failed });
        }
        match self.is_that_service(target, &response.headers) {
            true => CheckResult::Passed { degraded: response.headers.contains(DEGRADED) },
            false => CheckResult::Failed(failed),
        }
    }

    fn is_that_service(&self, target: &Target<'_>, headers: &Headers) -> bool {
        let Some(matcher) = &self.service_name else { return true };
        let check = target.check;
        if check.runtime.load().number(VERIFY_CLUSTER, 100) == 0 {
            return true;
        }
        check.count(HealthCheckStat::HealthCheckVerifyCluster);
        let name = headers.get(HeaderId::XEnvoyUpstreamHealthCheckedCluster);
        matcher.matches(name.unwrap_or_default())
    }
}
