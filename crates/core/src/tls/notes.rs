//! What a verifier or a choice of certificate has to say to the connection it was made for.
//!
//! rustls calls both from inside a connection's processing, on this thread, and passes nothing back but an
//! error; a note is taken by whoever drives the connection, as soon as that call returns.

use std::cell::RefCell;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::SignatureScheme;

use super::certificate::LocalCertificate;
use crate::proto::SslStat;

/// Why a peer's certificate was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub stat: SslStat,
    /// As it stands behind `CERTIFICATE_VERIFY_FAILED:`.
    pub reason: String,
}

/// What became of a client's wish for an OCSP response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Staple {
    Sent,
    Omitted,
    /// No certificate may be shown without one.
    Refused,
}

#[derive(Default)]
pub struct Notes {
    pub refusal: Option<Refusal>,
    /// What was wrong with a certificate that is accepted all the same.
    pub accepted: Option<SslStat>,
    /// The certificate of this side.
    pub local: Option<Arc<LocalCertificate>>,
    pub staple: Option<Staple>,
    /// What the peer signed with.
    pub scheme: Option<SignatureScheme>,
    /// The peer's certificate was verified.
    pub validated: bool,
    /// Who issued it, where that is known.
    pub issuer: Option<CertificateDer<'static>>,
}

impl Notes {
    /// Adds what was noted since the last call of this or of [`take`].
    pub fn gather(&mut self) {
        let new = take();
        self.refusal = new.refusal.or(self.refusal.take());
        self.accepted = new.accepted.or(self.accepted);
        self.local = new.local.or(self.local.take());
        self.staple = new.staple.or(self.staple);
        self.scheme = new.scheme.or(self.scheme);
        self.validated |= new.validated;
        self.issuer = new.issuer.or(self.issuer.take());
    }
}

thread_local! {
    static NOTES: RefCell<Notes> = RefCell::default();
}

pub fn write(note: impl FnOnce(&mut Notes)) {
    NOTES.with_borrow_mut(note);
}

/// What was noted since the last call.
pub fn take() -> Notes {
    NOTES.take()
}
