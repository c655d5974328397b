//! `tunneling_config`: asking an HTTP proxy for a tunnel.
//! <https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/http/upgrades#tunneling-tcp-over-http>

mod http1;
mod http2;
mod open;

use std::ops::RangeInclusive;
use std::rc::Rc;
use std::sync::Arc;

use serde_json::json;

use super::session::{within, Session};
use crate::compile::{At, CompileError, Result};
use crate::formatter::Formatter;
use crate::headers::{HeaderId, Headers, Side};
use crate::http::flags::ResponseFlags;
use crate::http::mutation::HeaderChanges;
use crate::proto::cluster::UpstreamProtocol;
use crate::proto::{self, ClusterStat};
use crate::upstream::{Carrier, Cluster, ConnectError, Host, Priority, TcpError};

pub use open::OpenTunnel;

/// Where the head of the answer, and its trailers, are kept in the filter state.
const RESPONSE_HEADERS: &str = "envoy.tcp_proxy.propagate_response_headers";
const RESPONSE_TRAILERS: &str = "envoy.tcp_proxy.propagate_response_trailers";

/// Why there is no tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The proxy says no.
    Status(u16),
    /// Its answer is no HTTP.
    Invalid,
    Ended,
}

impl Refusal {
    /// Envoy's transport failure reason.
    fn reason(self) -> String {
        match self {
            Self::Status(status) => format!("tunnel_response:{status}"),
            Self::Invalid | Self::Ended => String::new(),
        }
    }
}

/// Immutable, shared by all workers.
pub struct Tunnel {
    hostname: Formatter,
    post_path: String,
    headers: HeaderChanges,
    keep_headers: bool,
    keep_trailers: bool,
}

impl Tunnel {
    /// # Errors
    /// A host name or a header that cannot be formatted.
    pub fn compile(message: &proto::Tunnel) -> Result<Self> {
        let hostname = message.hostname.as_ref();
        let hostname = hostname.ok_or_else(|| CompileError::new("a host name is missing"))?;
        Ok(Self {
            hostname: Formatter::compile(hostname).at("hostname")?,
            post_path: message.post_path.clone(),
            headers: HeaderChanges::compile(&message.headers, &[], "headers")?,
            keep_headers: message.propagate_response_headers,
            keep_trailers: message.propagate_response_trailers,
        })
    }
}

impl Session {
    /// A tunnel through a connection to `host`. None when the client's connection ends before.
    pub async fn open_tunnel(
        &mut self,
        tunnel: &Tunnel,
        cluster: &Rc<Cluster>,
        host: &Arc<Host>,
    ) -> Option<std::result::Result<OpenTunnel, TcpError>> {
        let http2 = cluster.config().tunnels_speak_http2;
        let Ok(acquire) = cluster.acquire(host, Priority::Default, http2) else {
            return Some(Err(TcpError::PendingOverflow));
        };
        let carrier = match self.in_time(acquire.wait()).await? {
            Ok(carrier) => carrier,
            Err(error) => return Some(Err(TcpError::Connect(error))),
        };
        let mut open = OpenTunnel::new(carrier, cluster.clone(), host.clone());
        let (timer, deadline) = (self.worker.timers.timer(), self.last_moment());
        let Some(asked) = within(&timer, deadline, self.ask(tunnel, &mut open)).await else {
            self.expire();
            self.info.upstream.host = Some(host.clone());
            self.info.flags |= ResponseFlags::UPSTREAM_CONNECTION_FAILURE;
            return None;
        };
        Some(
            asked.map(|()| open).map_err(|refusal| {
                TcpError::Connect(ConnectError::Remote(refusal.reason().into()))
            }),
        )
    }

    /// Sends the request and reads the head of the answer.
    async fn ask(
        &mut self,
        tunnel: &Tunnel,
        open: &mut OpenTunnel,
    ) -> std::result::Result<(), Refusal> {
        let mut request = self.tunnel_request(tunnel);
        if open.is_shared() && !tunnel.post_path.is_empty() {
            request.set(HeaderId::Scheme, open.scheme());
        }
        let mut answer = Headers::new();
        let mut heads = (0, 0);
        let asked = match &mut open.carrier {
            Carrier::Http1(pooled) => {
                let accepted = accepted(open.cluster.config().protocol);
                http1::ask(pooled, &request, accepted, &mut answer, &mut heads).await
            }
            Carrier::Http2(pooled) => http2::ask(pooled, &request, &mut answer).await,
        };
        open.count(ClusterStat::ClusterUpstreamCxTxBytesTotal, heads.0);
        open.count(ClusterStat::ClusterUpstreamCxRxBytesTotal, heads.1);
        self.info.upstream.wire_bytes_sent += heads.0 as u64;
        self.info.upstream.wire_bytes_received += heads.1 as u64;
        if asked == Err(Refusal::Invalid) {
            open.count(ClusterStat::ClusterUpstreamCxProtocolError, 1);
        }
        if tunnel.keep_headers && !answer.is_empty() {
            self.keep(RESPONSE_HEADERS, &answer);
        }
        asked
    }

    fn tunnel_request(&self, tunnel: &Tunnel) -> Headers {
        let mut host = Vec::new();
        let context = self.format_context();
        tunnel.hostname.format(&context, &mut host);
        let mut request = Headers::new();
        match tunnel.post_path.as_str() {
            "" => request.set(HeaderId::Method, b"CONNECT"),
            path => {
                request.set(HeaderId::Method, b"POST");
                request.set(HeaderId::Path, path.as_bytes());
            }
        }
        request.set(HeaderId::Authority, &host);
        tunnel.headers.apply(&mut request, Side::Request, |formatter, _, out| {
            formatter.format(&context, out);
        });
        request
    }

    /// Keeps the trailers of the answer, if that is wanted.
    pub fn note_trailers(&mut self, trailers: &Headers) {
        let wanted = self.proxy.config.tunnel.as_ref().is_some_and(|tunnel| tunnel.keep_trailers);
        if wanted && !trailers.is_empty() {
            self.keep(RESPONSE_TRAILERS, trailers);
        }
    }

    /// Puts fields into the filter state, in the form of envoy.config.core.v3.HeaderMap.
    fn keep(&mut self, key: &str, fields: &Headers) {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let fields = fields.iter();
        let fields =
            fields.map(|(_, name, value)| json!({"key": text(name), "value": text(value)}));
        let value = json!({"headers": fields.collect::<Vec<_>>()});
        let mut state = self.info.connection.state.borrow_mut();
        state.set_filter_state(key, value);
        self.info.filter_state.clone_from(&state.filter_state);
    }
}

/// The statuses that open a tunnel over HTTP/1. A cluster that may speak HTTP/2 is held to its rule, as in Envoy.
fn accepted(protocol: UpstreamProtocol) -> RangeInclusive<u16> {
    match protocol {
        UpstreamProtocol::Auto => 200..=200,
        _ => 200..=299,
    }
}
