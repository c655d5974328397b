//! What the tests of clusters and pools share.

use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::AtomicU64;
use std::sync::Arc;
use std::time::Duration;

use lateen_http2::{Config, Connection, Event, FieldRef, StreamKey};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::{spawn_local, LocalSet};

use super::dns_cache::DnsCaches;
use super::{
    Acquire, Carrier, Cluster, ClusterShared, ConnectError, Overflow, PooledConnection, Priority,
    Surroundings, UpstreamContext,
};
use crate::compile::CompileError;
use crate::lb::LbContext;
use crate::overload::Overload;
use crate::proto::{self, ClusterStat};
use crate::random::Random;
use crate::runtime::SharedRuntime;
use crate::stats::Registry;
use crate::timer::Timers;
use crate::tls::Contexts;

/// Runs a worker's loop around `test`, which must end within 20 seconds.
pub fn run<F: Future<Output = ()>>(test: impl FnOnce(Rc<UpstreamContext>) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.unwrap_or_else(|error| unreachable!("no runtime: {error}"));
    let local = LocalSet::new();
    let result = local.block_on(&runtime, async {
        let timers = Timers::new();
        let random = Rc::new(Random::seeded(1));
        spawn_local(timers.clone().drive());
        let upstream = Rc::new(UpstreamContext {
            thread: 0,
            registry: Arc::new(Registry::default()),
            timers,
            overload: Rc::new(Overload::new(random.clone())),
            random,
            connection_ids: Arc::new(AtomicU64::new(1)),
            doors: Rc::default(),
        });
        tokio::time::timeout(Duration::from_secs(20), test(upstream)).await
    });
    assert!(result.is_ok(), "the test did not end in time");
}

/// A server on loopback whose connections wait to be accepted.
pub async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.unwrap_or_else(|error| unreachable!("cannot listen: {error}"));
    let address = listener.local_addr().unwrap_or_else(|error| unreachable!("{error}"));
    (listener, address)
}

pub async fn accept(listener: &TcpListener) -> TcpStream {
    listener.accept().await.unwrap_or_else(|error| unreachable!("cannot accept: {error}")).0
}

pub fn endpoint(address: SocketAddr) -> proto::Endpoint {
    let socket = proto::SocketAddress {
        host: address.ip().to_string(),
        port: address.port().into(),
        ..Default::default()
    };
    let kind = proto::address::Kind::Socket(socket);
    let address = proto::Address { kind: Some(kind), ..Default::default() };
    proto::Endpoint { address: Some(address), weight: 1, ..Default::default() }
}

pub fn endpoints(addresses: &[SocketAddr]) -> proto::Endpoints {
    let endpoints = addresses.iter().map(|address| endpoint(*address)).collect();
    let locality = proto::Locality { endpoints, ..Default::default() };
    proto::Endpoints { localities: vec![locality], ..Default::default() }
}

pub const BREAKERS: proto::CircuitBreakers = proto::CircuitBreakers {
    max_connections: 1024,
    max_pending_requests: 1024,
    max_requests: 1024,
    max_retries: 3,
    retry_budget: None,
    track_remaining: false,
    max_connection_pools: None,
};

/// A static cluster of these hosts.
pub fn message(addresses: &[SocketAddr]) -> proto::Cluster {
    proto::Cluster {
        name: "c".into(),
        stats_block: 5,
        connect_timeout_ms: 5000,
        default_priority: Some(BREAKERS),
        high_priority: Some(BREAKERS),
        endpoints: Some(endpoints(addresses)),
        max_response_headers_bytes: 80 * 1024,
        max_response_headers_count: 100,
        ..Default::default()
    }
}

impl ClusterShared {
    /// A cluster of a process that has nothing for it.
    pub fn compile(message: &proto::Cluster) -> Result<Arc<Self>, CompileError> {
        let (contexts, runtime) = (Contexts::default(), SharedRuntime::default());
        let dns_caches = DnsCaches::new(unbounded_channel().0);
        let surroundings = Surroundings {
            contexts: &contexts,
            runtime: &runtime,
            sinks: None,
            node: None,
            dns_caches: &dns_caches,
        };
        Self::compile_with(message, &surroundings)
    }
}

pub fn shared(message: &proto::Cluster) -> Arc<ClusterShared> {
    ClusterShared::compile(message).unwrap_or_else(|error| unreachable!("{error}"))
}

pub fn cluster(message: &proto::Cluster, upstream: &Rc<UpstreamContext>) -> Rc<Cluster> {
    Cluster::new(shared(message), upstream.clone())
}

impl Acquire {
    /// The same as `wait` in a cluster that speaks HTTP/1.
    pub async fn wait_http1(self) -> Result<PooledConnection, ConnectError> {
        self.wait().await.map(|carrier| match carrier {
            Carrier::Http1(connection) => connection,
            Carrier::Http2(_) => unreachable!("the cluster speaks HTTP/1"),
        })
    }
}

impl Cluster {
    /// What the router does: a host, then a connection to it.
    pub fn try_acquire(&self) -> Result<Acquire, Overflow> {
        let host = self.choose_host(&LbContext::default());
        let host = host.unwrap_or_else(|| unreachable!("no host"));
        self.acquire(&host, Priority::Default, false)
    }

    pub async fn connection(&self) -> PooledConnection {
        let acquired = self.try_acquire().unwrap_or_else(|error| unreachable!("{error}"));
        acquired.wait_http1().await.unwrap_or_else(|error| unreachable!("{error}"))
    }

    pub fn stat(&self, stat: ClusterStat) -> i64 {
        self.block().get(stat) as i64
    }
}

/// Sends `bytes` from one end and waits until the peer has got them.
pub async fn send(stream: &mut TcpStream, bytes: &[u8]) {
    stream.write_all(bytes).await.unwrap_or_else(|error| unreachable!("cannot write: {error}"));
}

/// Waits for the end of the stream.
pub async fn closed(stream: &mut TcpStream) -> bool {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.is_ok() && bytes.is_empty()
}

/// Lets other tasks run until `done`.
pub async fn until(done: impl Fn() -> bool) {
    while !done() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// A server of HTTP/2.
pub struct Peer {
    stream: TcpStream,
    pub engine: Connection,
    input: Vec<u8>,
}

impl Peer {
    pub async fn accept(listener: &TcpListener, config: &Config) -> Self {
        let stream = accept(listener).await;
        Self { stream, engine: Connection::server(&Arc::new(config.clone())), input: Vec::new() }
    }

    pub async fn flush(&mut self) {
        let output = self.engine.output().to_vec();
        send(&mut self.stream, &output).await;
        self.engine.consume_output(output.len());
    }

    /// The next request; None when the connection has ended.
    pub async fn request(&mut self) -> Option<StreamKey> {
        loop {
            self.flush().await;
            let (used, event) = self
                .engine
                .receive(&self.input)
                .unwrap_or_else(|_| unreachable!("an error of the proxy"));
            let stream = match event {
                Some(Event::Headers { stream, .. }) => Some(stream),
                _ => None,
            };
            self.input.drain(..used);
            if stream.is_some() {
                return stream;
            }
            if used == 0 && self.stream.read_buf(&mut self.input).await.ok()? == 0 {
                return None;
            }
        }
    }

    pub async fn answer(&mut self, stream: StreamKey) {
        let fields = [FieldRef::new(b":status", b"200")];
        self.engine.send_headers(stream, fields.into_iter(), true);
        self.flush().await;
    }
}

/// The cluster of a message, which speaks HTTP/2.
pub fn http2(message: proto::Cluster, max_concurrent_streams: u32) -> proto::Cluster {
    let options = proto::Http2Options {
        hpack_table_size: 4096,
        max_concurrent_streams,
        initial_stream_window_size: 65_535,
        initial_connection_window_size: 65_535,
        max_outbound_frames: 10_000,
        max_outbound_control_frames: 1000,
        max_consecutive_inbound_frames_with_empty_payload: 1,
        max_inbound_priority_frames_per_stream: 100,
        max_inbound_window_update_frames_per_data_frame_sent: 10,
        ..Default::default()
    };
    proto::Cluster {
        http2: Some(options),
        upstream_protocol: proto::cluster::UpstreamProtocol::Http2.into(),
        ..message
    }
}
