//! Requests to servers of the test's own.

use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use lateen_http2::{Config, FieldRef};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::{Client, NoResponse, Request, Responding, Response};
use crate::access_log::Sinks;
use crate::headers::{HeaderId, Headers};
use crate::proto::{self, ClusterStat, ProcessStat};
use crate::stats::Registry;
use crate::upstream::testing::{accept, closed, http2, listen, message, send, shared, until, Peer};
use crate::worker::Worker;

/// Runs `test` in a worker, which must end within 20 seconds.
pub(crate) fn run<F: Future<Output = ()>>(test: impl FnOnce(Rc<Worker>) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let sinks = Sinks::start(Duration::from_secs(10), &Registry::default(), 9).unwrap();
    let worker = Worker::alone(Arc::default(), sinks.clone());
    runtime.block_on(async {
        tokio::task::LocalSet::new()
            .run_until(async {
                crate::sys::spawn_here(worker.timers.clone().drive());
                let ended = tokio::time::timeout(Duration::from_secs(20), test(worker)).await;
                assert!(ended.is_ok(), "the test did not end in time");
            })
            .await;
    });
    sinks.shutdown();
}

fn client(message: proto::ServiceClient) -> Client {
    Client::compile(&proto::ServiceClient { cluster: "c".into(), ..message }).unwrap()
}

fn request(method: &str, body: &[u8]) -> Request {
    let mut headers = Headers::new();
    headers.append(HeaderId::Method, method.as_bytes());
    headers.append(HeaderId::Path, b"/check");
    headers.append(HeaderId::Authority, b"auth");
    headers.append(HeaderId::Scheme, b"http");
    if !body.is_empty() {
        headers.append(HeaderId::ContentLength, body.len().to_string().as_bytes());
    }
    Request { headers, body: body.to_vec(), span: None }
}

/// A request to the only host of the cluster, and the server's side of its connection.
async fn ask(worker: &Rc<Worker>, message: proto::ServiceClient) -> (Asking, TcpStream) {
    let (listener, address) = listen().await;
    serve_at(worker, address);
    let asking = Asking::start(client(message).send(worker, request("POST", b"hello")));
    (asking, accept(&listener).await)
}

fn serve_at(worker: &Worker, address: SocketAddr) {
    worker.clusters.set(shared(&message(&[address])));
}

/// A response that a task of its own waits for.
struct Asking(tokio::task::JoinHandle<Result<Response, NoResponse>>);

impl Asking {
    fn start(responding: Responding) -> Self {
        Self(tokio::task::spawn_local(responding))
    }

    async fn response(self) -> Result<Response, NoResponse> {
        self.0.await.unwrap()
    }
}

async fn read(stream: &mut TcpStream, end: &str) -> String {
    let mut text = Vec::new();
    while !text.ends_with(end.as_bytes()) {
        assert!(stream.read_buf(&mut text).await.unwrap() > 0, "the request breaks off");
    }
    String::from_utf8(text).unwrap()
}

#[test]
fn a_request_goes_out_whole_and_its_response_comes_back_whole() {
    run(|worker| async move {
        let told = proto::ServiceClient {
            internal: true,
            forwarded_for: true,
            timeout_ms: 9000,
            ..Default::default()
        };
        let (asking, mut server) = ask(&worker, told).await;
        let sent = read(&mut server, "hello").await;
        assert!(sent.starts_with("POST /check HTTP/1.1\r\nhost: auth\r\n"), "{sent}");
        assert!(sent.contains("\r\nx-envoy-internal: true\r\n"), "{sent}");
        assert!(sent.contains("\r\nx-forwarded-for: "), "{sent}");
        assert!(sent.contains("\r\nx-envoy-expected-rq-timeout-ms: 9000\r\n"), "{sent}");
        send(&mut server, b"HTTP/1.1 403 No\r\ntransfer-encoding: chunked\r\nx-a: 1\r\n\r\n").await;
        send(&mut server, b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n").await;
        let response = asking.response().await.unwrap();
        assert_eq!((response.status, &response.body[..]), (403, &b"abc"[..]));
        assert_eq!(response.headers.get_str(crate::headers::Key::Other(b"x-a")), Some("1"));
        assert!(![HeaderId::Server, HeaderId::Date]
            .iter()
            .any(|id| response.headers.contains(*id)));
        let cluster = worker.clusters.get("c").unwrap();
        assert_eq!(cluster.stat(ClusterStat::ClusterUpstreamRqTotal), 1);
        assert_eq!(cluster.stat(ClusterStat::ClusterUpstreamRqActive), 0);
        assert_eq!(worker.process.get(ProcessStat::ProcessHttpAsyncClientRqTotal), 1);
    });
}

#[test]
fn requests_may_say_nothing_of_the_proxy() {
    run(|worker| async move {
        let (_asking, mut server) = ask(&worker, Default::default()).await;
        let sent = read(&mut server, "hello").await;
        assert!(!sent.contains("x-"), "{sent}");
    });
}

#[test]
fn an_upstream_that_is_late_or_away_has_a_response_all_the_same() {
    run(|worker| async move {
        let late = proto::ServiceClient { timeout_ms: 50, ..Default::default() };
        let (asking, mut server) = ask(&worker, late).await;
        assert_eq!(asking.response().await.unwrap().status, 504);
        read(&mut server, "hello").await;
        assert!(closed(&mut server).await);
        let (listener, address) = listen().await;
        drop(listener);
        serve_at(&worker, address);
        let response = client(Default::default()).send(&worker, request("GET", b"")).await.unwrap();
        assert_eq!(response.status, 503);
    });
}

#[test]
fn a_failed_attempt_is_made_again_if_the_policy_says_so() {
    run(|worker| async move {
        let (listener, address) = listen().await;
        serve_at(&worker, address);
        let retry_policy = proto::RetryPolicy {
            retry_on: vec!["5xx".into()],
            num_retries: 1,
            backoff_base_ms: 1,
            backoff_max_ms: 1,
            ..Default::default()
        };
        let policy =
            proto::ServiceClient { retry_policy: Some(retry_policy), ..Default::default() };
        let asking = Asking::start(client(policy).send(&worker, request("POST", b"hello")));
        let mut first = accept(&listener).await;
        read(&mut first, "hello").await;
        drop(first);
        let mut second = accept(&listener).await;
        read(&mut second, "hello").await;
        send(&mut second, b"HTTP/1.1 204 No Content\r\n\r\n").await;
        assert_eq!(asking.response().await.unwrap().status, 204);
    });
}

#[test]
fn half_a_response_is_none() {
    run(|worker| async move {
        let (asking, mut server) = ask(&worker, Default::default()).await;
        read(&mut server, "hello").await;
        send(&mut server, b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab").await;
        drop(server);
        assert_eq!(asking.response().await.unwrap_err(), NoResponse::Broken);
    });
}

#[test]
fn a_response_may_be_too_long() {
    run(|worker| async move {
        let (asking, mut server) = ask(&worker, Default::default()).await;
        read(&mut server, "hello").await;
        send(&mut server, b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n").await;
        let piece = vec![0; 1 << 20];
        tokio::task::spawn_local(async move {
            while tokio::io::AsyncWriteExt::write_all(&mut server, &piece).await.is_ok() {}
        });
        assert_eq!(asking.response().await.unwrap_err(), NoResponse::TooLong);
    });
}

#[test]
fn without_a_cluster_nothing_is_asked() {
    run(|worker| async move {
        let responding = client(Default::default()).send(&worker, request("GET", b""));
        assert_eq!(responding.await.unwrap_err(), NoResponse::NoCluster);
    });
}

#[test]
fn who_stops_waiting_ends_the_request() {
    run(|worker| async move {
        let (asking, mut server) = ask(&worker, Default::default()).await;
        read(&mut server, "hello").await;
        asking.0.abort();
        assert!(closed(&mut server).await);
        let cluster = worker.clusters.get("c").unwrap();
        assert_eq!(cluster.stat(ClusterStat::ClusterUpstreamRqActive), 0);
        let stat = ClusterStat::ClusterUpstreamCxDestroyLocalWithActiveRq;
        assert_eq!(cluster.stat(stat), 1);
    });
}

#[test]
fn who_stops_waiting_resets_a_stream_and_not_its_connection() {
    run(|worker| async move {
        let (listener, address) = listen().await;
        worker.clusters.set(shared(&http2(message(&[address]), 100)));
        let client = client(Default::default());
        let asking = Asking::start(client.send(&worker, request("GET", b"")));
        let mut peer = Peer::accept(&listener, &Config::default()).await;
        peer.request().await.expect("a request");
        asking.0.abort();
        let cluster = worker.clusters.get("c").unwrap();
        until(|| cluster.stat(ClusterStat::ClusterUpstreamRqTxReset) == 1).await;
        let asking = Asking::start(client.send(&worker, request("GET", b"")));
        let key = peer.request().await.expect("another request");
        let fields = [FieldRef::new(b":status", b"200")];
        peer.engine.send_headers(key, fields.into_iter(), false);
        assert_eq!(peer.engine.send_data(key, b"abc", false), 3);
        let trailers = [FieldRef::new(b"grpc-status", b"0")];
        peer.engine.send_headers(key, trailers.into_iter(), true);
        peer.flush().await;
        let response = asking.response().await.unwrap();
        assert_eq!(response.body, b"abc");
        assert_eq!(response.trailers.get(HeaderId::GrpcStatus), Some(&b"0"[..]));
    });
}
