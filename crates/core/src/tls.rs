//! TLS of both sides: rustls, its records driven over the worker's non-blocking sockets.
//!
//! A context is a resource: its settings, certificates and trust are compiled once, and connections take the
//! present one when they begin. Names, counters and failure reasons are those of Envoy.

mod certificate;
mod chain;
mod context;
mod contexts;
mod distinguished_name;
mod failure;
mod hello;
mod info;
mod names;
mod notes;
mod peer;
mod san;
mod select;
mod server_name;
mod session;
mod stats;
mod stream;
mod tickets;
mod verifier;
mod verify;

pub use certificate::LocalCertificate;
pub use context::{ClientContext, Context, ServerContext};
pub use contexts::{Contexts, Handle, TransportSocket};
pub use info::{Handshake, TlsInfo};
pub use peer::{
    encoded_pem, serial_of, sha1, sha256, AlternativeNames, Facts as CertificateFacts,
    PeerCertificate,
};
pub use san::{dns_matches, SanMatcher};
pub use server_name::TlsNames;
pub use stream::{Limit, TlsStream};
