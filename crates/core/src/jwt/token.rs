//! A token, read but not verified.

use std::sync::LazyLock;

use data_encoding::{Encoding, Specification, BASE64URL_NOPAD};
use serde_json::{Map, Value};

use super::algorithm::Algorithm;
use super::object::read_object;
use super::Refusal;

type Members = Map<String, Value>;

pub struct Token {
    text: Box<str>,
    /// Where the payload is in the text; what is signed ends with it.
    payload_start: usize,
    payload_end: usize,
    pub(super) algorithm: Algorithm,
    pub(super) signature: Vec<u8>,
    pub header: Members,
    pub payload: Members,
    not_before: u64,
    expires: u64,
}

impl Token {
    /// Reads the compact form (RFC 7515 section 7.1) of a token.
    ///
    /// # Errors
    /// What is wrong with it, by the first that is.
    pub fn read(text: &[u8]) -> Result<Self, Refusal> {
        let text = std::str::from_utf8(text).map_err(|_| Refusal::BadFormat)?;
        let mut sections = text.split('.').filter(|section| !section.is_empty());
        let (Some(head), Some(body), Some(signature)) =
            (sections.next(), sections.next(), sections.next())
        else {
            return Err(Refusal::BadFormat);
        };
        if head.len() + body.len() + signature.len() + 2 != text.len() {
            return Err(Refusal::BadFormat);
        }
        let header = decode(head).ok_or(Refusal::HeaderNotBase64)?;
        let header = read_object(&header).ok_or(Refusal::HeaderNotJson)?;
        let name = header.get("alg").and_then(Value::as_str).ok_or(Refusal::AlgMissing)?;
        let algorithm = Algorithm::from_name(name).ok_or(Refusal::AlgUnknown)?;
        check_text(&header, "kid", Refusal::KidNotString)?;
        let payload = decode(body).ok_or(Refusal::PayloadNotBase64)?;
        let payload = read_object(&payload).ok_or(Refusal::PayloadNotJson)?;
        check_text(&payload, "iss", Refusal::IssNotString)?;
        check_text(&payload, "sub", Refusal::SubNotString)?;
        number(&payload, "iat", Refusal::IatNotInteger, Refusal::IatOutOfRange)?;
        let not_before = number(&payload, "nbf", Refusal::NbfNotInteger, Refusal::NbfOutOfRange)?;
        let expires = number(&payload, "exp", Refusal::ExpNotInteger, Refusal::ExpOutOfRange)?;
        check_text(&payload, "jti", Refusal::JtiNotString)?;
        check_audiences(&payload)?;
        Ok(Self {
            payload_start: head.len() + 1,
            payload_end: head.len() + 1 + body.len(),
            algorithm,
            signature: decode(signature).ok_or(Refusal::SignatureNotBase64)?,
            header,
            payload,
            not_before,
            expires,
            text: text.into(),
        })
    }

    /// What the signature is of.
    pub(super) fn signed(&self) -> &[u8] {
        self.text[..self.payload_end].as_bytes()
    }

    /// The key that signed it; empty when it does not say.
    pub(super) fn kid(&self) -> &str {
        text_of(&self.header, "kid")
    }

    /// The payload as it came, in base64url.
    pub fn encoded_payload(&self) -> &str {
        &self.text[self.payload_start..self.payload_end]
    }

    pub fn issuer(&self) -> &str {
        text_of(&self.payload, "iss")
    }

    pub fn subject(&self) -> &str {
        text_of(&self.payload, "sub")
    }

    pub fn audiences(&self) -> impl Iterator<Item = &str> {
        let given = self.payload.get("aud");
        let list = given.and_then(Value::as_array).into_iter().flatten();
        given.into_iter().chain(list).filter_map(Value::as_str)
    }

    /// Seconds since 1970; None: never.
    pub fn expires(&self) -> Option<u64> {
        (self.expires != 0).then_some(self.expires)
    }

    /// Judges `nbf` and `exp` at the time `now`, in seconds since 1970.
    ///
    /// # Errors
    /// Its time has not come yet, or is over.
    pub fn check_time(&self, now: u64, clock_skew: u64) -> Result<(), Refusal> {
        if now.saturating_add(clock_skew) < self.not_before {
            return Err(Refusal::NotYetValid);
        }
        match self.expires() {
            Some(end) if now > end.saturating_add(clock_skew) => Err(Refusal::Expired),
            _ => Ok(()),
        }
    }
}

/// Base64url (RFC 4648 section 5) whose last letter may have bits that stand for nothing.
static BASE64URL: LazyLock<Encoding> = LazyLock::new(|| {
    let specification = BASE64URL_NOPAD.specification();
    Specification { check_trailing_bits: false, ..specification }
        .encoding()
        .unwrap_or(BASE64URL_NOPAD)
});

/// The bytes of base64url. Padding, which RFC 7515 leaves out, may be there.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let bare = text.trim_end_matches('=');
    let padding = text.len() - bare.len();
    if padding != 0 && (padding > 2 || text.len() % 4 != 0) {
        return None;
    }
    BASE64URL.decode(bare.as_bytes()).ok()
}

fn text_of<'a>(members: &'a Members, name: &str) -> &'a str {
    members.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn check_text(members: &Members, name: &str, refusal: Refusal) -> Result<(), Refusal> {
    members.get(name).is_none_or(Value::is_string).then_some(()).ok_or(refusal)
}

fn check_audiences(members: &Members) -> Result<(), Refusal> {
    let fits = members.get("aud").is_none_or(|given| match given {
        Value::Array(each) => each.iter().all(Value::is_string),
        one => one.is_string(),
    });
    fits.then_some(()).ok_or(Refusal::AudNotStrings)
}

/// A time in seconds; 0 when it is not there. A fraction of a second does not count.
fn number(
    members: &Members,
    name: &str,
    not_a_number: Refusal,
    out_of_range: Refusal,
) -> Result<u64, Refusal> {
    let Some(given) = members.get(name) else { return Ok(0) };
    let number = given.as_f64().ok_or(not_a_number)?;
    if !(0.0..u64::MAX as f64).contains(&number) {
        return Err(out_of_range);
    }
    Ok(given.as_u64().unwrap_or(number as u64))
}
