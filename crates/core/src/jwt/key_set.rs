//! A set of keys: a JWK Set (RFC 7517 section 5), or certificates by the `kid` of their keys.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::CertificateDer;
use serde_json::{Map, Value};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;

use super::key::{Fault, Key};
use super::object::read_object;
use super::{Refusal, Token};

const CERTIFICATE_START: &str = "-----BEGIN CERTIFICATE-----\n";
const CERTIFICATE_END: &str = "\n-----END CERTIFICATE-----\n";

/// Immutable, and shared by all who verify with it.
pub struct KeySet(Vec<Key>);

impl KeySet {
    /// Reads a set. Keys that cannot be used are left out of a JWK Set, as long as one is left.
    ///
    /// # Errors
    /// Why there is no key.
    pub fn read(text: &[u8]) -> Result<Self, String> {
        let set = read_object(text).ok_or("Jwks is an invalid JSON")?;
        match set.get("keys") {
            None if is_certificates(&set) => read_certificates(&set),
            None => Err("Jwks does not have [keys] field".to_owned()),
            Some(Value::Array(keys)) => read_keys(keys),
            Some(_) => Err("[keys] in Jwks is not an array".to_owned()),
        }
    }

    /// A set without keys: no token is valid.
    pub fn none() -> Self {
        Self(Vec::new())
    }

    /// # Errors
    /// The token is signed with none of the keys.
    pub fn verify(&self, token: &Token) -> Result<(), Refusal> {
        if self.0.is_empty() {
            return Err(Refusal::NoKeys);
        }
        let mut found = false;
        for key in self.0.iter().filter(|key| key.is_for(token)) {
            if key.verifies(token)? {
                return Ok(());
            }
            found = true;
        }
        Err(if found { Refusal::NotVerified } else { Refusal::NoMatchingKey })
    }
}

fn read_keys(keys: &[Value]) -> Result<KeySet, String> {
    let mut read = Vec::new();
    let mut first_fault = None;
    for (index, key) in keys.iter().enumerate() {
        let key = key.as_object().ok_or("not an object").and_then(Key::read);
        match key {
            Ok(key) => read.push(key),
            Err(fault) => {
                first_fault.get_or_insert((index, fault));
            }
        }
    }
    match (read.is_empty(), first_fault) {
        (false, _) => Ok(KeySet(read)),
        (true, None) => Err(Refusal::NoKeys.text().to_owned()),
        (true, Some((index, fault))) => {
            Err(format!("{}: keys[{index}]: {fault}", Refusal::NoKeys.text()))
        }
    }
}

fn is_certificates(set: &Map<String, Value>) -> bool {
    let is_pem =
        |text: &str| text.starts_with(CERTIFICATE_START) && text.ends_with(CERTIFICATE_END);
    !set.is_empty()
        && set.iter().all(|(kid, value)| !kid.is_empty() && value.as_str().is_some_and(is_pem))
}

fn read_certificates(set: &Map<String, Value>) -> Result<KeySet, String> {
    let read = |(kid, pem): (&String, &Value)| {
        read_certificate(kid, pem.as_str().unwrap_or_default())
            .map_err(|fault| format!("the certificate of {kid:?}: {fault}"))
    };
    set.iter().map(read).collect::<Result<_, _>>().map(KeySet)
}

fn read_certificate(kid: &str, pem: &str) -> Result<Key, Fault> {
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| "not PEM")?;
    let (_, certificate) = X509Certificate::from_der(&der).map_err(|_| "not a certificate")?;
    match certificate.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => Key::of_rsa(kid, key.modulus, key.exponent),
        _ => Err("its key is no RSA key"),
    }
}
