//! Writing message heads.

use super::writer::Encoding;
use crate::headers::{HeaderId, Headers};

/// How header names are written (`header_key_format`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum HeaderCase {
    #[default]
    Lower,
    /// `Content-Type`: a capital at the start of each word.
    Proper,
    /// As the peer on the other side wrote them; lower case where there is none.
    Preserve,
}

/// How requests are written to an upstream.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestStyle {
    pub case: HeaderCase,
    /// The target is a whole URL (`send_fully_qualified_url`).
    pub full_url: bool,
    /// An upgrade or CONNECT: what follows the head is not framed.
    pub tunnel: bool,
}

/// Appends a request head. `end` tells that no body follows.
///
/// A request without a length gets `transfer-encoding: chunked` when a body follows, and
/// `content-length: 0` when none does and its method usually has one.
pub fn request_head(
    out: &mut Vec<u8>,
    headers: &Headers,
    end: bool,
    style: RequestStyle,
) -> Encoding {
    let case = style.case;
    let method = headers.get(HeaderId::Method).unwrap_or(b"GET");
    let target = headers.get(HeaderId::Path).or(headers.get(HeaderId::Authority)).unwrap_or(b"/");
    out.extend_from_slice(method);
    out.push(b' ');
    if style.full_url && target.starts_with(b"/") {
        out.extend_from_slice(headers.get(HeaderId::Scheme).unwrap_or(b"http"));
        out.extend_from_slice(b"://");
        out.extend_from_slice(headers.get(HeaderId::Authority).unwrap_or_default());
    }
    out.extend_from_slice(target);
    out.extend_from_slice(b" HTTP/1.1\r\n");
    let has_length = fields(out, headers, case);
    let bodiless = matches!(method, b"GET" | b"HEAD" | b"DELETE" | b"TRACE" | b"CONNECT");
    let encoding = match (end, has_length) {
        (true, _) => Encoding::None,
        (false, true) => Encoding::Identity,
        (false, false) if style.tunnel => Encoding::Identity,
        (false, false) => Encoding::Chunked,
    };
    match encoding {
        Encoding::Chunked => own_field(out, headers, b"transfer-encoding", b"chunked", case),
        Encoding::None if !has_length && !bodiless => {
            own_field(out, headers, b"content-length", b"0", case);
        }
        _ => {}
    }
    out.extend_from_slice(b"\r\n");
    encoding
}

/// The header bytes of an encoded head, as Envoy counts sent ones: without the first and the empty line.
pub fn sent_field_bytes(head: &[u8]) -> u64 {
    let first = memchr::memchr(b'\n', head).map_or(0, |end| end + 1);
    head.len().saturating_sub(first + 2) as u64
}

/// What decides the framing of a response to a client.
#[derive(Clone, Copy, Debug)]
pub struct ResponseFrame {
    pub status: u16,
    /// No body follows.
    pub end: bool,
    pub to_head: bool,
    /// The request was CONNECT: what follows a success is not framed.
    pub to_connect: bool,
    /// The client speaks HTTP/1.0: no chunks.
    pub http10: bool,
    pub case: HeaderCase,
}

/// Appends a response head.
pub fn response_head(out: &mut Vec<u8>, headers: &Headers, frame: &ResponseFrame) -> Encoding {
    let mut digits = itoa::Buffer::new();
    out.extend_from_slice(if frame.http10 { b"HTTP/1.0 " } else { b"HTTP/1.1 " });
    out.extend_from_slice(digits.format(frame.status).as_bytes());
    out.push(b' ');
    out.extend_from_slice(reason(frame.status).as_bytes());
    out.extend_from_slice(b"\r\n");
    let has_length = fields(out, headers, frame.case);
    let encoding = response_encoding(out, headers, frame, has_length);
    out.extend_from_slice(b"\r\n");
    encoding
}

fn response_encoding(
    out: &mut Vec<u8>,
    headers: &Headers,
    frame: &ResponseFrame,
    has_length: bool,
) -> Encoding {
    let bodiless = frame.status < 200 || frame.status == 204;
    if has_length || frame.status == 304 {
        return if frame.end || frame.to_head { Encoding::None } else { Encoding::Identity };
    }
    if frame.end && !frame.to_head {
        if !bodiless {
            own_field(out, headers, b"content-length", b"0", frame.case);
        }
        return Encoding::None;
    }
    if frame.http10 || bodiless || (frame.to_connect && frame.status < 300) {
        return if frame.end { Encoding::None } else { Encoding::Identity };
    }
    own_field(out, headers, b"transfer-encoding", b"chunked", frame.case);
    if frame.end || frame.to_head {
        Encoding::None
    } else {
        Encoding::Chunked
    }
}

/// Appends all headers; true when `content-length` is among them.
fn fields(out: &mut Vec<u8>, headers: &Headers, case: HeaderCase) -> bool {
    let mut has_length = false;
    out.reserve(headers.byte_size() + headers.len() * 4 + 64);
    let original = headers.original();
    for (id, name, value) in headers.iter() {
        let name = match id {
            HeaderId::Authority => b"host",
            id if id.is_pseudo() => continue,
            _ => name,
        };
        has_length |= id == HeaderId::ContentLength;
        match original {
            None => field(out, name, value, case),
            Some(original) => {
                field(out, original.of(name).unwrap_or(name), value, HeaderCase::Lower);
            }
        }
    }
    has_length
}

/// Appends a field that the codec itself adds.
fn own_field(out: &mut Vec<u8>, headers: &Headers, name: &[u8], value: &[u8], case: HeaderCase) {
    match headers.original() {
        None => field(out, name, value, case),
        Some(original) => field(out, original.of(name).unwrap_or(name), value, HeaderCase::Lower),
    }
}

#[inline]
pub(super) fn field(out: &mut Vec<u8>, name: &[u8], value: &[u8], case: HeaderCase) {
    match case {
        HeaderCase::Lower | HeaderCase::Preserve => out.extend_from_slice(name),
        HeaderCase::Proper => {
            let mut start = true;
            out.extend(name.iter().map(|&byte| {
                let cased = if start { byte.to_ascii_uppercase() } else { byte };
                start = !byte.is_ascii_alphanumeric();
                cased
            }));
        }
    }
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// The reason phrase of a status; `Unknown` for one without.
pub fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        207 => "Multi-Status",
        208 => "Already Reported",
        226 => "IM Used",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        305 => "Use Proxy",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Payload Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        422 => "Unprocessable Entity",
        423 => "Locked",
        424 => "Failed Dependency",
        425 => "Too Early",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        506 => "Variant Also Negotiates",
        507 => "Insufficient Storage",
        508 => "Loop Detected",
        510 => "Not Extended",
        511 => "Network Authentication Required",
        599 => "Last Unassigned Server Error Code",
        _ => "Unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::{request_head, response_head, HeaderCase, RequestStyle, ResponseFrame};
    use crate::headers::{HeaderId, Headers};
    use crate::http1::Encoding;

    const FRAME: ResponseFrame = ResponseFrame {
        status: 200,
        end: false,
        to_head: false,
        to_connect: false,
        http10: false,
        case: HeaderCase::Lower,
    };

    fn respond(frame: ResponseFrame, length: Option<&str>) -> (String, Encoding) {
        let mut headers = Headers::new();
        if let Some(length) = length {
            headers.append(HeaderId::ContentLength, length.as_bytes());
        }
        let mut out = Vec::new();
        let encoding = response_head(&mut out, &headers, &frame);
        (String::from_utf8(out).unwrap(), encoding)
    }

    #[test]
    fn responses_get_the_framing_they_lack() {
        let (text, encoding) = respond(FRAME, None);
        assert_eq!(text, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        assert_eq!(encoding, Encoding::Chunked);
        let (text, encoding) = respond(ResponseFrame { end: true, ..FRAME }, None);
        assert_eq!(text, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        assert_eq!(encoding, Encoding::None);
        let (text, _) = respond(ResponseFrame { end: true, status: 204, ..FRAME }, None);
        assert_eq!(text, "HTTP/1.1 204 No Content\r\n\r\n");
        let (text, encoding) = respond(ResponseFrame { end: true, to_head: true, ..FRAME }, None);
        assert!(text.contains("transfer-encoding: chunked") && encoding == Encoding::None);
        let (text, encoding) = respond(ResponseFrame { http10: true, ..FRAME }, None);
        assert!(!text.contains("chunked") && encoding == Encoding::Identity);
        assert_eq!(respond(FRAME, Some("3")).1, Encoding::Identity);
    }

    #[test]
    fn tunnels_are_not_framed() {
        let frame = ResponseFrame { to_connect: true, ..FRAME };
        let (text, encoding) = respond(frame, None);
        assert!(!text.contains("transfer-encoding") && encoding == Encoding::Identity, "{text}");
        let refused = ResponseFrame { status: 403, ..frame };
        assert_eq!(respond(refused, None).1, Encoding::Chunked);
        let mut headers = Headers::new();
        headers.append(HeaderId::Method, b"POST");
        headers.append(HeaderId::Path, b"/");
        let mut out = Vec::new();
        let style = RequestStyle { tunnel: true, ..style(HeaderCase::Lower) };
        let encoding = request_head(&mut out, &headers, false, style);
        assert_eq!(encoding, Encoding::Identity);
        assert_eq!(out, b"POST / HTTP/1.1\r\n\r\n");
    }

    fn style(case: HeaderCase) -> RequestStyle {
        RequestStyle { case, full_url: false, tunnel: false }
    }

    #[test]
    fn requests_write_authority_as_host_and_names_as_told() {
        let mut headers = Headers::new();
        headers.append(HeaderId::Method, b"POST");
        headers.append(HeaderId::Path, b"/a");
        headers.append(HeaderId::Authority, b"h");
        headers.append_raw(b"x-b_c", b"1");
        let mut out = Vec::new();
        assert_eq!(
            request_head(&mut out, &headers, true, style(HeaderCase::Proper)),
            Encoding::None
        );
        assert_eq!(out, b"POST /a HTTP/1.1\r\nHost: h\r\nX-B_C: 1\r\nContent-Length: 0\r\n\r\n");
        out.clear();
        assert_eq!(
            request_head(&mut out, &headers, false, style(HeaderCase::Lower)),
            Encoding::Chunked
        );
        assert!(out.ends_with(b"transfer-encoding: chunked\r\n\r\n"));
    }
}
