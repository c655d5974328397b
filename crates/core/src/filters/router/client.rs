//! Requests that the proxy makes itself, through its clusters: the parts of one, and the client whose answer
//! somebody waits for.

mod caller;
mod feed;
mod grpc;
mod grpc_stream;
#[cfg(test)]
pub(crate) mod tests;

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::forward::forward;
use super::Router;
use crate::clock;
use crate::compile::{At, Result};
use crate::headers::{HeaderId, Headers, Side};
use crate::http::connection_manager::Manager;
use crate::http::downstream::Downstream;
use crate::http::manager::request::append_list;
use crate::http::manager::{duration, ManagerConfig};
use crate::http::mutation::HeaderChanges;
use crate::http::stream::{Answer, Stream};
use crate::http::stream_info::ConnectionInfo;
use crate::http1::request::RequestHead;
use crate::http1::BodyLength;
use crate::proto::{self, ProcessStat};
use crate::route::{Action, Route};
use crate::tracing::OwnSpan;
use crate::worker::Worker;

use caller::Kept;

pub use grpc::{Called, GrpcClient, GrpcStatus};
pub use grpc_stream::GrpcStream;
pub(super) use {caller::Caller, feed::Feed};

/// Most bytes in the body of a response, as in Envoy (`http.async_response_buffer_limit`).
const LONGEST_RESPONSE: usize = 32 << 20;

/// Most bytes of a request's body that are kept for a retry, as in Envoy.
const KEPT_FOR_RETRIES: u32 = 64 << 10;

/// A request: all of its head, `:method`, `:path` and `:authority` included, and all of its body. The length of the
/// body is told where the head has a `content-length`.
#[derive(Debug, Default)]
pub struct Request {
    pub headers: Headers,
    pub body: Vec<u8>,
    /// Of this question, where the request that it is about is traced.
    pub span: Option<OwnSpan>,
}

/// A response, of the upstream or the router's own in place of one.
#[derive(Debug, Default)]
pub struct Response {
    pub status: u16,
    pub headers: Headers,
    pub body: Vec<u8>,
    pub trailers: Headers,
    /// That of the request, which may tell more before it ends.
    pub span: Option<OwnSpan>,
}

/// Why there is no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoResponse {
    /// There is no cluster of that name.
    NoCluster,
    /// It broke off in the middle.
    Broken,
    TooLong,
}

/// A response to come. The request ends with it: who drops it gives the request up.
pub type Responding = Pin<Box<dyn Future<Output = std::result::Result<Response, NoResponse>>>>;

/// What makes requests to one cluster.
pub struct Client {
    cluster: Arc<str>,
    timeout: Option<Duration>,
    /// The upstream is told that the proxy asks, and where it is.
    internal: bool,
    forwarded_for: bool,
    route: Arc<Route>,
    config: Arc<ManagerConfig>,
}

/// What the requests of one worker have in common.
pub struct OwnRequests {
    manager: Rc<Manager>,
    connection: Rc<ConnectionInfo>,
}

impl OwnRequests {
    fn new(worker: &Worker, config: &Arc<ManagerConfig>) -> Self {
        let connection = ConnectionInfo::without_client(worker.next_id(), Ipv4Addr::UNSPECIFIED);
        let manager = Rc::new(Manager::of_own_requests(worker, config.clone()));
        Self { manager, connection: Rc::new(connection) }
    }
}

impl Client {
    /// # Errors
    /// A retry policy that cannot be.
    pub fn compile(message: &proto::ServiceClient) -> Result<Self> {
        Ok(Self {
            cluster: message.cluster.as_str().into(),
            timeout: duration(message.timeout_ms),
            internal: message.internal,
            forwarded_for: message.forwarded_for,
            route: Arc::new(
                Route::of_own_requests(message.retry_policy.as_ref()).at("retry_policy")?,
            ),
            config: Arc::new(ManagerConfig::of_own_requests(KEPT_FOR_RETRIES)?),
        })
    }

    pub fn cluster(&self) -> &Arc<str> {
        &self.cluster
    }

    /// Makes a request, which counts as any other in the stats of the cluster. What stands for the response of an
    /// upstream that fails or takes too long is a response as well: 503 or 504.
    pub fn send(&self, worker: &Rc<Worker>, mut request: Request) -> Responding {
        let body = match request.body.len() {
            0 => BodyLength::Empty,
            length => BodyLength::Length(length as u64),
        };
        if let Some(span) = &request.span {
            span.inject(&mut request.headers);
        }
        match self.prepare(worker, request.headers, body) {
            Some(stream) => self.send_whole(stream, request.body, request.span),
            None => Box::pin(std::future::ready(Err(NoResponse::NoCluster))),
        }
    }

    /// The same with changes of its head, which no request of a client is the reason for.
    pub fn send_changed(
        &self,
        worker: &Rc<Worker>,
        request: Request,
        changes: &HeaderChanges,
    ) -> Responding {
        let length = BodyLength::Length(request.body.len() as u64);
        match self.prepare(worker, request.headers, length) {
            Some(mut stream) => {
                change(&mut stream, changes);
                self.send_whole(stream, request.body, request.span)
            }
            None => Box::pin(std::future::ready(Err(NoResponse::NoCluster))),
        }
    }

    fn send_whole(&self, stream: Stream, body: Vec<u8>, span: Option<OwnSpan>) -> Responding {
        let caller = Caller::waiting(Feed::whole(body), LONGEST_RESPONSE);
        Box::pin(respond(stream, caller, self.route.clone(), span))
    }

    /// A request that is to be sent; None: there is no cluster of that name.
    fn prepare(&self, worker: &Rc<Worker>, headers: Headers, body: BodyLength) -> Option<Stream> {
        let cluster = worker.clusters.get(&self.cluster)?;
        let own = worker.own_requests.get_or_init(|| OwnRequests::new(worker, &self.config));
        let (manager, connection) = (own.manager.clone(), own.connection.clone());
        let mut stream = Stream::new(worker.clone(), manager, connection, clock::now());
        stream.leave_uncounted();
        stream.begin(head(&headers, body));
        stream.request = headers;
        stream.cluster = Some(cluster);
        if self.internal {
            mark(&mut stream);
        }
        if self.forwarded_for {
            forward_for(&mut stream.request, self.config.local_address);
        }
        if !stream.request.contains(HeaderId::Scheme) {
            stream.request.append(HeaderId::Scheme, b"http");
        }
        limit(&mut stream.request, self.timeout);
        Some(stream)
    }
}

fn head(headers: &Headers, body: BodyLength) -> RequestHead {
    RequestHead {
        http10: false,
        body,
        keep_alive: true,
        upgrade: false,
        expect_continue: false,
        is_head: headers.get(HeaderId::Method) == Some(b"HEAD"),
        is_connect: false,
        size: 0,
        field_bytes: 0,
    }
}

/// Changes the head of a request that no request of a client is the reason for.
fn change(stream: &mut Stream, changes: &HeaderChanges) {
    let mut headers = std::mem::take(&mut stream.request);
    changes.apply(&mut headers, Side::Request, |formatter, known, out| {
        stream.format(formatter, Side::Request, known, out);
    });
    stream.request = headers;
}

async fn respond(
    mut stream: Stream,
    mut caller: Caller,
    route: Arc<Route>,
    mut span: Option<OwnSpan>,
) -> std::result::Result<Response, NoResponse> {
    let router = Router::of_own_requests(true);
    let cluster = stream.cluster.clone();
    let answer = perform(&router, &mut stream, &mut caller, &route).await;
    if let (Some(span), Some(cluster)) = (&mut span, cluster) {
        let status = answer.as_ref().map_or(stream.info.response_code, |answer| answer.status);
        span.end_http(&stream, &cluster, status);
    }
    if let Some(answer) = answer {
        return Ok(Response {
            status: answer.status,
            headers: answer.headers,
            body: answer.body.into_owned(),
            trailers: Headers::new(),
            span,
        });
    }
    match caller.kept {
        Kept::Whole => Ok(Response {
            status: stream.info.response_code,
            headers: std::mem::take(&mut stream.response),
            body: caller.body,
            trailers: std::mem::take(&mut stream.trailers),
            span,
        }),
        Kept::TooLong => Err(NoResponse::TooLong),
        Kept::Part => Err(NoResponse::Broken),
    }
}

/// Sends a request of the proxy's own. An answer: no response of an upstream stands.
pub(super) async fn perform(
    router: &Router,
    stream: &mut Stream,
    down: &mut dyn Downstream,
    route: &Arc<Route>,
) -> Option<Answer> {
    let Action::Forward(action) = &route.action else { return None };
    stream.worker.process.inc(ProcessStat::ProcessHttpAsyncClientRqTotal);
    let timer = stream.worker.timers.timer();
    forward(router, stream, down, &timer, route, action).await
}

/// Tells the upstream that the proxy makes the request itself, which then counts as internal.
pub(super) fn mark(stream: &mut Stream) {
    stream.internal = true;
    stream.request.set(HeaderId::XEnvoyInternal, b"true");
}

/// Tells the upstream that the request comes from `address`, where the proxy is.
pub(super) fn forward_for(headers: &mut Headers, address: IpAddr) {
    append_list(headers, HeaderId::XForwardedFor, address.to_string().as_bytes(), b",");
}

/// Limits how long a request may take. The router takes it from there, and sends it nowhere.
pub(super) fn limit(headers: &mut Headers, limit: Option<Duration>) {
    if let Some(limit) = limit {
        let ms = limit.as_millis().max(1).to_string();
        headers.set(HeaderId::XEnvoyUpstreamRqTimeoutMs, ms.as_bytes());
    }
}
