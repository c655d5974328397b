//! Unary calls of gRPC that the proxy makes itself.
//! <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>

use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::{change, Client, NoResponse, Request, Responding, Response};
use crate::compile::{At, Result};
use crate::filters::grpc::{frame_header, FRAME_HEADER};
use crate::formatter::status_of_http;
use crate::headers::{HeaderId, Headers, Side};
use crate::http::mutation::HeaderChanges;
use crate::http::stream::Stream;
use crate::http1::BodyLength;
use crate::proto;
use crate::route::Route;
use crate::tracing::OwnSpan;
use crate::worker::Worker;

/// The status of a call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrpcStatus(pub u32);

const OK: u32 = 0;
const UNKNOWN: GrpcStatus = GrpcStatus(2);
const RESOURCE_EXHAUSTED: GrpcStatus = GrpcStatus(8);
const INTERNAL: GrpcStatus = GrpcStatus(13);
const UNAVAILABLE: GrpcStatus = GrpcStatus(14);

/// What a call came to: the message of the answer, and the span, which may tell more before it ends.
pub struct Called {
    pub message: std::result::Result<Vec<u8>, GrpcStatus>,
    pub span: Option<OwnSpan>,
}

/// What calls the services of one cluster.
pub struct GrpcClient {
    client: Client,
    authority: Box<[u8]>,
    metadata: HeaderChanges,
    /// Most bytes of an answer's message.
    limit: Option<usize>,
}

impl GrpcClient {
    /// # Errors
    /// Metadata or a retry policy that cannot be, with its path.
    pub fn compile(message: &proto::GrpcServiceClient) -> Result<Self> {
        let client = message.client.clone().unwrap_or_default();
        let authority = match message.authority.as_str() {
            "" => client.cluster.as_str(),
            given => given,
        };
        let metadata = &message.initial_metadata;
        Ok(Self {
            client: Client::compile(&client).at("client")?,
            authority: authority.as_bytes().into(),
            metadata: HeaderChanges::compile(metadata, &[], "initial_metadata")?,
            limit: Some(message.max_message_bytes as usize).filter(|limit| *limit > 0),
        })
    }

    /// Sends a message to `path` (`/package.Service/Method`) on behalf of a request. Who drops the call gives it up.
    pub fn call(
        &self,
        asking: &Stream,
        path: &str,
        message: &[u8],
    ) -> impl Future<Output = Called> + use<> {
        let mut headers = self.head(path);
        self.metadata.apply(&mut headers, Side::Request, |formatter, _, out| {
            asking.format(formatter, Side::Request, &asking.request, out);
        });
        let name = format!("async {} egress", path.trim_start_matches('/').replace('/', "."));
        let mut span = OwnSpan::begin(asking, &name, None);
        if let Some(span) = &span {
            span.inject(&mut headers);
        }
        let (cluster, authority) = (self.client.cluster().clone(), self.authority.clone());
        let request = Request { headers, body: framed(message), span: None };
        let calling = self.answer(self.client.send(&asking.worker, request));
        async move {
            let message = calling.await;
            if let Some(span) = &mut span {
                let status = message.as_ref().err().map_or(OK, |status| status.0);
                span.end_grpc(&cluster, &authority, status);
            }
            Called { message, span }
        }
    }

    /// The same on behalf of no request.
    pub fn call_alone(
        &self,
        worker: &Rc<Worker>,
        path: &str,
        message: &[u8],
    ) -> impl Future<Output = std::result::Result<Vec<u8>, GrpcStatus>> + use<> {
        let request = Request { headers: self.head(path), body: framed(message), span: None };
        self.answer(self.client.send_changed(worker, request, &self.metadata))
    }

    fn answer(
        &self,
        responding: Responding,
    ) -> impl Future<Output = std::result::Result<Vec<u8>, GrpcStatus>> + use<> {
        let limit = self.limit;
        async move {
            let message = message_of(responding.await.map_err(status_without_response)?)?;
            match limit.is_some_and(|limit| message.len() > limit) {
                true => Err(RESOURCE_EXHAUSTED),
                false => Ok(message),
            }
        }
    }

    /// A call whose messages come one by one; None: there is no cluster of that name.
    pub(super) fn begin(&self, worker: &Rc<Worker>, path: &str) -> Option<Stream> {
        let mut stream = self.client.prepare(worker, self.head(path), BodyLength::Chunked)?;
        change(&mut stream, &self.metadata);
        Some(stream)
    }

    pub(super) fn route(&self) -> &Arc<Route> {
        &self.client.route
    }

    fn head(&self, path: &str) -> Headers {
        let mut headers = Headers::new();
        headers.append(HeaderId::Method, b"POST");
        headers.append(HeaderId::Path, path.as_bytes());
        headers.append(HeaderId::Authority, &self.authority);
        headers.append(HeaderId::Scheme, b"http");
        headers.append(HeaderId::Te, b"trailers");
        if let Some(timeout) = self.client.timeout {
            headers.append(HeaderId::GrpcTimeout, grpc_timeout(timeout).as_bytes());
        }
        headers.append(HeaderId::ContentType, b"application/grpc");
        headers
    }
}

fn framed(message: &[u8]) -> Vec<u8> {
    let mut body = Vec::with_capacity(FRAME_HEADER + message.len());
    body.extend_from_slice(&frame_header(message.len()));
    body.extend_from_slice(message);
    body
}

/// At most eight digits and a unit.
fn grpc_timeout(timeout: Duration) -> String {
    const MOST: u128 = 99_999_999;
    let ms = timeout.as_millis();
    match ms {
        _ if ms <= MOST => format!("{ms}m"),
        _ if ms / 1000 <= MOST => format!("{}S", ms / 1000),
        _ if ms / 60_000 <= MOST => format!("{}M", ms / 60_000),
        _ => format!("{}H", (ms / 3_600_000).min(MOST)),
    }
}

fn status_without_response(why: NoResponse) -> GrpcStatus {
    match why {
        NoResponse::NoCluster => UNAVAILABLE,
        NoResponse::Broken | NoResponse::TooLong => INTERNAL,
    }
}

/// The message of a response, or the status that stands in its place.
fn message_of(response: Response) -> std::result::Result<Vec<u8>, GrpcStatus> {
    let status = |headers: &Headers| headers.get_str(HeaderId::GrpcStatus).map(str::parse::<u32>);
    let told = status(&response.trailers).or_else(|| status(&response.headers));
    match (told, response.status) {
        (Some(Ok(OK)), 200) => {}
        (Some(Ok(OK) | Err(_)), _) => return Err(UNKNOWN),
        (Some(Ok(code)), _) => return Err(GrpcStatus(code)),
        (None, 200) => return Err(UNKNOWN),
        (None, code) => return Err(GrpcStatus(status_of_http(code))),
    }
    let Some((front, message)) = response.body.split_first_chunk::<FRAME_HEADER>() else {
        return Err(INTERNAL);
    };
    // Another message, or one that is compressed, is no answer to a unary call.
    match *front == frame_header(message.len()) {
        true => Ok(message.to_vec()),
        false => Err(INTERNAL),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{grpc_timeout, message_of, GrpcStatus, Response};
    use crate::headers::{HeaderId, Headers};

    fn told(status: &str) -> Headers {
        let mut headers = Headers::new();
        headers.append(HeaderId::GrpcStatus, status.as_bytes());
        headers
    }

    fn response(body: &[u8], trailers: Headers) -> Response {
        Response { status: 200, body: body.to_vec(), trailers, ..Response::default() }
    }

    #[test]
    fn a_message_comes_with_its_status() {
        let whole = response(b"\0\0\0\0\x02ab", told("0"));
        assert_eq!(message_of(whole), Ok(b"ab".to_vec()));
        assert_eq!(message_of(response(b"\0\0\0\0\0", told("0"))), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_answer_has_a_status() {
        let failed = |response| message_of(response).unwrap_err();
        assert_eq!(failed(response(b"", told("7"))), GrpcStatus(7));
        assert_eq!(failed(response(b"\0\0\0\0\x02ab", told("9"))), GrpcStatus(9));
        assert_eq!(failed(response(b"\0\0\0\0\x02ab", told("x"))), GrpcStatus(2));
        assert_eq!(failed(response(b"\0\0\0\0\x02ab", Headers::new())), GrpcStatus(2));
        let in_head = Response { status: 200, headers: told("5"), ..Response::default() };
        assert_eq!(failed(in_head), GrpcStatus(5));
        let refused = Response { status: 503, ..Response::default() };
        assert_eq!(failed(refused), GrpcStatus(14));
        for body in [&b""[..], b"\0\0\0", b"\0\0\0\0\x03ab", b"\x01\0\0\0\x02ab", b"\0\0\0\0\x01ab"]
        {
            assert_eq!(failed(response(body, told("0"))), GrpcStatus(13), "{body:?}");
        }
    }

    #[test]
    fn timeouts_have_eight_digits() {
        let text = |seconds| grpc_timeout(Duration::from_secs(seconds));
        assert_eq!(grpc_timeout(Duration::from_millis(200)), "200m");
        assert_eq!(text(99_999), "99999000m");
        assert_eq!(text(100_000), "100000S");
        assert_eq!(text(100_000_000), "1666666M");
        assert_eq!(text(6_000_000_000_000), "99999999H");
    }
}
