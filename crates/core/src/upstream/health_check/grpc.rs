//! Checks with a call of grpc.health.v1.Health.
//! <https://github.com/grpc/grpc/blob/master/doc/health-checking.md>

use prost::Message;

use super::http::USER_AGENT;
use super::link::{self, Link, Response};
use super::state::{CheckResult, Failure, FailureType};
use super::target::Target;
use crate::compile::Result;
use crate::formatter::header_status;
use crate::headers::{HeaderId, Headers, Key};
use crate::http::mutation::HeaderChanges;
use crate::http::stream_info::Protocol;
use crate::proto;
use crate::route::is_grpc;

const PATH: &[u8] = b"/grpc.health.v1.Health/Check";
const TIMEOUT: Key<'static> = Key::Other(b"grpc-timeout");
/// Of a response; no more is expected.
const BODY: usize = 4096;
/// Before each message: whether it is compressed, and its length.
const FRAME: usize = 5;
const SERVING: i32 = 1;

/// HealthCheckRequest.
#[derive(Clone, PartialEq, Message)]
struct Request {
    #[prost(string, tag = "1")]
    service: String,
}

/// HealthCheckResponse.
#[derive(Clone, PartialEq, Message)]
struct Answer {
    #[prost(int32, tag = "1")]
    status: i32,
}

pub struct GrpcCheck {
    /// The framed request.
    body: Vec<u8>,
    authority: String,
    changes: HeaderChanges,
    timeout: String,
}

impl GrpcCheck {
    /// # Errors
    /// Metadata that cannot be used, with its path.
    pub fn compile(message: &proto::GrpcHealthCheck, timeout_ms: u64) -> Result<Self> {
        let request = Request { service: message.service.clone() }.encode_to_vec();
        let mut body = vec![0];
        body.extend_from_slice(&(request.len() as u32).to_be_bytes());
        body.extend_from_slice(&request);
        Ok(Self {
            body,
            authority: message.authority.clone(),
            changes: HeaderChanges::compile(&message.initial_metadata, &[], "initial_metadata")?,
            timeout: format!("{timeout_ms}m"),
        })
    }

    pub async fn run(&self, target: &Target<'_>, link: &mut Option<Link>) -> CheckResult {
        let request = self.request(target);
        match link::exchange(target, link, true, (&request, &self.body), BODY).await {
            Ok(response) if is_serving(&response) => CheckResult::Passed { degraded: false },
            Ok(_) => CheckResult::Failed(Failure::of(FailureType::Active)),
            Err(_) => CheckResult::Failed(Failure::of(FailureType::Network)),
        }
    }

    fn request(&self, target: &Target<'_>) -> Headers {
        let mut headers = Headers::new();
        headers.append(HeaderId::Method, b"POST");
        headers.append(HeaderId::Path, PATH);
        headers.append(HeaderId::Authority, target.hostname(&self.authority).as_bytes());
        headers.append(HeaderId::Scheme, target.scheme());
        headers.append(HeaderId::Te, b"trailers");
        headers.append(HeaderId::ContentType, b"application/grpc");
        headers.append(HeaderId::UserAgent, USER_AGENT);
        target.change_headers(&self.changes, &mut headers, Protocol::Http2);
        headers.set(TIMEOUT, self.timeout.as_bytes());
        headers
    }
}

/// The call succeeded, and its one message says that the service is there.
fn is_serving(response: &Response) -> bool {
    let trailers = Some(&response.trailers).filter(|trailers| !trailers.is_empty());
    let status = header_status(trailers.or(Some(&response.headers)));
    if response.status != 200 || !is_grpc(&response.headers) || status != Some(0) {
        return false;
    }
    let Some((frame, message)) = response.body.split_at_checked(FRAME) else { return false };
    let length = u32::from_be_bytes([frame[1], frame[2], frame[3], frame[4]]) as usize;
    let answer = Answer::decode(message);
    frame[0] == 0 && length == message.len() && answer.is_ok_and(|it| it.status == SERVING)
}

#[cfg(test)]
mod tests {
    use super::{is_serving, GrpcCheck};
    use crate::headers::{HeaderId, Headers};
    use crate::proto;
    use crate::upstream::health_check::link::Response;

    fn response(body: &[u8], grpc_status: &[u8]) -> Response {
        let mut response = Response { status: 200, body: body.to_vec(), ..Response::default() };
        response.headers.append(HeaderId::ContentType, b"application/grpc+proto");
        response.trailers.append(HeaderId::GrpcStatus, grpc_status);
        response
    }

    #[test]
    fn the_request_is_framed() {
        let message = proto::GrpcHealthCheck { service: "ab".into(), ..Default::default() };
        let check = GrpcCheck::compile(&message, 1500).unwrap_or_else(|e| unreachable!("{e}"));
        assert_eq!(check.body, b"\0\0\0\0\x04\x0a\x02ab");
        assert_eq!(check.timeout, "1500m");
    }

    #[test]
    fn a_service_serves_if_call_and_message_say_so() {
        const SERVING: &[u8] = b"\0\0\0\0\x02\x08\x01";
        assert!(is_serving(&response(SERVING, b"0")));
        assert!(!is_serving(&response(SERVING, b"5")));
        assert!(!is_serving(&response(b"\0\0\0\0\x02\x08\x02", b"0")), "NOT_SERVING");
        assert!(!is_serving(&response(b"\x01\0\0\0\x02\x08\x01", b"0")), "compressed");
        assert!(!is_serving(&response(&[SERVING, SERVING].concat(), b"0")), "two messages");
        assert!(!is_serving(&response(b"\0\0\0\0", b"0")), "cut short");
        assert!(!is_serving(&response(b"", b"0")));
        let not_found = Response { status: 404, ..response(SERVING, b"0") };
        assert!(!is_serving(&not_found));
        let html = Response { headers: Headers::new(), ..response(SERVING, b"0") };
        assert!(!is_serving(&html));
    }
}
