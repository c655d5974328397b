//! Whether trusted certificates vouch for a peer's (RFC 5280), with the words that BoringSSL has for a no.
//!
//! webpki builds and checks the path. What it does not know and BoringSSL does is added: a trusted certificate
//! may be the peer's own, trusted certificates expire, and time may be left out.

use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use rustls::CertificateError;
use webpki::{
    anchor_from_trusted_cert, CertRevocationList, EndEntityCert, ExpirationPolicy, KeyUsage,
    OwnedCertRevocationList, RevocationCheckDepth, RevocationOptionsBuilder, UnknownStatusPolicy,
    VerifiedPath,
};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::compile::{CompileError, Result};

/// Certificates that vouch for others, and what is asked of a chain.
#[derive(Debug)]
pub struct Trust {
    anchors: Vec<TrustAnchor<'static>>,
    /// Of each anchor.
    certificates: Vec<(CertificateDer<'static>, Validity)>,
    crls: Vec<CertRevocationList<'static>>,
    pub rules: Rules,
}

#[derive(Clone, Debug, Default)]
pub struct Rules {
    pub allow_expired: bool,
    /// Most certificates between the leaf and the trusted one.
    pub max_depth: Option<u32>,
    pub leaf_crl_only: bool,
}

/// Seconds since 1970.
#[derive(Clone, Copy, Debug)]
struct Validity {
    from: i64,
    to: i64,
}

/// Why a chain is not accepted.
#[derive(Debug, PartialEq)]
pub struct Refused {
    /// As BoringSSL says it, with the place in the chain.
    pub reason: String,
    /// Decides the alert.
    pub error: CertificateError,
}

/// What the peer's certificate is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    Server,
    Client,
}

impl Trust {
    /// # Errors
    /// A certificate or a CRL that cannot be read; `source` and `crl_source` are named.
    pub fn compile(
        trusted: &[Vec<u8>],
        source: &str,
        crls: &[Vec<u8>],
        crl_source: &str,
        rules: Rules,
    ) -> Result<Self> {
        let mut trust =
            Self { anchors: Vec::new(), certificates: Vec::new(), crls: Vec::new(), rules };
        for der in trusted {
            let unreadable = || {
                CompileError::new(format!("Failed to load trusted CA certificates from {source}"))
            };
            let certificate = CertificateDer::from(der.clone());
            let validity = validity(der).ok_or_else(unreadable)?;
            let anchor = anchor_from_trusted_cert(&certificate).map_err(|_| unreadable())?;
            trust.anchors.push(anchor.to_owned());
            trust.certificates.push((certificate, validity));
        }
        for der in crls {
            let crl = OwnedCertRevocationList::from_der(der).map_err(|e| {
                CompileError::new(format!("Failed to load CRL from {crl_source}: {e}"))
            })?;
            trust.crls.push(crl.into());
        }
        Ok(trust)
    }

    /// The certificates, for hints to clients and for statistics.
    pub fn certificates(&self) -> impl Iterator<Item = &CertificateDer<'static>> {
        self.certificates.iter().map(|(certificate, _)| certificate)
    }

    /// # Errors
    /// Nobody vouches for the leaf, which is the first of `chain`.
    pub fn verify(
        &self,
        chain: &[CertificateDer<'_>],
        algorithms: &WebPkiSupportedAlgorithms,
        usage: Usage,
        now: UnixTime,
    ) -> std::result::Result<(), Refused> {
        let Some((leaf, intermediates)) = chain.split_first() else {
            return Err(refused(0, "unable to get local issuer certificate", unknown()));
        };
        if let Some((_, validity)) = self.certificates.iter().find(|(it, _)| it == leaf) {
            return match self.rules.allow_expired {
                true => Ok(()),
                false => validity.check(now, 0),
            };
        }
        let first = self.build(leaf, intermediates, algorithms, usage, now);
        let Err(error) = first else { return Ok(()) };
        if self.rules.allow_expired && is_about_time(&error) {
            let moments = chain.iter().filter_map(|it| validity(it)).flat_map(Validity::moments);
            for moment in moments {
                if self.build(leaf, intermediates, algorithms, usage, moment).is_ok() {
                    return Ok(());
                }
            }
        }
        Err(self.explain(&error, chain, now))
    }

    fn build(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        algorithms: &WebPkiSupportedAlgorithms,
        usage: Usage,
        now: UnixTime,
    ) -> std::result::Result<(), webpki::Error> {
        let leaf = EndEntityCert::try_from(leaf)?;
        let crls: Vec<&CertRevocationList<'_>> = self.crls.iter().collect();
        let revocation = RevocationOptionsBuilder::new(&crls).ok().map(|builder| {
            let depth = match self.rules.leaf_crl_only {
                true => RevocationCheckDepth::EndEntity,
                false => RevocationCheckDepth::Chain,
            };
            builder
                .with_depth(depth)
                .with_status_policy(UnknownStatusPolicy::Deny)
                .with_expiration_policy(ExpirationPolicy::Enforce)
                .build()
        });
        let usage = match usage {
            Usage::Server => KeyUsage::server_auth(),
            Usage::Client => KeyUsage::client_auth(),
        };
        let accept = |path: &VerifiedPath<'_>| self.accept(path, now);
        leaf.verify_for_usage(
            algorithms.all,
            &self.anchors,
            intermediates,
            now,
            usage,
            revocation,
            Some(&accept),
        )
        .map(drop)
    }

    /// What webpki does not ask of a path: its length and that the trusted certificate has not expired.
    fn accept(
        &self,
        path: &VerifiedPath<'_>,
        now: UnixTime,
    ) -> std::result::Result<(), webpki::Error> {
        let depth = path.intermediate_certificates().count();
        if self.rules.max_depth.is_some_and(|most| depth > most as usize) {
            return Err(webpki::Error::MaximumPathDepthExceeded);
        }
        if self.rules.allow_expired {
            return Ok(());
        }
        let place = self.anchors.iter().position(|anchor| std::ptr::eq(anchor, path.anchor()));
        let validity = place.and_then(|place| self.certificates.get(place)).map(|(_, it)| *it);
        match validity.map(|validity| validity.check(now, depth + 1)) {
            Some(Err(Refused { error: CertificateError::NotValidYet, .. })) => {
                Err(webpki::Error::CertNotValidYet { time: now, not_before: now })
            }
            Some(Err(_)) => Err(webpki::Error::CertExpired { time: now, not_after: now }),
            _ => Ok(()),
        }
    }

    /// BoringSSL's words.
    fn explain(
        &self,
        error: &webpki::Error,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Refused {
        use webpki::Error;
        match error {
            Error::CertExpired { .. } => {
                refused(self.depth_of_time(chain, now), "certificate has expired", expired())
            }
            Error::CertNotValidYet { .. } => refused(
                self.depth_of_time(chain, now),
                "certificate is not yet valid",
                CertificateError::NotValidYet,
            ),
            Error::CertRevoked => by_crl("certificate revoked", CertificateError::Revoked),
            Error::UnknownRevocationStatus => {
                by_crl("unable to get certificate CRL", CertificateError::UnknownRevocationStatus)
            }
            Error::CrlExpired { .. } => {
                by_crl("CRL has expired", CertificateError::ExpiredRevocationList)
            }
            Error::RequiredEkuNotFoundContext(_) => {
                refused(0, "unsupported certificate purpose", CertificateError::InvalidPurpose)
            }
            Error::MaximumPathDepthExceeded => {
                let depth = self.rules.max_depth.map_or(chain.len(), |most| most as usize + 1);
                refused(depth, "unable to get local issuer certificate", unknown())
            }
            Error::PathLenConstraintViolated => {
                refused(1, "path length constraint exceeded", CertificateError::BadEncoding)
            }
            Error::NameConstraintViolation => {
                refused(0, "permitted subtree violation", CertificateError::BadEncoding)
            }
            Error::EndEntityUsedAsCa => {
                refused(1, "invalid CA certificate", CertificateError::BadEncoding)
            }
            Error::InvalidSignatureForPublicKey => {
                refused(0, "certificate signature failure", CertificateError::BadSignature)
            }
            Error::CaUsedAsEndEntity | Error::UnknownIssuer => explain_unknown(chain),
            other => refused(0, &other.to_string(), CertificateError::BadEncoding),
        }
    }

    /// The place of the certificate that is out of its time.
    fn depth_of_time(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> usize {
        let bad =
            |der: &CertificateDer<'_>| validity(der).is_some_and(|it| it.check(now, 0).is_err());
        chain.iter().position(bad).unwrap_or(chain.len())
    }
}

/// Where the chain of issuers ends.
fn explain_unknown(chain: &[CertificateDer<'_>]) -> Refused {
    let mut depth = 0;
    while let Some(issuer) = issuer_of(chain, depth) {
        depth = issuer;
    }
    let self_issued = chain.get(depth).is_some_and(|last| super::peer::is_self_issued(last));
    let reason = match (self_issued, depth) {
        (true, 0) => "self signed certificate",
        (true, _) => "self signed certificate in certificate chain",
        (false, _) => "unable to get local issuer certificate",
    };
    refused(depth, reason, unknown())
}

/// The place behind `depth` of the issuer of the certificate there.
fn issuer_of(chain: &[CertificateDer<'_>], depth: usize) -> Option<usize> {
    let (_, current) = X509Certificate::from_der(chain.get(depth)?).ok()?;
    chain.iter().enumerate().skip(depth + 1).find_map(|(place, der)| {
        let (_, other) = X509Certificate::from_der(der).ok()?;
        (other.subject().as_raw() == current.issuer().as_raw()).then_some(place)
    })
}

fn refused(depth: usize, what: &str, error: CertificateError) -> Refused {
    let reason =
        format!("X509_verify_cert: certificate verification error at depth {depth}: {what}");
    Refused { reason, error }
}

fn by_crl(what: &str, error: CertificateError) -> Refused {
    let what = format!("certificate revocation check against provided CRLs failed: {what}");
    refused(0, &what, error)
}

fn unknown() -> CertificateError {
    CertificateError::UnknownIssuer
}

fn expired() -> CertificateError {
    CertificateError::Expired
}

fn is_about_time(error: &webpki::Error) -> bool {
    matches!(error, webpki::Error::CertExpired { .. } | webpki::Error::CertNotValidYet { .. })
}

fn validity(der: &[u8]) -> Option<Validity> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let validity = certificate.validity();
    Some(Validity { from: validity.not_before.timestamp(), to: validity.not_after.timestamp() })
}

impl Validity {
    fn check(self, now: UnixTime, depth: usize) -> std::result::Result<(), Refused> {
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        if now < self.from {
            let error = CertificateError::NotValidYet;
            return Err(refused(depth, "certificate is not yet valid", error));
        }
        match now > self.to {
            true => Err(refused(depth, "certificate has expired", expired())),
            false => Ok(()),
        }
    }

    /// Moments at which it is valid.
    fn moments(self) -> [UnixTime; 2] {
        [self.from, self.to].map(|seconds| {
            let seconds = u64::try_from(seconds).unwrap_or(0);
            UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds))
        })
    }
}

#[cfg(test)]
mod tests;
