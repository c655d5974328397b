//! The handshake of a connection, and its failures.

use std::io;
use std::rc::Rc;
use std::task::{ready, Context as TaskContext, Poll};

use rustls::HandshakeKind;

use super::read::Records;
use super::{Inner, Role};
use crate::clock;
use crate::log::{Component, Level};
use crate::proto::{ListenerStat, SslStat};
use crate::tls::failure::Failure;
use crate::tls::info::Handshake;
use crate::tls::notes::Staple;
use crate::tls::peer::PeerCertificate;
use crate::tls::session::Session;
use crate::tls::stats::{self, Agreed};
use crate::tls::{hello, names};

/// The alerts certificate_required, access_denied and handshake_failure of TLS 1.2, in records.
const NO_CERTIFICATE: [u8; 7] = [21, 3, 3, 0, 2, 2, 116];
const ACCESS_DENIED: [u8; 7] = [21, 3, 3, 0, 2, 2, 49];
const HANDSHAKE_FAILURE: [u8; 7] = [21, 3, 3, 0, 2, 2, 40];
/// The alert protocol_version, in a record.
const PROTOCOL_VERSION: [u8; 7] = [21, 3, 1, 0, 2, 2, 70];

impl Inner {
    pub(super) fn poll_handshake(&mut self, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        if self.open {
            return Poll::Ready(Ok(()));
        }
        if self.failed {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        }
        match self.poll_messages(cx) {
            Poll::Pending => self.poll_limit(cx),
            ready => ready,
        }
    }

    /// Reads and writes handshake messages.
    pub(super) fn poll_messages(&mut self, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        if let Some(session) = self.session.as_mut().filter(|_| matches!(self.role, Role::Client)) {
            // The client speaks first.
            let (_, result) = session.process(&mut [], &mut self.plain, &mut self.outgoing);
            if let Err(error) = result {
                return Poll::Ready(Err(self.fail_rustls(&error)));
            }
        }
        loop {
            ready!(self.poll_flush(cx))?;
            if self.open {
                return Poll::Ready(Ok(()));
            }
            let count = match ready!(self.poll_records(cx, None)) {
                Ok(count) => count,
                Err(error) => return Poll::Ready(Err(error)),
            };
            if count == Records::End {
                return Poll::Ready(Err(self.fail(Failure::closed())));
            }
        }
    }

    pub(super) fn poll_limit(&mut self, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        let Some(limit) = &self.limit else { return Poll::Pending };
        ready!(limit.timer.poll(cx, Some(limit.deadline)));
        limit.block.inc(ListenerStat::ListenerDownstreamCxTransportSocketConnectTimeout);
        self.failed = true;
        self.info.timed_out.set(true);
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Looks at a client's first message and begins with the configuration for it; false: not all is there.
    pub(super) fn begin(&mut self, bytes: &[u8]) -> io::Result<bool> {
        let Role::Server(context) = &self.role else { return Ok(true) };
        let found = match hello::read(bytes) {
            hello::First::Partial => return Ok(false),
            hello::First::Foreign => {
                let failure = Failure::of_first_bytes(bytes);
                if failure.reason.contains("WRONG_VERSION") {
                    self.outgoing.extend_from_slice(&PROTOCOL_VERSION);
                    let _ = self.try_flush();
                }
                return Err(self.fail(failure));
            }
            hello::First::Hello(found) => found,
        };
        if found.offers_tls13 && context.offers_tls13() {
            self.info.version.set("TLSv1.3");
        } else if !found.offers_tls12 && !found.offers_tls13 {
            self.outgoing.extend_from_slice(&PROTOCOL_VERSION);
            let _ = self.try_flush();
            return Err(self.fail(Failure::unsupported_version()));
        }
        let session = Session::server(context.config(&found).clone()).map_err(io::Error::other)?;
        self.session = Some(session);
        Ok(true)
    }

    /// The handshake is done: notes and counts what was agreed on.
    pub(super) fn finish(&mut self) {
        let Some(session) = &self.session else { return };
        let state = session.state();
        let noted = std::mem::take(&mut self.noted);
        let suite = state.negotiated_cipher_suite().map(|suite| suite.suite());
        let cipher = suite.and_then(names::describe_suite);
        let group = state.negotiated_key_exchange_group();
        let group = group.and_then(|group| names::describe_group(group.name()));
        let version = state.protocol_version().and_then(names::describe_version);
        let resumed = state.handshake_kind() == Some(HandshakeKind::Resumed);
        let peer = state.peer_certificates();
        let peer = peer.and_then(|chain| PeerCertificate::read(chain, noted.issuer)).map(Rc::new);
        let handshake = Handshake {
            version: version.map_or("", |version| version.0),
            cipher: cipher.map_or("", |cipher| cipher.0),
            cipher_id: suite.map_or(0, u16::from),
            group: group.map(|group| group.0),
            alpn: state.alpn_protocol().map(Box::from),
            server_name: self.server_name.clone(),
            resumed,
            local: noted.local,
            // A resumed session is of a peer that was verified when it began.
            validated: peer.is_some() && (noted.validated || resumed),
            peer,
            done: clock::now(),
        };
        let agreed = Agreed {
            cipher: cipher.map(|cipher| cipher.1),
            group: group.map(|group| group.1),
            version: version.map(|version| version.1),
            scheme: noted.scheme,
        };
        stats::count(&self.block, &handshake, &agreed);
        if let Some(stat) = noted.accepted {
            self.block.inc(stat);
        }
        if let Some(staple) = noted.staple {
            stats::count_staple(&self.block, staple);
        }
        let _ = self.info.handshake.set(handshake);
        self.limit = None;
        self.open = true;
    }

    pub(super) fn fail_rustls(&mut self, error: &rustls::Error) -> io::Error {
        let mut failure = Failure::of(error, self.noted.refusal.take());
        let unanswered = |session: &Session| session.state().protocol_version().is_none();
        if matches!(self.role, Role::Client) && self.session.as_ref().is_some_and(unanswered) {
            failure = failure.on_client_hello();
        }
        if let Some(staple) = self.noted.staple {
            stats::count_staple(&self.block, staple);
        }
        // Up to TLS 1.2 there is no alert certificate_required; rustls sends it all the same.
        if failure.stat == Some(SslStat::SslFailVerifyNoCert) {
            self.replace_alert(NO_CERTIFICATE);
        } else if self.noted.staple == Some(Staple::Refused) {
            self.replace_alert(ACCESS_DENIED);
        }
        // The alert is worth one try: the connection ends either way.
        if !self.outgoing.is_empty() {
            let _ = self.try_flush();
        }
        self.fail(failure)
    }

    /// Says handshake_failure in place of this alert.
    fn replace_alert(&mut self, alert: [u8; 7]) {
        let last = self.outgoing.last_chunk_mut::<7>();
        if let Some(last) = last.filter(|last| **last == alert) {
            *last = HANDSHAKE_FAILURE;
        }
    }

    pub(super) fn fail(&mut self, failure: Failure) -> io::Error {
        self.failed = true;
        self.closed = true;
        if let Some(stat) = failure.stat {
            self.block.inc(stat);
        }
        if crate::log::enabled(Component::Connection, Level::Info) {
            let side = if matches!(self.role, Role::Client) { "upstream" } else { "downstream" };
            let reason = match failure.reason.as_str() {
                "" => "connection closed",
                reason => reason,
            };
            let text = format!("{side} TLS failed: {reason} ({})", failure.hint);
            crate::log::send(Component::Connection, Level::Info, text);
        }
        self.info.failure.borrow_mut().clone_from(&failure.reason);
        failure.into_io()
    }
}
