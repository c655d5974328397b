//! Upgrades and CONNECT: what is particular to requests that become open streams.

use std::future::{poll_fn, Future};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use super::attempt::{begin_attempt, failed, Upstream};
use super::failure::Failure;
use super::hedging::Stop;
use super::parties::Parties;
use super::wire::{TcpWire, Wire};
use crate::clock;
use crate::filters;
use crate::formatter::LogType;
use crate::headers::HeaderId;
use crate::http::upgrade::{handshake, Handshake};
use crate::http1::response::ResponseHead;
use crate::upstream::{ClosedBy, Cluster, Host, TcpError};

/// Opens a TCP connection to `host` for what follows the request, while the client stays.
pub async fn connect_tcp(
    parties: &mut Parties<'_>,
    cluster: &Rc<Cluster>,
    host: &Arc<Host>,
) -> Result<Upstream, Stop> {
    begin_attempt(&mut parties.stream.info.upstream, host);
    parties.stream.waited = true;
    let Some(permit) = cluster.tunnel_permit(host) else {
        parties.stream.info.upstream.host = None;
        return Err(Failure::Overflow.into());
    };
    let mut connecting = pin!(cluster.connect_tcp(host, permit));
    let start = clock::now();
    let outcome = poll_fn(|cx| match connecting.as_mut().poll(cx) {
        Poll::Ready(outcome) => Poll::Ready(Ok(outcome)),
        Poll::Pending => parties.poll_stopped(cx).map(Err),
    })
    .await?;
    let info = &mut parties.stream.info.upstream;
    info.pool_ready_after = Some(clock::since(start));
    let connection = outcome.map_err(|error| match error {
        TcpError::PendingOverflow => {
            info.host = None;
            Failure::Overflow
        }
        TcpError::Connect(error) => failed(error),
    })?;
    info.note_connection(&connection);
    info.connection_requests = 1;
    let wire = Wire::Tcp(TcpWire::new(connection));
    Ok(Upstream::new(parties.stream, cluster.clone(), host.clone(), wire))
}

impl Parties<'_> {
    fn handshake(&self, status: u16) -> Option<Handshake> {
        let stream = &*self.stream;
        self.holding.then(|| handshake(&stream.head, &stream.request, status, &stream.response))
    }

    /// Whether a response is one of which the client gets the head alone.
    pub fn gets_head_alone(&self, head: &ResponseHead) -> bool {
        self.handshake(head.status) == Some(Handshake::HeadAlone)
    }

    /// Passes on the head of a response to a WebSocket handshake that failed, which counts as no response.
    pub fn refuse_handshake(&mut self, mut up: Upstream, head: &ResponseHead) {
        up.abort(ClosedBy::Local);
        self.discard_body();
        let stream = &mut *self.stream;
        stream.info.response_code = head.status;
        stream.info.details = "websocket_handshake_unsuccessful".into();
        stream.response.remove(HeaderId::ContentLength);
        stream.route_response();
        // It has no body for which a filter could hold it, and no other answer stands in for it.
        let _ = filters::response(stream, true);
        stream.send_head(self.down, true);
        self.down.end_with_head();
    }

    /// Lets the bytes of both sides pass, if the upstream has agreed.
    pub fn open_tunnel(&mut self, status: u16) {
        if self.handshake(status) != Some(Handshake::Agreed) {
            return;
        }
        self.holding = false;
        self.replay.wanted = false;
        self.timeouts.open_tunnel();
        self.stream.tunnel = true;
        if self.stream.manager.config.log_on_tunnel {
            self.stream.log(LogType::DownstreamTunnelSuccessfullyEstablished);
        }
    }
}
