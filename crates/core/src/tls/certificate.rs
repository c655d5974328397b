//! The certificates of this side, with their keys.

use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::sign::{CertifiedKey, Signer, SigningKey};
use rustls::{Error, InconsistentKeys, SignatureAlgorithm, SignatureScheme};

use super::peer::Facts;
use crate::compile::{CompileError, Result};
use crate::proto;

/// A certificate of this side.
#[derive(Debug)]
pub struct LocalCertificate {
    pub key: Arc<CertifiedKey>,
    pub facts: Facts,
    pub algorithm: SignatureAlgorithm,
    /// Names that a client may ask for, in lower case: DNS names or, without any, the common name.
    pub names: Vec<String>,
    /// With its OCSP response, until that expires.
    pub stapled: Option<Stapled>,
    /// Clients that know OCSP are not to take it without a response.
    pub must_staple: bool,
}

/// A certificate with its OCSP response.
#[derive(Debug)]
pub struct Stapled {
    pub key: Arc<CertifiedKey>,
    expires: UnixTime,
}

impl Stapled {
    pub fn is_valid(&self, now: UnixTime) -> bool {
        now < self.expires
    }
}

impl LocalCertificate {
    /// # Errors
    /// The chain or the key cannot be read, or the key is of another certificate.
    pub fn compile(
        message: &proto::TlsCertificate,
        provider: &CryptoProvider,
        schemes: &[SignatureScheme],
    ) -> Result<Self> {
        let source = &message.source;
        let chain: Vec<CertificateDer<'static>> =
            message.chain.iter().map(|der| CertificateDer::from(der.clone())).collect();
        let unreadable =
            || CompileError::new(format!("Failed to load certificate chain from {source}"));
        let leaf = chain.first().ok_or_else(unreadable)?;
        let facts = Facts::read(leaf).ok_or_else(unreadable)?;
        let key = PrivateKeyDer::try_from(message.key.clone()).map_err(|_| bad_key(source))?;
        let key = provider.key_provider.load_private_key(key).map_err(|_| bad_key(source))?;
        let algorithm = key.algorithm();
        let key: Arc<dyn SigningKey> = match schemes.is_empty() {
            true => key,
            false => Arc::new(Restricted { key, schemes: schemes.to_vec() }),
        };
        let certified = CertifiedKey::new(chain, key);
        match certified.keys_match() {
            Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
            Err(_) => {
                return Err(CompileError::new(format!(
                    "Failed to load private key from {source}, Cause: KEY_VALUES_MISMATCH: the key \
                     is not the one that the certificate was made for"
                )))
            }
        }
        let names = lower_names(&facts);
        let stapled = (!message.ocsp_staple.is_empty()).then(|| Stapled {
            key: Arc::new(CertifiedKey {
                ocsp: Some(message.ocsp_staple.clone()),
                ..certified.clone()
            }),
            expires: UnixTime::since_unix_epoch(Duration::from_secs(message.ocsp_expires_s)),
        });
        let must_staple = message.must_staple;
        Ok(Self { key: Arc::new(certified), facts, algorithm, names, stapled, must_staple })
    }
}

fn bad_key(source: &str) -> CompileError {
    CompileError::new(format!(
        "Failed to load private key from {source}: it is to be an RSA, ECDSA or Ed25519 key"
    ))
}

fn lower_names(facts: &Facts) -> Vec<String> {
    if !facts.names.dns.is_empty() {
        return facts.names.dns.iter().map(|name| name.to_ascii_lowercase()).collect();
    }
    let common = facts.subject.split(',').find_map(|part| part.strip_prefix("CN="));
    common.map(str::to_ascii_lowercase).into_iter().collect()
}

/// A key that signs with some schemes alone.
#[derive(Debug)]
struct Restricted {
    key: Arc<dyn SigningKey>,
    schemes: Vec<SignatureScheme>,
}

impl SigningKey for Restricted {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        // The configured order is a preference: keys take the first of their own order that is offered.
        self.schemes
            .iter()
            .filter(|scheme| offered.contains(scheme))
            .find_map(|scheme| self.key.choose_scheme(&[*scheme]))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.key.algorithm()
    }
}
