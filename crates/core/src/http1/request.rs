//! Request heads (RFC 9112 sections 3 and 6), as strict as Envoy and in places stricter: see
//! docs/envoy-differences.md.

use std::mem::MaybeUninit;

use super::body::{has_bare_line_feed, BodyLength};
use super::connection;
use super::error::CodecError;
use super::target;
use crate::headers::{HeaderId, Headers};

/// What the codec needs of the listener's options.
#[derive(Clone, Debug)]
pub struct RequestLimits {
    pub max_head_bytes: usize,
    pub max_headers: usize,
    pub accept_http_10: bool,
    pub allow_absolute_url: bool,
    pub allow_chunked_length: bool,
    pub allow_custom_methods: bool,
    pub default_host: Option<Box<[u8]>>,
    /// The names of header fields are written to upstreams as the client wrote them.
    pub preserve_case: bool,
    /// An absolute target with https is refused on a connection without TLS.
    pub https_needs_tls: bool,
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self {
            max_head_bytes: 60 * 1024,
            max_headers: 100,
            accept_http_10: false,
            allow_absolute_url: true,
            allow_chunked_length: false,
            allow_custom_methods: false,
            default_host: None,
            preserve_case: false,
            https_needs_tls: false,
        }
    }
}

/// What a request's head says of its framing and its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestHead {
    pub http10: bool,
    pub body: BodyLength,
    /// The client lets the connection live after the answer.
    pub keep_alive: bool,
    /// An upgrade is asked for, and `connection` names it.
    pub upgrade: bool,
    pub expect_continue: bool,
    pub is_head: bool,
    pub is_connect: bool,
    /// Bytes of the head on the wire.
    pub size: usize,
    /// Bytes of its header fields, as [`field_bytes`] counts them.
    pub field_bytes: usize,
}

impl RequestHead {
    /// The connection is to carry bytes of another protocol: an upgrade or CONNECT.
    pub fn is_tunnel(&self) -> bool {
        self.upgrade || self.is_connect
    }
}

const INLINE_HEADERS: usize = 128;

const METHODS: &[&str] = &[
    "GET",
    "POST",
    "PUT",
    "HEAD",
    "DELETE",
    "OPTIONS",
    "PATCH",
    "CONNECT",
    "TRACE",
    "ACL",
    "BIND",
    "CHECKOUT",
    "COPY",
    "LINK",
    "LOCK",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MOVE",
    "MSEARCH",
    "NOTIFY",
    "PROPFIND",
    "PROPPATCH",
    "PURGE",
    "QUERY",
    "REBIND",
    "REPORT",
    "SEARCH",
    "SUBSCRIBE",
    "UNBIND",
    "UNLINK",
    "UNLOCK",
    "UNSUBSCRIBE",
    "SOURCE",
];

/// Takes a request head from the front of `input` into `headers`. `None`: more bytes are needed.
pub fn parse(
    input: &[u8],
    limits: &RequestLimits,
    headers: &mut Headers,
) -> Result<Option<RequestHead>, CodecError> {
    let mut inline = [const { MaybeUninit::uninit() }; INLINE_HEADERS];
    if limits.max_headers < INLINE_HEADERS {
        return parse_into(input, limits, headers, &mut inline[..=limits.max_headers]);
    }
    let mut many = vec![MaybeUninit::uninit(); limits.max_headers + 1];
    parse_into(input, limits, headers, &mut many)
}

fn parse_into<'b>(
    input: &'b [u8],
    limits: &RequestLimits,
    headers: &mut Headers,
    fields: &mut [MaybeUninit<httparse::Header<'b>>],
) -> Result<Option<RequestHead>, CodecError> {
    let mut request = httparse::Request::new(&mut []);
    let size = match request.parse_with_uninit_headers(input, fields) {
        Ok(httparse::Status::Complete(size)) => size,
        Ok(httparse::Status::Partial) => return partial(input, limits, &request),
        Err(httparse::Error::TooManyHeaders) => return Err(CodecError::TooManyHeaders),
        Err(_) => return Err(malformed(input)),
    };
    if size > limits.max_head_bytes {
        return Err(CodecError::HeadersTooLarge);
    }
    if request.headers.len() > limits.max_headers {
        return Err(CodecError::TooManyHeaders);
    }
    if has_bare_line_feed(&input[..size]) {
        return Err(CodecError::Malformed);
    }
    let (Some(method), Some(target), Some(version)) =
        (request.method, request.path, request.version)
    else {
        return Err(CodecError::Malformed);
    };
    let http10 = version == 0;
    if http10 && !limits.accept_http_10 {
        return Err(CodecError::LowVersion);
    }
    if !limits.allow_custom_methods && !METHODS.contains(&method) {
        return Err(CodecError::Malformed);
    }
    let mut head = RequestHead {
        http10,
        body: BodyLength::Empty,
        keep_alive: !http10,
        upgrade: false,
        expect_continue: false,
        is_head: method == "HEAD",
        is_connect: method == "CONNECT",
        size,
        field_bytes: 0,
    };
    headers.append(HeaderId::Method, method.as_bytes());
    let authority =
        take_target(target.as_bytes(), limits, headers, head.is_connect, method == "OPTIONS")?;
    take_fields(request.headers, limits, headers, &mut head, authority)?;
    if limits.preserve_case {
        headers.keep_original(request.headers.iter().map(|field| field.name));
    }
    Ok(Some(head))
}

/// What is wrong with a head that does not parse: its version, a control character, or the rest.
fn malformed(input: &[u8]) -> CodecError {
    let end = memchr::memchr(b'\r', input).unwrap_or(input.len());
    let mut words = input[..end].split(|&byte| byte == b' ');
    if !words.next().is_some_and(|word| METHODS.iter().any(|method| method.as_bytes() == word)) {
        return CodecError::Malformed;
    }
    if input.iter().any(|&byte| byte.is_ascii_control() && !matches!(byte, b'\t' | b'\r' | b'\n')) {
        return CodecError::InvalidCharacters;
    }
    let path = words.next().is_some_and(|word| word.first() == Some(&b'/'));
    let another_version = match words.next() {
        // HTTP/0.9
        None => true,
        Some(b"HTTP/1.1" | b"HTTP/1.0") => false,
        Some([b'H', b'T', b'T', b'P', b'/', major, b'.', minor]) => {
            major.is_ascii_digit() && minor.is_ascii_digit()
        }
        Some(_) => false,
    };
    match path && another_version && words.next().is_none() {
        true => CodecError::LowVersion,
        false => CodecError::Malformed,
    }
}

/// An unfinished head may already be too long, or too old to answer.
fn partial(
    input: &[u8],
    limits: &RequestLimits,
    request: &httparse::Request<'_, '_>,
) -> Result<Option<RequestHead>, CodecError> {
    if input.len() > limits.max_head_bytes {
        return Err(CodecError::HeadersTooLarge);
    }
    if request.version == Some(0) && !limits.accept_http_10 {
        return Err(CodecError::LowVersion);
    }
    Ok(None)
}

/// Splits the request target (RFC 9112 section 3.2) into `:path` and, for some forms, an authority that
/// replaces the Host header.
fn take_target<'b>(
    given: &'b [u8],
    limits: &RequestLimits,
    headers: &mut Headers,
    is_connect: bool,
    is_options: bool,
) -> Result<Option<&'b [u8]>, CodecError> {
    if is_connect {
        return match target::is_authority_form(given) {
            true => Ok(Some(given)),
            false => Err(CodecError::InvalidUrl),
        };
    }
    if given.first() == Some(&b'/') || (given == b"*" && is_options) {
        headers.append(HeaderId::Path, given);
        return Ok(None);
    }
    if given == b"*" {
        return Err(CodecError::InvalidUrl);
    }
    if !limits.allow_absolute_url {
        headers.append(HeaderId::Path, given);
        return Ok(None);
    }
    let url = target::absolute(given)?;
    if url.https && limits.https_needs_tls {
        return Err(CodecError::HttpsInPlaintext);
    }
    let scheme: &[u8] = if url.https { b"https" } else { b"http" };
    headers.append(HeaderId::Scheme, scheme);
    headers.append(HeaderId::Path, if url.path.is_empty() { b"/" } else { url.path });
    Ok(Some(url.authority))
}

/// What a received field counts in %DOWNSTREAM_HEADER_BYTES_RECEIVED% and its upstream sibling: Envoy adds
/// three bytes, whatever stands between and after name and value.
pub(super) fn field_bytes(name: &str, value: &[u8]) -> usize {
    name.len() + value.len() + 3
}

/// Copies the header fields and reads those that frame the message.
fn take_fields(
    fields: &[httparse::Header<'_>],
    limits: &RequestLimits,
    headers: &mut Headers,
    head: &mut RequestHead,
    authority: Option<&[u8]>,
) -> Result<(), CodecError> {
    let mut framing = Framing::default();
    let mut host_seen = false;
    for field in fields {
        let value = trim(field.value);
        head.field_bytes += field_bytes(field.name, value);
        match HeaderId::classify_any_case(field.name.as_bytes()) {
            HeaderId::Host => {
                let host = authority.unwrap_or(value);
                if host_seen {
                    return Err(CodecError::Malformed);
                }
                check_authority(host)?;
                host_seen = true;
                headers.append(HeaderId::Authority, host);
            }
            id => {
                framing.note(id, value)?;
                match id {
                    HeaderId::Other => headers.append_raw(field.name.as_bytes(), value),
                    known => headers.append(known, value),
                }
            }
        }
    }
    if !host_seen {
        let fallback = limits.default_host.as_deref().filter(|_| head.http10);
        if let Some(host) = authority.or(fallback) {
            check_authority(host)?;
            headers.append(HeaderId::Authority, host);
        }
    }
    if fields.is_empty() {
        head.field_bytes = field_bytes("", b"");
    }
    head.expect_continue = framing.expect_continue && !head.http10;
    if framing.expect_continue && head.http10 {
        headers.remove(HeaderId::Expect);
    }
    head.keep_alive = framing.keep_alive(head.http10);
    // An upgrade to h2c is not offered: the request goes on as if it had not asked.
    head.upgrade = framing.connection_upgrade
        && headers.get(HeaderId::Upgrade).is_some_and(|to| !to.eq_ignore_ascii_case(b"h2c"));
    if framing.names_headers && !head.upgrade && !connection::is_sound(headers) {
        return Err(CodecError::InvalidConnection);
    }
    head.body = framing.request_body(limits.allow_chunked_length)?;
    if head.is_connect && head.body != BodyLength::Empty {
        return Err(match framing.chunked {
            true => CodecError::UnsupportedTransferEncoding,
            false => CodecError::BodyDisallowed,
        });
    }
    if head.is_tunnel() {
        head.body = BodyLength::Open;
    }
    if framing.chunked && framing.length.is_some() {
        headers.remove(HeaderId::ContentLength);
    }
    Ok(())
}

/// The header fields that frame a message, as they are met.
#[derive(Default)]
pub(super) struct Framing {
    pub length: Option<u64>,
    pub chunked: bool,
    pub close: bool,
    pub persistent: bool,
    pub connection_upgrade: bool,
    pub expect_continue: bool,
    /// `connection` has other words than close and keep-alive.
    pub names_headers: bool,
}

impl Framing {
    pub fn note(&mut self, id: HeaderId, value: &[u8]) -> Result<(), CodecError> {
        match id {
            HeaderId::ContentLength => {
                if self.length.is_some() {
                    return Err(CodecError::Malformed);
                }
                self.length = Some(parse_length(value)?);
            }
            HeaderId::TransferEncoding => {
                if self.chunked || !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(CodecError::UnsupportedTransferEncoding);
                }
                self.chunked = true;
            }
            HeaderId::Connection | HeaderId::ProxyConnection => self.connection(value),
            HeaderId::Expect => self.expect_continue = value.eq_ignore_ascii_case(b"100-continue"),
            _ => {}
        }
        Ok(())
    }

    fn connection(&mut self, value: &[u8]) {
        for token in value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
            if token.eq_ignore_ascii_case(b"close") {
                self.close = true;
            } else if token.eq_ignore_ascii_case(b"keep-alive") {
                self.persistent = true;
            } else {
                self.names_headers = true;
                self.connection_upgrade |= token.eq_ignore_ascii_case(b"upgrade");
            }
        }
    }

    pub fn keep_alive(&self, http10: bool) -> bool {
        !self.close && (!http10 || self.persistent)
    }

    fn request_body(&self, allow_chunked_length: bool) -> Result<BodyLength, CodecError> {
        match (self.chunked, self.length) {
            (true, Some(_)) if !allow_chunked_length => Err(CodecError::ChunkedWithContentLength),
            (true, _) => Ok(BodyLength::Chunked),
            (false, Some(0) | None) => Ok(BodyLength::Empty),
            (false, Some(length)) => Ok(BodyLength::Length(length)),
        }
    }
}

/// Digits alone, at most 64 bits, no leading zero.
fn parse_length(value: &[u8]) -> Result<u64, CodecError> {
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    if !digits || (value.len() > 1 && value[0] == b'0') {
        return Err(CodecError::Malformed);
    }
    std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()).ok_or(CodecError::Malformed)
}

/// RFC 3986 authority characters.
fn check_authority(host: &[u8]) -> Result<(), CodecError> {
    let allowed =
        |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@[]%".contains(byte);
    match host.iter().all(allowed) {
        true => Ok(()),
        false => Err(CodecError::InvalidAuthority),
    }
}

pub(super) fn trim(value: &[u8]) -> &[u8] {
    let start = value.iter().position(|b| !matches!(b, b' ' | b'\t')).unwrap_or(value.len());
    let end = value.iter().rposition(|b| !matches!(b, b' ' | b'\t')).map_or(start, |at| at + 1);
    &value[start..end]
}

#[cfg(test)]
mod tests;
