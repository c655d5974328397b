//! Facts of a certificate, as access logs and x-forwarded-client-cert name them.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest;
use data_encoding::BASE64;
use rustls::pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::distinguished_name::rfc2253;

/// Subject alternative names by kind, in the order of the certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlternativeNames {
    pub dns: Vec<String>,
    pub uri: Vec<String>,
    pub email: Vec<String>,
    pub ip: Vec<String>,
    /// (dotted object identifier, value)
    pub other: Vec<(String, String)>,
    /// All of them in one text each, in order.
    pub all: Vec<String>,
}

/// What is read of one certificate.
#[derive(Clone, Debug)]
pub struct Facts {
    pub subject: String,
    pub issuer: String,
    /// Hexadecimal, lower case.
    pub serial: String,
    pub names: AlternativeNames,
    pub not_before: SystemTime,
    pub not_after: SystemTime,
}

/// The certificates that a peer showed, the leaf first.
pub struct PeerCertificate {
    pub chain: Vec<CertificateDer<'static>>,
    pub facts: Facts,
    /// The issuer's, sent along or trusted.
    pub issuer: Option<CertificateDer<'static>>,
}

impl PeerCertificate {
    /// None for what is no certificate, which no handshake accepts.
    pub fn read(
        chain: &[CertificateDer<'static>],
        issuer: Option<CertificateDer<'static>>,
    ) -> Option<Self> {
        let facts = Facts::read(chain.first()?)?;
        Some(Self { chain: chain.to_vec(), facts, issuer })
    }

    /// Hexadecimal SHA-256 of the leaf.
    pub fn sha256(&self) -> String {
        self.chain.first().map(|leaf| sha256(leaf)).unwrap_or_default()
    }
}

impl Facts {
    /// The names by which policies know who has the certificate: URIs, DNS names, the subject.
    pub fn principals(&self) -> impl Iterator<Item = &str> {
        let names = self.names.uri.iter().chain(&self.names.dns);
        names.chain([&self.subject]).map(String::as_str)
    }

    pub fn read(certificate: &[u8]) -> Option<Self> {
        let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
        Some(Self {
            subject: rfc2253(parsed.subject()),
            issuer: rfc2253(parsed.issuer()),
            serial: serial(&parsed),
            names: names(&parsed),
            not_before: time(parsed.validity().not_before.timestamp()),
            not_after: time(parsed.validity().not_after.timestamp()),
        })
    }
}

/// Whether a certificate is its own issuer, by name.
pub fn is_self_issued(certificate: &[u8]) -> bool {
    X509Certificate::from_der(certificate)
        .is_ok_and(|(_, parsed)| parsed.subject().as_raw() == parsed.issuer().as_raw())
}

/// Whether a certificate has the name of another's issuer.
pub fn is_issuer(issuer: &[u8], certificate: &[u8]) -> bool {
    let parsed =
        X509Certificate::from_der(issuer).ok().zip(X509Certificate::from_der(certificate).ok());
    parsed.is_some_and(|((_, issuer), (_, certificate))| {
        issuer.subject().as_raw() == certificate.issuer().as_raw()
    })
}

/// Whether a certificate is one of a workload (SPIFFE X509-SVID section 4): no authority, with a key that
/// signs no certificates.
pub fn is_workload(certificate: &[u8]) -> bool {
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else { return false };
    let signs = match parsed.key_usage() {
        Ok(Some(usage)) => usage.value.key_cert_sign() || usage.value.crl_sign(),
        _ => true,
    };
    !parsed.is_ca() && !signs
}

/// The subject public key info of a certificate.
pub fn public_key(certificate: &[u8]) -> Option<Vec<u8>> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    Some(parsed.public_key().raw.to_vec())
}

/// The serial number of a certificate in hexadecimal.
pub fn serial_of(certificate: &[u8]) -> Option<String> {
    X509Certificate::from_der(certificate).ok().map(|(_, parsed)| serial(&parsed))
}

fn serial(parsed: &X509Certificate<'_>) -> String {
    let bytes = parsed.raw_serial();
    let start = bytes.iter().position(|&byte| byte != 0).unwrap_or(bytes.len());
    match hex(&bytes[start..]) {
        text if text.is_empty() => "0".to_owned(),
        text => text,
    }
}

fn time(seconds: i64) -> SystemTime {
    match u64::try_from(seconds) {
        Ok(after) => SystemTime::UNIX_EPOCH + Duration::from_secs(after),
        Err(_) => SystemTime::UNIX_EPOCH,
    }
}

fn names(parsed: &X509Certificate<'_>) -> AlternativeNames {
    let mut names = AlternativeNames::default();
    let Ok(Some(extension)) = parsed.subject_alternative_name() else { return names };
    for name in &extension.value.general_names {
        let text = match name {
            GeneralName::DNSName(text) => keep(&mut names.dns, text),
            GeneralName::URI(text) => keep(&mut names.uri, text),
            GeneralName::RFC822Name(text) => keep(&mut names.email, text),
            GeneralName::IPAddress(bytes) => match address(bytes) {
                Some(address) => keep(&mut names.ip, &address.to_string()),
                None => continue,
            },
            GeneralName::OtherName(oid, value) => {
                let value = other_value(value);
                names.other.push((oid.to_id_string(), value.clone()));
                value
            }
            _ => continue,
        };
        names.all.push(text);
    }
    names
}

fn keep(list: &mut Vec<String>, text: &str) -> String {
    list.push(text.to_owned());
    text.to_owned()
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(IpAddr::from(four));
    }
    <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from)
}

/// The text inside the explicitly tagged value of an otherName: strings as they are, other types in
/// hexadecimal.
fn other_value(bytes: &[u8]) -> String {
    let Some(inner) = element(bytes).map(|(_, content)| content) else { return hex(bytes) };
    match element(inner) {
        Some((0x0c | 0x12 | 0x13 | 0x14 | 0x16 | 0x1a, text)) => {
            String::from_utf8_lossy(text).into_owned()
        }
        Some((_, content)) => hex(content),
        None => String::from_utf8_lossy(inner).into_owned(),
    }
}

/// Tag and content of the DER element that `bytes` begin with.
fn element(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    if first < 0x80 {
        return Some((tag, rest.get(..first as usize)?));
    }
    let count = (first & 0x7f) as usize;
    let length = rest.get(..count.min(4))?.iter().fold(0, |sum, &b| sum << 8 | b as usize);
    Some((tag, rest.get(count..count.checked_add(length)?)?))
}

/// Lower case.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Hexadecimal SHA-256.
pub fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// Hexadecimal SHA-1, which access logs can ask for.
pub fn sha1(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref())
}

/// PEM, percent-encoded as a quoted header value or an access log holds it.
pub fn encoded_pem(certificate: &[u8]) -> String {
    pem(certificate)
        .replace('\n', "%0A")
        .replace(' ', "%20")
        .replace('+', "%2B")
        .replace('/', "%2F")
        .replace('=', "%3D")
}

/// PEM with lines of 64 characters.
fn pem(certificate: &[u8]) -> String {
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    for line in BASE64.encode(certificate).as_bytes().chunks(64) {
        text.push_str(&String::from_utf8_lossy(line));
        text.push('\n');
    }
    text.push_str("-----END CERTIFICATE-----\n");
    text
}

#[cfg(test)]
mod tests {
    use super::other_value;

    #[test]
    fn other_names_are_text_where_they_are_strings() {
        assert_eq!(other_value(&[0xa0, 4, 0x0c, 2, b'h', b'i']), "hi");
        assert_eq!(other_value(&[0xa0, 3, 0x02, 1, 5]), "05");
        assert_eq!(other_value(&[0xa0, 200]), "a0c8");
    }
}
