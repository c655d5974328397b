//! The transport sockets of a cluster: which of them a host gets, and the TLS handshake.

use std::future::poll_fn;

use serde_json::Value;

use super::internal::InternalUpstream;
use super::pool::PoolContext;
use super::socket::{Opened, SocketError};
use super::Host;
use crate::compile::{CompileError, Result};
use crate::proto::{self, SslStat};
use crate::stats::{BlockKind, Registry};
use crate::tls::{Context, Contexts, TlsNames, TlsStream, TransportSocket};
use crate::transport::Transport;

/// Where endpoints say which of `transport_socket_matches` they need.
const METADATA: &str = "envoy.transport_socket_match";
/// What a host without its secret fails with.
const NOT_READY: &str = "TLS error: Secret is not supplied by SDS";

/// Keys of an endpoint's metadata with the values they have to have.
type Criteria = Vec<(String, Value)>;

/// What stands between a host's connections and who uses them.
#[derive(Default)]
pub struct HostSocket {
    /// None: plain TCP.
    pub tls: Option<TransportSocket>,
    /// None: nothing goes along to an internal listener.
    pub internal: Option<InternalUpstream>,
}

/// The transport sockets of a cluster.
#[derive(Default)]
pub struct TransportSockets {
    default: HostSocket,
    /// In order; the first whose criteria a host's metadata has counts.
    matches: Vec<(Criteria, HostSocket)>,
}

impl HostSocket {
    fn compile(message: Option<&proto::TransportSocket>, contexts: &Contexts) -> Self {
        let internal = message.and_then(|message| message.internal_upstream.as_ref());
        Self {
            tls: TransportSocket::compile(message, contexts),
            internal: internal.map(InternalUpstream::compile),
        }
    }
}

impl TransportSockets {
    /// # Errors
    /// Criteria that are no JSON.
    pub fn compile(message: &proto::Cluster, contexts: &Contexts) -> Result<Self> {
        let mut matches = Vec::new();
        for item in &message.transport_socket_matches {
            let mut criteria = Vec::new();
            for (key, text) in &item.criteria_json {
                let value = serde_json::from_str(text)
                    .map_err(|error| CompileError::new(format!("criteria_json: {error}")))?;
                criteria.push((key.clone(), value));
            }
            let socket = HostSocket::compile(item.transport_socket.as_ref(), contexts);
            matches.push((criteria, socket));
        }
        let default = HostSocket::compile(message.transport_socket.as_ref(), contexts);
        Ok(Self { default, matches })
    }

    /// Whether any of them takes what a client shares along.
    pub fn take_along(&self) -> bool {
        let sockets = self.matches.iter().map(|(_, socket)| socket);
        sockets.chain([&self.default]).any(|socket| socket.internal.is_some())
    }

    /// Connections to some hosts are encrypted, for which requests may choose the ALPN.
    pub fn any_is_secured(&self) -> bool {
        let sockets = self.matches.iter().map(|(_, socket)| socket);
        sockets.chain([&self.default]).any(|socket| socket.tls.is_some())
    }

    /// Connections to the host are encrypted.
    pub fn is_secured(&self, host: &Host) -> bool {
        self.of(host).tls.is_some()
    }

    pub fn of(&self, host: &Host) -> &HostSocket {
        if self.matches.is_empty() {
            return &self.default;
        }
        self.matching(host.metadata.as_ref().and_then(|metadata| metadata.get(METADATA)))
    }

    /// The first whose criteria this metadata has.
    pub fn matching(&self, metadata: Option<&Value>) -> &HostSocket {
        let has = |criteria: &[(String, Value)]| {
            criteria.iter().all(|(key, value)| {
                metadata.and_then(|metadata| metadata.get(key)).is_some_and(|found| found == value)
            })
        };
        match self.matches.iter().find(|(criteria, _)| has(criteria)) {
            Some((_, socket)) => socket,
            None => &self.default,
        }
    }
}

/// Makes a connection that was opened just now secure, if its host is to be; the caller limits the time.
///
/// # Errors
/// The handshake failed.
pub(super) async fn handshake(
    context: &PoolContext,
    host: &Host,
    opened: Opened,
) -> std::result::Result<Opened, SocketError> {
    let Some(socket) = &context.config().sockets.of(host).tls else { return Ok(opened) };
    let upstream = &context.upstream;
    let names = (&*host.hostname, &host.names);
    secure(socket, names, &upstream.registry, upstream.thread, opened).await
}

/// The same for a host of this name, and in a thread of this number.
///
/// # Errors
/// The handshake failed.
pub(super) async fn secure(
    socket: &TransportSocket,
    names: (&str, &TlsNames),
    registry: &Registry,
    thread: usize,
    opened: Opened,
) -> std::result::Result<Opened, SocketError> {
    let block = registry.block(thread, socket.stats_block, BlockKind::Ssl);
    let current = socket.context.load();
    let Context::Client(client) = &*current else {
        block.inc(SslStat::SslUpstreamContextSecretsNotReady);
        return Err(SocketError::Remote(NOT_READY.to_owned()));
    };
    let stream = TlsStream::client(opened.transport, client, names, block)
        .map_err(|error| SocketError::Local(error.to_string()))?;
    let mut transport = Transport::Tls(Box::new(stream));
    if poll_fn(|cx| transport.poll_handshake(cx)).await.is_err() {
        let reason = transport.tls().map(|info| info.failure.borrow().clone());
        return Err(SocketError::Remote(reason.unwrap_or_default()));
    }
    Ok(Opened { transport, local: opened.local })
}
