//! The rules of HTTP messages (RFC 9113 section 8), as far as they can be judged from a header block.
//!
//! Where the RFC leaves it open, the rules are those of the library that Envoy uses, so that both accept and
//! refuse the same messages.

use crate::error::StreamFault;
use crate::fields::FieldBlock;
use crate::hpack::name::{Flags, NameKind};

/// What a request's head says to the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    pub content_length: Option<u64>,
}

/// What a response's head says to the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub content_length: Option<u64>,
}

/// What was found in a block.
#[derive(Default)]
struct Seen<'b> {
    method: Option<&'b [u8]>,
    scheme: Option<&'b [u8]>,
    authority: Option<&'b [u8]>,
    path: Option<&'b [u8]>,
    status: Option<&'b [u8]>,
    protocol: Option<&'b [u8]>,
    content_length: Option<u64>,
    host: bool,
}

/// Looks at each field once.
fn scan(block: &FieldBlock, allow_space: bool) -> Result<Seen<'_>, StreamFault> {
    let mut seen = Seen::default();
    let mut regular = false;
    for (kind, flags, value) in block.facts() {
        if flags.has(Flags::BAD_VALUE) {
            return Err(StreamFault::InvalidValue);
        }
        if flags.has(Flags::SPACE_AROUND) && !allow_space {
            return Err(StreamFault::SpaceAroundValue);
        }
        let pseudo = match kind {
            NameKind::Regular => {
                regular = true;
                continue;
            }
            NameKind::Method => &mut seen.method,
            NameKind::Scheme => &mut seen.scheme,
            NameKind::Authority => &mut seen.authority,
            NameKind::Path => &mut seen.path,
            NameKind::Status => &mut seen.status,
            NameKind::Protocol => &mut seen.protocol,
            NameKind::UnknownPseudo => return Err(StreamFault::UnknownPseudo),
            other => {
                regular = true;
                judge_regular(other, value, &mut seen)?;
                continue;
            }
        };
        if regular {
            return Err(StreamFault::LatePseudo);
        }
        if value.is_empty() {
            return Err(StreamFault::EmptyPseudo);
        }
        if pseudo.replace(value).is_some() {
            return Err(StreamFault::DuplicatePseudo);
        }
    }
    Ok(seen)
}

fn judge_regular(kind: NameKind, value: &[u8], seen: &mut Seen<'_>) -> Result<(), StreamFault> {
    match kind {
        NameKind::Invalid => Err(StreamFault::InvalidName),
        NameKind::ConnectionSpecific => Err(StreamFault::ConnectionHeader),
        NameKind::Te if !value.eq_ignore_ascii_case(b"trailers") => Err(StreamFault::InvalidTe),
        NameKind::ContentLength => {
            let length = number(value).ok_or(StreamFault::InvalidContentLength)?;
            match seen.content_length.replace(length) {
                Some(_) => Err(StreamFault::InvalidContentLength),
                None => Ok(()),
            }
        }
        NameKind::Host if seen.host => Err(StreamFault::DuplicateHost),
        NameKind::Host => {
            seen.host = true;
            if !value.is_empty() && is_authority(value) {
                Ok(())
            } else {
                Err(StreamFault::InvalidAuthority)
            }
        }
        _ => Ok(()),
    }
}

/// The head of a request (RFC 9113 section 8.3.1; extended CONNECT: RFC 8441).
pub fn request(
    block: &FieldBlock,
    allow_space: bool,
    allow_connect: bool,
) -> Result<Request, StreamFault> {
    let seen = scan(block, allow_space)?;
    if seen.status.is_some() || (seen.protocol.is_some() && !allow_connect) {
        return Err(StreamFault::UnknownPseudo);
    }
    let method = seen.method.ok_or(StreamFault::MissingPseudo)?;
    if !method.iter().all(|&byte| is_token(byte)) {
        return Err(StreamFault::InvalidMethod);
    }
    if !seen.authority.is_none_or(is_authority) {
        return Err(StreamFault::InvalidAuthority);
    }
    let request = Request { content_length: seen.content_length };
    if method == b"CONNECT" && seen.protocol.is_none() {
        return match (seen.scheme, seen.path, seen.authority) {
            (None, None, Some(_)) => Ok(request),
            (None, None, None) => Err(StreamFault::MissingPseudo),
            _ => Err(StreamFault::InvalidConnect),
        };
    }
    if seen.protocol.is_some() && (method != b"CONNECT" || seen.authority.is_none()) {
        return Err(StreamFault::InvalidConnect);
    }
    let (Some(scheme), Some(path)) = (seen.scheme, seen.path) else {
        return Err(StreamFault::MissingPseudo);
    };
    if seen.authority.is_none() && !seen.host {
        return Err(StreamFault::MissingPseudo);
    }
    if !is_scheme(scheme) {
        return Err(StreamFault::InvalidScheme);
    }
    let of_http = scheme.eq_ignore_ascii_case(b"http") || scheme.eq_ignore_ascii_case(b"https");
    let regular = path.starts_with(b"/") || (path == b"*" && method == b"OPTIONS");
    if path.iter().any(|&byte| byte <= b' ') {
        return Err(StreamFault::InvalidPathCharacter);
    }
    if of_http && !regular {
        return Err(StreamFault::InvalidPath);
    }
    Ok(request)
}

/// The head of a response (RFC 9113 section 8.3.2). `to_connect`: what answers CONNECT with 2xx has no
/// content, whatever `content-length` says (RFC 9110 section 9.3.6).
pub fn response(
    block: &FieldBlock,
    allow_space: bool,
    to_connect: bool,
) -> Result<Response, StreamFault> {
    let seen = scan(block, allow_space)?;
    let of_request = [seen.method, seen.scheme, seen.authority, seen.path, seen.protocol];
    if of_request.iter().any(Option::is_some) {
        return Err(StreamFault::UnknownPseudo);
    }
    let status = seen.status.ok_or(StreamFault::MissingPseudo)?;
    let status = number(status)
        .filter(|&code| status.len() == 3 && code >= 100 && code != 101)
        .ok_or(StreamFault::InvalidStatus)? as u16;
    let informational = status < 200;
    if (informational || status == 204) && seen.content_length.is_some_and(|length| length > 0) {
        return Err(StreamFault::InvalidContentLength);
    }
    let no_content = informational || status == 204 || (to_connect && status < 300);
    let content_length = seen.content_length.filter(|_| !no_content);
    Ok(Response { status, content_length })
}

/// Trailers (RFC 9113 section 8.1).
pub fn trailers(block: &FieldBlock, allow_space: bool) -> Result<(), StreamFault> {
    let seen = scan(block, allow_space)?;
    let pseudo = [seen.method, seen.scheme, seen.authority, seen.path, seen.status, seen.protocol];
    if pseudo.iter().any(Option::is_some) {
        return Err(StreamFault::PseudoInTrailers);
    }
    // It would say again, or otherwise, how long the body was (RFC 9110 section 6.5.1).
    if seen.content_length.is_some() {
        return Err(StreamFault::InvalidContentLength);
    }
    Ok(())
}

fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |sum, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        sum.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// RFC 9110 section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// RFC 3986 section 3.1.
fn is_scheme(scheme: &[u8]) -> bool {
    scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme.iter().all(|&byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

const AUTHORITY: [bool; 256] = {
    let mut table = [false; 256];
    let allowed = b"!$%&'()*+,-.:;=[]_~0123456789\
                    ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut at = 0;
    while at < allowed.len() {
        table[allowed[at] as usize] = true;
        at += 1;
    }
    table
};

/// The characters of a host and a port (RFC 3986 section 3.2); what stands where is the caller's to judge.
/// There is no user information in HTTP (RFC 9113 section 8.3.1).
fn is_authority(authority: &[u8]) -> bool {
    authority.iter().all(|&byte| AUTHORITY[usize::from(byte)])
}
