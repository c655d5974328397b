//! What is known of the TLS of a connection, for logs, routes and headers.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use super::certificate::LocalCertificate;
use super::peer::{Facts, PeerCertificate};

/// Shared by a connection's stream, which fills it in, and by all who describe the connection.
#[derive(Default)]
pub struct TlsInfo {
    /// Empty until the handshake is done.
    pub handshake: OnceCell<Handshake>,
    /// Why the handshake or a record failed, in Envoy's words; empty when it did not.
    pub failure: RefCell<String>,
    /// The version that an unfinished handshake had come to.
    pub version: Cell<&'static str>,
    /// The handshake took too long.
    pub timed_out: Cell<bool>,
    /// What every request of the connection tells of the peer's certificate (x-forwarded-client-cert).
    pub forwarded: OnceCell<Box<str>>,
}

/// What a handshake agreed on.
pub struct Handshake {
    /// `TLSv1.2` or `TLSv1.3`.
    pub version: &'static str,
    pub cipher: &'static str,
    /// Its number at IANA.
    pub cipher_id: u16,
    pub group: Option<&'static str>,
    pub alpn: Option<Box<[u8]>>,
    /// The name that this side, as a client, asked for.
    pub server_name: Option<Arc<str>>,
    pub resumed: bool,
    pub local: Option<Arc<LocalCertificate>>,
    pub peer: Option<Rc<PeerCertificate>>,
    /// The peer's certificate was verified.
    pub validated: bool,
    pub done: Instant,
}

impl TlsInfo {
    pub fn peer(&self) -> Option<&PeerCertificate> {
        self.handshake.get()?.peer.as_deref()
    }

    pub fn local(&self) -> Option<&LocalCertificate> {
        self.handshake.get()?.local.as_deref()
    }

    /// The names by which policies know the peer, in the order in which they are tried. Without a certificate
    /// its subject is empty.
    /// Source: `AuthenticatedMatcher` of Envoy's RBAC filters.
    pub fn principals(&self) -> impl Iterator<Item = &str> {
        let facts = self.peer().map(|peer| &peer.facts);
        facts.into_iter().flat_map(Facts::principals).chain(facts.is_none().then_some(""))
    }

    /// The client showed a certificate.
    pub fn is_presented(&self) -> bool {
        self.peer().is_some()
    }

    /// The client's certificate was verified.
    pub fn is_validated(&self) -> bool {
        self.handshake.get().is_some_and(|handshake| handshake.validated)
    }
}
