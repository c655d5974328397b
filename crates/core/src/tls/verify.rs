//! Verifying the peer (`validation_context`).
//! <https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/security/ssl#certificate-verification>

use std::sync::Arc;

use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::{CertificateError, DistinguishedName, Error, OtherError};

use super::chain::{Rules, Trust, Usage};
use super::notes::{self, Refusal};
use super::peer::{is_issuer, is_workload, public_key, AlternativeNames, Facts};
use super::san::{dns_matches, SanMatcher};
use crate::compile::{each, Result};
use crate::proto::{self, SslStat};

/// Who vouches for a peer.
#[derive(Debug)]
enum Roots {
    /// Nobody has to.
    None,
    One(Trust),
    /// SPIFFE: by the trust domain in the peer's identity.
    Domains(Vec<(String, Trust)>),
}

/// The names that a certificate is to be of, where a connection has such.
#[derive(Clone, Copy, Default)]
pub struct Asked<'a> {
    /// What was asked for by SNI.
    pub name: Option<&'a str>,
    /// What the request says.
    pub expected: Option<&'a str>,
}

impl Asked<'_> {
    fn is_any(&self) -> bool {
        self.name.is_some() || self.expected.is_some()
    }
}

/// What is asked of a peer's certificate.
#[derive(Debug)]
pub struct Validation {
    roots: Roots,
    sans: Vec<SanMatcher>,
    hashes: Vec<Vec<u8>>,
    keys: Vec<Vec<u8>>,
    accept_untrusted: bool,
}

impl Validation {
    /// # Errors
    /// A certificate, CRL or regex that cannot be used.
    pub fn compile(message: &proto::TlsValidation) -> Result<Self> {
        let rules = Rules {
            allow_expired: message.allow_expired,
            max_depth: message.max_verify_depth,
            leaf_crl_only: message.only_verify_leaf_cert_crl,
        };
        let trust = |trusted: &[Vec<u8>], rules: Rules| {
            let source = &message.ca_source;
            Trust::compile(trusted, source, &message.crls, &message.crl_source, rules)
        };
        let roots = if !message.trust_domains.is_empty() {
            let domain = |domain: &proto::TrustDomain| {
                Ok((domain.name.clone(), trust(&domain.trusted_ca, rules.clone())?))
            };
            Roots::Domains(each(&message.trust_domains, "trust_domains", domain)?)
        } else if message.trusted_ca.is_empty() {
            Roots::None
        } else {
            Roots::One(trust(&message.trusted_ca, rules)?)
        };
        Ok(Self {
            roots,
            sans: each(&message.sans, "sans", SanMatcher::compile)?,
            hashes: message.certificate_hashes.clone(),
            keys: message.spki_hashes.clone(),
            accept_untrusted: message.accept_untrusted,
        })
    }

    /// Whether a peer without a certificate is refused.
    pub fn needs_certificate(&self) -> bool {
        !self.sans.is_empty() || !self.hashes.is_empty() || !self.keys.is_empty()
    }

    /// Whether a peer is asked for a certificate at all.
    pub fn asks(&self) -> bool {
        !matches!(self.roots, Roots::None) || self.needs_certificate()
    }

    fn trusted(&self) -> impl Iterator<Item = &CertificateDer<'static>> {
        let (one, many) = match &self.roots {
            Roots::None => (None, None),
            Roots::One(trust) => (Some(trust), None),
            Roots::Domains(domains) => (None, Some(domains)),
        };
        let many = many.into_iter().flatten().map(|(_, trust)| trust);
        one.into_iter().chain(many).flat_map(Trust::certificates)
    }

    /// Subjects of trusted certificates, which tell clients what certificate to show.
    pub fn subjects(&self) -> Vec<DistinguishedName> {
        use x509_parser::prelude::{FromDer, X509Certificate};
        self.trusted()
            .filter_map(|der| {
                let (_, parsed) = X509Certificate::from_der(der).ok()?;
                Some(DistinguishedName::from(parsed.subject().as_raw().to_vec()))
            })
            .collect()
    }

    /// Verifies a chain.
    ///
    /// # Errors
    /// It is not accepted, which is noted.
    pub fn verify(
        &self,
        chain: &[CertificateDer<'_>],
        asked: Asked<'_>,
        algorithms: &WebPkiSupportedAlgorithms,
        usage: Usage,
        now: UnixTime,
    ) -> std::result::Result<(), Error> {
        let outcome = self.verify_chain(chain, algorithms, usage, now);
        let outcome = outcome.and_then(|()| self.verify_leaf(chain, asked));
        match outcome {
            Ok(()) => {
                let validated = !matches!(self.roots, Roots::None)
                    || !self.hashes.is_empty()
                    || !self.keys.is_empty();
                let issuer = self.issuer(chain);
                notes::write(|notes| {
                    notes.validated = validated;
                    notes.issuer = issuer;
                });
                Ok(())
            }
            Err((refusal, _)) if self.accept_untrusted => {
                notes::write(|notes| notes.accepted = Some(refusal.stat));
                Ok(())
            }
            Err((refusal, error)) => {
                notes::write(|notes| notes.refusal = Some(refusal));
                Err(Error::InvalidCertificate(error))
            }
        }
    }

    /// The certificate of the leaf's issuer, sent along or trusted.
    fn issuer(&self, chain: &[CertificateDer<'_>]) -> Option<CertificateDer<'static>> {
        let leaf = chain.first()?;
        if is_issuer(leaf, leaf) {
            return None;
        }
        let sent = chain.iter().skip(1).find(|other| is_issuer(other, leaf));
        let trusted = || self.trusted().find(|other| is_issuer(other, leaf));
        sent.map(|der| der.clone().into_owned()).or_else(|| trusted().cloned())
    }

    fn verify_chain(
        &self,
        chain: &[CertificateDer<'_>],
        algorithms: &WebPkiSupportedAlgorithms,
        usage: Usage,
        now: UnixTime,
    ) -> std::result::Result<(), (Refusal, CertificateError)> {
        let refuse = |reason: String, error: CertificateError| {
            (Refusal { stat: SslStat::SslFailVerifyError, reason }, error)
        };
        let trust = match &self.roots {
            Roots::None => return Ok(()),
            Roots::One(trust) => trust,
            Roots::Domains(domains) => {
                if !chain.first().is_some_and(|leaf| is_workload(leaf)) {
                    return Err(refuse("cert precheck".to_owned(), unspecified()));
                }
                let facts = chain.first().and_then(|leaf| Facts::read(leaf));
                let domain = facts.as_ref().and_then(|facts| trust_domain(facts));
                let found = domain.and_then(|domain| domains.iter().find(|d| d.0 == domain));
                let Some((_, trust)) = found else {
                    return Err(refuse("no trust bundle store".to_owned(), unspecified()));
                };
                trust
            }
        };
        trust
            .verify(chain, algorithms, usage, now)
            .map_err(|refused| refuse(refused.reason, refused.error))
    }

    fn verify_leaf(
        &self,
        chain: &[CertificateDer<'_>],
        asked: Asked<'_>,
    ) -> std::result::Result<(), (Refusal, CertificateError)> {
        let Some(leaf) = chain.first() else { return Ok(()) };
        if !self.sans.is_empty() || asked.is_any() {
            let facts = Facts::read(leaf);
            let names = facts.map(|facts| facts.names).unwrap_or_default();
            if let Some(reason) = self.name_refusal(&names, asked) {
                return Err((Refusal { stat: SslStat::SslFailVerifySan, reason }, unspecified()));
            }
        }
        match self.is_pinned(leaf) {
            true => Ok(()),
            false => {
                let stat = SslStat::SslFailVerifyCertHash;
                let refusal = Refusal { stat, reason: "cert hash and spki".to_owned() };
                Err((refusal, CertificateError::BadEncoding))
            }
        }
    }

    /// Why the names of a certificate are not those that are asked for.
    fn name_refusal(&self, names: &AlternativeNames, asked: Asked<'_>) -> Option<String> {
        let listed = || names.all.join(", ");
        let is_of = |name: &str| {
            names.dns.iter().any(|pattern| dns_matches(name, pattern))
                || names.ip.iter().any(|ip| ip == name)
        };
        if let Some(expected) = asked.expected.filter(|name| !is_of(name)) {
            let listed = listed();
            return Some(format!(
                "verify SAN list, expected SANs: [{expected}], certificate SANs: [{listed}]"
            ));
        }
        let by_matcher =
            self.sans.is_empty() || self.sans.iter().any(|matcher| matcher.matches(names));
        let suits = asked.name.is_none_or(is_of) && by_matcher;
        (!suits).then(|| format!("SAN matcher, certificate SANs are [{}]", listed()))
    }

    /// Whether the certificate, or its key, is one of those that are named; any is if none is named.
    fn is_pinned(&self, leaf: &CertificateDer<'_>) -> bool {
        use aws_lc_rs::digest::{digest, SHA256};
        if self.hashes.is_empty() && self.keys.is_empty() {
            return true;
        }
        let known = |list: &[Vec<u8>], bytes: &[u8]| {
            let hash = digest(&SHA256, bytes);
            list.iter().any(|known| known == hash.as_ref())
        };
        (!self.hashes.is_empty() && known(&self.hashes, leaf))
            || (!self.keys.is_empty()
                && public_key(leaf).is_some_and(|key| known(&self.keys, &key)))
    }
}

/// What becomes the alert certificate_unknown.
pub fn unspecified() -> CertificateError {
    CertificateError::Other(OtherError(Arc::new(Unspecified)))
}

/// The reason is noted elsewhere.
#[derive(Debug)]
struct Unspecified;

impl std::fmt::Display for Unspecified {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the certificate is not accepted")
    }
}

impl std::error::Error for Unspecified {}

/// `d` of `spiffe://d/...`, if that is the one identity of the certificate.
fn trust_domain(facts: &Facts) -> Option<&str> {
    let [uri] = facts.names.uri.as_slice() else { return None };
    let rest = uri.strip_prefix("spiffe://")?;
    Some(rest.split('/').next().unwrap_or(rest))
}
