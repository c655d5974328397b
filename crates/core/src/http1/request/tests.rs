use super::{parse, RequestHead, RequestLimits};
use crate::headers::{HeaderId, Headers, Key};
use crate::http1::{BodyLength, CodecError};

fn take(input: &str) -> Result<Option<(RequestHead, Headers)>, CodecError> {
    let mut headers = Headers::new();
    Ok(parse(input.as_bytes(), &RequestLimits::default(), &mut headers)?
        .map(|head| (head, headers)))
}

fn good(input: &str) -> (RequestHead, Headers) {
    take(input).unwrap().unwrap()
}

fn post(field: &str) -> Result<BodyLength, CodecError> {
    take(&format!("POST /p HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n"))
        .map(|taken| taken.unwrap().0.body)
}

#[test]
fn a_plain_request_is_taken_and_its_size_told() {
    let (head, headers) = good("GET /a?b=c HTTP/1.1\r\nHost: h:80\r\nX-Odd:  v \r\n\r\nrest");
    assert_eq!(head.size, 47);
    assert!(head.keep_alive && !head.http10 && head.body == BodyLength::Empty);
    assert_eq!(headers.get(HeaderId::Path), Some(&b"/a?b=c"[..]));
    assert_eq!(headers.get(HeaderId::Authority), Some(&b"h:80"[..]));
    assert_eq!(headers.get(Key::Other(b"x-odd")), Some(&b"v"[..]));
}

#[test]
fn lengths_are_digits_alone_and_once() {
    assert_eq!(post("Content-Length: 3"), Ok(BodyLength::Length(3)));
    for value in ["3, 3", "-1", "+3", "0x3", "", "18446744073709551616", "003"] {
        assert_eq!(
            post(&format!("Content-Length: {value}")),
            Err(CodecError::Malformed),
            "{value:?}"
        );
    }
    assert_eq!(post("Content-Length: 3\r\nContent-Length: 3"), Err(CodecError::Malformed));
}

#[test]
fn chunked_is_the_only_transfer_coding_and_excludes_a_length() {
    assert_eq!(post("Transfer-Encoding: CHUNKED"), Ok(BodyLength::Chunked));
    for value in ["xchunked", "gzip, chunked", "chunked, chunked", "identity"] {
        assert_eq!(
            post(&format!("Transfer-Encoding: {value}")),
            Err(CodecError::UnsupportedTransferEncoding),
            "{value:?}"
        );
    }
    assert_eq!(
        post("Content-Length: 3\r\nTransfer-Encoding: chunked"),
        Err(CodecError::ChunkedWithContentLength)
    );
}

#[test]
fn malformed_heads_are_refused() {
    for input in [
        "get / HTTP/1.1\r\nHost: a\r\n\r\n",
        "FOO / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/01.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX y: b\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
    ] {
        assert_eq!(take(input).err(), Some(CodecError::Malformed), "{input:?}");
    }
}

#[test]
fn faults_have_names() {
    for (input, fault) in [
        ("GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", CodecError::InvalidCharacters),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: a\x01b\r\n\r\n", CodecError::InvalidCharacters),
        ("GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n", CodecError::InvalidCharacters),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", CodecError::InvalidAuthority),
        ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", CodecError::InvalidAuthority),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", CodecError::LowVersion),
        ("GET / HTTP/1.2\r\nHost: a\r\n\r\n", CodecError::LowVersion),
        ("GET /\r\nHost: a\r\n\r\n", CodecError::LowVersion),
        ("GET HTTP/1.1\r\nHost: a\r\n\r\n", CodecError::Malformed),
        ("\x16\x03\x01\r\n\r\n", CodecError::Malformed),
    ] {
        assert_eq!(take(input).err(), Some(fault), "{input:?}");
    }
}

#[test]
fn an_upgrade_to_h2c_is_not_one() {
    let ask = "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: ";
    assert!(!good(&format!("{ask}h2c\r\n\r\n")).0.upgrade);
    assert!(good(&format!("{ask}websocket\r\n\r\n")).0.upgrade);
}

#[test]
fn what_follows_an_upgrade_or_connect_is_an_open_stream() {
    let ask = "POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n";
    for framing in ["", "Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n"] {
        let head = good(&format!("{ask}{framing}\r\n")).0;
        assert!(head.is_tunnel() && head.body == BodyLength::Open, "{framing}");
    }
    let connect = "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n";
    let head = good(&format!("{connect}Content-Length: 0\r\n\r\n")).0;
    assert!(head.is_tunnel() && head.body == BodyLength::Open);
    let with_length = take(&format!("{connect}Content-Length: 3\r\n\r\n")).err();
    assert_eq!(with_length, Some(CodecError::BodyDisallowed));
    let chunked = take(&format!("{connect}Transfer-Encoding: chunked\r\n\r\n")).err();
    assert_eq!(chunked, Some(CodecError::UnsupportedTransferEncoding));
}

#[test]
fn what_an_upgrade_names_in_connection_is_not_judged() {
    let many = "a, b, c, d, e, f, g, h, i, j";
    let ask = format!("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nConnection: {many}");
    assert_eq!(take(&format!("{ask}\r\n\r\n")).err(), Some(CodecError::InvalidConnection));
    assert!(good(&format!("{ask}, upgrade\r\n\r\n")).0.upgrade);
}

#[test]
fn absolute_targets_replace_the_host() {
    let (_, headers) = good("GET http://b/q HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(headers.get(HeaderId::Authority), Some(&b"b"[..]));
    assert_eq!(headers.get(HeaderId::Path), Some(&b"/q"[..]));
    let (_, headers) = good("GET http://b?q HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(headers.get(HeaderId::Path), Some(&b"?q"[..]));
    let refused = |target: &str| take(&format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")).err();
    assert_eq!(refused("ftp://a/b"), Some(CodecError::InvalidScheme));
    assert_eq!(refused("http:///b"), Some(CodecError::InvalidUrl));
}

#[test]
fn old_versions_are_refused_unless_accepted() {
    let input = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    assert_eq!(take(input).err(), Some(CodecError::LowVersion));
    let limits = RequestLimits {
        accept_http_10: true,
        default_host: Some(b"fallback"[..].into()),
        ..Default::default()
    };
    let mut headers = Headers::new();
    let head = parse(input.as_bytes(), &limits, &mut headers).unwrap().unwrap();
    assert!(head.http10 && head.keep_alive);
    assert_eq!(headers.get(HeaderId::Authority), Some(&b"fallback"[..]));
}

#[test]
fn heads_past_a_limit_are_refused_before_they_end() {
    let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "a".repeat(61 * 1024));
    assert_eq!(take(&long).err(), Some(CodecError::HeadersTooLarge));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "X: a\r\n".repeat(101));
    assert_eq!(take(&many).err(), Some(CodecError::TooManyHeaders));
    let enough = format!("GET / HTTP/1.1\r\n{}\r\n", "X: a\r\n".repeat(100));
    assert!(take(&enough).unwrap().is_some());
}
