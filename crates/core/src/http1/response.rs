//! Response heads (RFC 9112 sections 4 and 6.3).

use std::mem::MaybeUninit;

use super::body::BodyLength;
use super::connection::is_upgrade;
use super::error::CodecError;
use super::request::{field_bytes, trim, Framing};
use crate::headers::{HeaderId, Headers};

/// What a response's head says of its framing and its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseHead {
    pub status: u16,
    pub http10: bool,
    pub body: BodyLength,
    /// The connection may carry another request after this response.
    pub keep_alive: bool,
    /// The head itself says that the connection ends: `connection: close`, or HTTP/1.0 without keep-alive.
    pub close_notify: bool,
    pub size: usize,
    pub field_bytes: usize,
}

/// What decides the framing of a response besides its own head.
#[derive(Clone, Copy, Debug)]
pub struct ResponseRules {
    /// The request was HEAD: no body follows.
    pub to_head: bool,
    /// The request asked for this protocol change: 101 is an answer to it.
    pub to_upgrade: bool,
    pub to_connect: bool,
    pub max_head_bytes: usize,
    pub max_headers: usize,
    /// The names of header fields are written to clients as the upstream wrote them.
    pub preserve_case: bool,
}

const INLINE_HEADERS: usize = 128;

/// Takes a response head from the front of `input` into `headers`. `None`: more bytes are needed.
pub fn parse(
    input: &[u8],
    rules: &ResponseRules,
    headers: &mut Headers,
) -> Result<Option<ResponseHead>, CodecError> {
    let mut inline = [const { MaybeUninit::uninit() }; INLINE_HEADERS];
    if rules.max_headers < INLINE_HEADERS {
        return parse_into(input, rules, headers, &mut inline[..=rules.max_headers]);
    }
    let mut many = vec![MaybeUninit::uninit(); rules.max_headers + 1];
    parse_into(input, rules, headers, &mut many)
}

fn parse_into<'b>(
    input: &'b [u8],
    rules: &ResponseRules,
    headers: &mut Headers,
    fields: &mut [MaybeUninit<httparse::Header<'b>>],
) -> Result<Option<ResponseHead>, CodecError> {
    let mut response = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    let size = match config.parse_response_with_uninit_headers(&mut response, input, fields) {
        Ok(httparse::Status::Complete(size)) => size,
        Ok(httparse::Status::Partial) if input.len() > rules.max_head_bytes => {
            return Err(CodecError::HeadersTooLarge)
        }
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(CodecError::TooManyHeaders),
        Err(_) => return Err(CodecError::Malformed),
    };
    if size > rules.max_head_bytes {
        return Err(CodecError::HeadersTooLarge);
    }
    if response.headers.len() > rules.max_headers {
        return Err(CodecError::TooManyHeaders);
    }
    let (Some(status), Some(version)) = (response.code, response.version) else {
        return Err(CodecError::Malformed);
    };
    if status < 100 || (status == 101 && !rules.to_upgrade) {
        return Err(CodecError::Malformed);
    }
    let mut digits = itoa::Buffer::new();
    headers.append(HeaderId::Status, digits.format(status).as_bytes());
    let mut framing = Framing::default();
    let mut counted = 0;
    for field in response.headers.iter() {
        let value = trim(field.value);
        counted += field_bytes(field.name, value);
        let id = HeaderId::classify_any_case(field.name.as_bytes());
        framing.note(id, value)?;
        match id {
            // It is about this connection: nobody is to see it, while one that a route adds stays.
            HeaderId::KeepAlive => {}
            HeaderId::Other => headers.append_raw(field.name.as_bytes(), value),
            known => headers.append(known, value),
        }
    }
    let http10 = version == 0;
    let body = match body_of(status, &framing, rules)? {
        // Not agreed to anything: nothing can follow.
        BodyLength::Open if status == 101 && !is_upgrade(headers) => BodyLength::Empty,
        body => body,
    };
    if framing.length == Some(0) && (status < 200 || status == 204) {
        headers.remove(HeaderId::ContentLength);
    }
    if rules.preserve_case {
        headers.keep_original(response.headers.iter().map(|field| field.name));
    }
    let close_notify = !framing.keep_alive(http10);
    let keep_alive = !close_notify && !matches!(body, BodyLength::UntilClose | BodyLength::Open);
    let field_bytes = counted;
    Ok(Some(ResponseHead { status, http10, body, keep_alive, close_notify, size, field_bytes }))
}

fn body_of(
    status: u16,
    framing: &Framing,
    rules: &ResponseRules,
) -> Result<BodyLength, CodecError> {
    if framing.chunked && framing.length.is_some() {
        return Err(CodecError::ChunkedWithContentLength);
    }
    let has_framing = framing.chunked || framing.length.is_some_and(|length| length > 0);
    if (status < 200 || status == 204) && has_framing {
        return Err(CodecError::Malformed);
    }
    if status == 101 || (rules.to_connect && (200..300).contains(&status)) {
        return Ok(BodyLength::Open);
    }
    if rules.to_head || status < 200 || status == 204 || status == 304 {
        return Ok(BodyLength::Empty);
    }
    Ok(match (framing.chunked, framing.length) {
        (true, _) => BodyLength::Chunked,
        (false, Some(0)) => BodyLength::Empty,
        (false, Some(length)) => BodyLength::Length(length),
        (false, None) => BodyLength::UntilClose,
    })
}

#[cfg(test)]
mod tests {
    use super::{parse, ResponseHead, ResponseRules};
    use crate::headers::{HeaderId, Headers};
    use crate::http1::{BodyLength, CodecError};

    const RULES: ResponseRules = ResponseRules {
        to_head: false,
        to_upgrade: false,
        to_connect: false,
        max_head_bytes: 60 * 1024,
        max_headers: 100,
        preserve_case: false,
    };

    fn take(input: &str, rules: &ResponseRules) -> Result<ResponseHead, CodecError> {
        parse(input.as_bytes(), rules, &mut Headers::new()).map(Option::unwrap)
    }

    #[test]
    fn framing_follows_status_method_and_headers() {
        let head = |text: &str| take(&format!("HTTP/1.1 {text}\r\n\r\n"), &RULES).map(|h| h.body);
        assert_eq!(head("200 OK\r\ncontent-length: 5"), Ok(BodyLength::Length(5)));
        assert_eq!(head("200 OK\r\ntransfer-encoding: chunked"), Ok(BodyLength::Chunked));
        assert_eq!(head("200 OK"), Ok(BodyLength::UntilClose));
        assert_eq!(head("304 Not Modified\r\ncontent-length: 5"), Ok(BodyLength::Empty));
        assert_eq!(head("204 No Content"), Ok(BodyLength::Empty));
        let to_head = ResponseRules { to_head: true, ..RULES };
        let head = take("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", &to_head).unwrap();
        assert!(head.body == BodyLength::Empty && head.keep_alive);
    }

    #[test]
    fn a_switch_of_protocols_opens_a_stream() {
        let switch = "101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: x";
        let to_upgrade = ResponseRules { to_upgrade: true, ..RULES };
        let head = |text: &str, rules| take(&format!("HTTP/1.1 {text}\r\n\r\n"), rules);
        let switched = head(switch, &to_upgrade).unwrap();
        assert!(switched.body == BodyLength::Open && !switched.keep_alive);
        assert_eq!(head("101 X", &to_upgrade).map(|h| h.body), Ok(BodyLength::Empty));
        let to_connect = ResponseRules { to_connect: true, ..RULES };
        let agreed = "200 OK\r\ncontent-length: 5";
        assert_eq!(head(agreed, &to_connect).map(|h| h.body), Ok(BodyLength::Open));
        let refused = head("403 Forbidden\r\ncontent-length: 5", &to_connect);
        assert_eq!(refused.map(|h| h.body), Ok(BodyLength::Length(5)));
    }

    #[test]
    fn bad_responses_are_refused() {
        for text in [
            "200 OK\r\ncontent-length: 5\r\ncontent-length: 5",
            "200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked",
            "200 OK\r\nx: a\0b",
            "099 Odd",
            "1000 Odd",
            "204 No Content\r\ncontent-length: 3",
            "101 Switching Protocols",
        ] {
            let result = take(&format!("HTTP/1.1 {text}\r\n\r\n"), &RULES);
            assert!(result.is_err(), "{text:?}: {result:?}");
        }
        let garbage = parse(b"garbage\r\n\r\n", &RULES, &mut Headers::new());
        assert_eq!(garbage, Err(CodecError::Malformed));
    }

    #[test]
    fn the_status_is_a_pseudo_header() {
        let mut headers = Headers::new();
        parse(b"HTTP/1.0 404 Not Found\r\nServer: x\r\n\r\n", &RULES, &mut headers).unwrap();
        assert_eq!(headers.get(HeaderId::Status), Some(&b"404"[..]));
        assert_eq!(headers.get(HeaderId::Server), Some(&b"x"[..]));
    }
}
