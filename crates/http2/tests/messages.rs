//! The rules of messages (RFC 9113 section 8), as a connection applies them.

// Outside `#[test]` functions clippy knows of no test.
#![allow(clippy::expect_used, clippy::panic)]

mod support;

use lateen_http2::{Config, ConnectionError, HeadersKind, StreamFault, StreamFault::*};
use support::*;

/// A server that resets streams for malformed messages.
fn lenient() -> Config {
    Config { stream_error_on_invalid_http_message: true, ..Config::default() }
}

/// What becomes of a request with these fields besides, or instead of, those of a GET.
fn request(fields: &[(&str, &str)], config: Config) -> Result<(), StreamFault> {
    outcome(Peer::server(config), &headers(1, END_HEADERS | END_STREAM, fields))
}

fn outcome(mut peer: Peer, input: &[u8]) -> Result<(), StreamFault> {
    let heard = peer.feed(input).expect("no more than a stream is reset");
    match heard.last() {
        Some(Heard::Invalid(_, fault)) => Err(*fault),
        Some(_) => Ok(()),
        None => panic!("nothing was heard"),
    }
}

fn with(more: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    [get(), more.to_vec()].concat()
}

/// The fields of a GET without those named, and with `more` before the rest.
fn instead(
    without: &[&str],
    more: &[(&'static str, &'static str)],
) -> Vec<(&'static str, &'static str)> {
    let kept = get().into_iter().filter(|(name, _)| !without.contains(name));
    more.iter().copied().chain(kept).collect()
}

#[test]
fn requests_that_are_taken() {
    for fields in [
        get(),
        with(&[("te", "trailers"), ("x", " spaced "), ("x", "tab\tin"), ("x", "\u{e9}")]),
        instead(&[":authority"], &[]).into_iter().chain([("host", "a")]).collect(),
        instead(&[":path", ":method"], &[(":method", "OPTIONS"), (":path", "*")]),
        instead(&[":scheme", ":path"], &[(":scheme", "ftp"), (":path", "x")]),
        vec![(":method", "CONNECT"), (":authority", "a:1")],
        with(&[("content-length", "0")]),
    ] {
        assert_eq!(request(&fields, lenient()), Ok(()), "{fields:?}");
    }
}

#[test]
fn requests_that_are_not() {
    let cases = [
        (with(&[("X-Upper", "a")]), InvalidName),
        (with(&[("", "a")]), InvalidName),
        (with(&[("a b", "a")]), InvalidName),
        (with(&[("x", "a\r\nb: c")]), InvalidValue),
        (with(&[("x", "\0")]), InvalidValue),
        (with(&[("connection", "close")]), ConnectionHeader),
        (with(&[("transfer-encoding", "chunked")]), ConnectionHeader),
        (with(&[("upgrade", "x")]), ConnectionHeader),
        (with(&[("keep-alive", "x")]), ConnectionHeader),
        (with(&[("proxy-connection", "x")]), ConnectionHeader),
        (with(&[("te", "gzip")]), InvalidTe),
        (with(&[(":foo", "x")]), UnknownPseudo),
        (with(&[(":status", "200")]), UnknownPseudo),
        (with(&[(":protocol", "websocket")]), UnknownPseudo),
        (with(&[(":path", "/")]), DuplicatePseudo),
        (with(&[("x", "y"), (":authority", "a")]), LatePseudo),
        (instead(&[":method"], &[]), MissingPseudo),
        (instead(&[":scheme"], &[]), MissingPseudo),
        (instead(&[":path"], &[]), MissingPseudo),
        (instead(&[":authority"], &[]), MissingPseudo),
        (instead(&[":path"], &[(":path", "")]), EmptyPseudo),
        (instead(&[":path"], &[(":path", "x")]), InvalidPath),
        (instead(&[":path"], &[(":path", "*")]), InvalidPath),
        (instead(&[":path"], &[(":path", "/a b")]), InvalidPathCharacter),
        (instead(&[":method"], &[(":method", "G T")]), InvalidMethod),
        (instead(&[":scheme"], &[(":scheme", "1http")]), InvalidScheme),
        (instead(&[":authority"], &[(":authority", "a/b")]), InvalidAuthority),
        (instead(&[":authority"], &[(":authority", "user@a")]), InvalidAuthority),
        (with(&[("host", "")]), InvalidAuthority),
        (with(&[("host", "a"), ("host", "a")]), DuplicateHost),
        (instead(&[":method"], &[(":method", "CONNECT")]), InvalidConnect),
        (vec![(":method", "CONNECT")], MissingPseudo),
        (with(&[("content-length", "x")]), InvalidContentLength),
        (with(&[("content-length", "")]), InvalidContentLength),
        (with(&[("content-length", "+1")]), InvalidContentLength),
        (with(&[("content-length", "0"), ("content-length", "0")]), InvalidContentLength),
        (with(&[("content-length", "99999999999999999999")]), InvalidContentLength),
        (with(&[("content-length", "1")]), MissingBody),
    ];
    for (fields, fault) in cases {
        assert_eq!(request(&fields, lenient()), Err(fault), "{fields:?}");
        let mut strict = Peer::server(Config::default());
        let error = strict.feed(&headers(1, END_HEADERS | END_STREAM, &fields)).err();
        assert_eq!(error, Some(ConnectionError::InvalidMessage(fault)), "{fields:?}");
        assert_eq!(strict.written(), b"", "closed without a GOAWAY");
        assert_eq!(strict.connection.take_counters().rx_messaging_error, 1);
    }
    let config = Config { allow_space_around_values: false, ..lenient() };
    assert_eq!(request(&with(&[("x", "a ")]), config), Err(SpaceAroundValue));
}

#[test]
fn extended_connect() {
    let config = || Config { allow_connect: true, ..lenient() };
    let fields = |method| instead(&[":method"], &[(":method", method), (":protocol", "websocket")]);
    assert_eq!(request(&fields("CONNECT"), config()), Ok(()));
    assert_eq!(request(&fields("GET"), config()), Err(InvalidConnect));
    let short = [(":method", "CONNECT"), (":protocol", "websocket"), (":authority", "a")];
    assert_eq!(request(&short, config()), Err(MissingPseudo));
}

#[test]
fn too_large_a_head_resets_the_stream() {
    let value = "v".repeat(10_000);
    let many: Vec<_> = get().into_iter().chain((0..97).map(|_| ("x", "y"))).collect();
    let large: Vec<_> = (0..7).map(|_| ("x", &value[..])).collect();
    assert_eq!(request(&many, Config::default()), Err(TooManyHeaders));
    let block: Vec<u8> =
        large.iter().flat_map(|(name, value)| literal(name.as_bytes(), value.as_bytes())).collect();
    let (first, rest) = block.split_at(16_000);
    let mut input = frame(1, END_STREAM, 1, first);
    let chunks: Vec<_> = rest.chunks(16_000).collect();
    for (number, chunk) in chunks.iter().enumerate() {
        let flags = if number + 1 == chunks.len() { END_HEADERS } else { 0 };
        input.extend(frame(9, flags, 1, chunk));
    }
    assert_eq!(outcome(Peer::server(Config::default()), &input), Err(HeadersTooLarge));
}

/// A POST with 5 bytes of content, then `more`.
fn post_five(more: &[u8]) -> Result<Vec<Heard>, ConnectionError> {
    let fields = [post(), vec![("content-length", "5")]].concat();
    Peer::server(Config::default())
        .feed(&[headers(1, END_HEADERS, &fields), more.to_vec()].concat())
}

#[test]
fn the_body_is_as_long_as_said() {
    let invalid = Some(Heard::Invalid(1, ContentLengthMismatch));
    for more in [frame(0, 1, 1, b"1234"), frame(0, 0, 1, b"123456")] {
        assert_eq!(post_five(&more).expect("a reset at most").pop(), invalid);
    }
    let short = [frame(0, 0, 1, b"1234"), headers(1, 5, &[("x", "y")])].concat();
    assert_eq!(post_five(&short), Err(ConnectionError::InvalidMessage(MissingBody)));
    let whole = [frame(0, 0, 1, b"1234"), frame(0, 9, 1, b"\x025\0\0")].concat();
    let heard = post_five(&whole).expect("a request");
    assert_eq!(
        heard[1..],
        [Heard::Data(1, b"1234".into(), false), Heard::Data(1, b"5".into(), true)]
    );
}

#[test]
fn trailers() {
    let taken = [frame(0, 0, 1, b"12345"), headers(1, 5, &[("x", "y")])].concat();
    let heard = post_five(&taken).expect("a request").pop();
    assert_eq!(heard, Some(Heard::Headers(1, HeadersKind::Trailers, true, "x: y\n".into())));
    for (fields, flags, fault) in [
        (("x", "y"), END_HEADERS, TrailersNotLast),
        ((":path", "/"), 5, PseudoInTrailers),
        (("content-length", "5"), 5, InvalidContentLength),
        (("te", "gzip"), 5, InvalidTe),
    ] {
        let input = [frame(0, 0, 1, b"12345"), headers(1, flags, &[fields])].concat();
        assert_eq!(post_five(&input), Err(ConnectionError::InvalidMessage(fault)));
    }
}

/// What a client makes of the answer to a request.
fn answer(method: &str, input: &[u8]) -> Result<Vec<Heard>, ConnectionError> {
    let mut peer = Peer::client(lenient());
    peer.request(method);
    peer.feed(input)
}

fn response(flags: u8, fields: &[(&str, &str)]) -> Vec<u8> {
    headers(1, END_HEADERS | flags, fields)
}

#[test]
fn responses_that_are_taken() {
    let length = [(":status", "200"), ("content-length", "5")];
    let ends = Some(Heard::Data(1, b"12345".into(), true));
    let early = response(0, &[(":status", "103"), ("link", "</x>")]);
    let input = [early, response(0, &length), frame(0, 1, 1, b"12345")].concat();
    let heard = answer("GET", &input).expect("a response");
    let expected = |kind, text: &str| Heard::Headers(1, kind, false, text.into());
    assert_eq!(heard[0], expected(HeadersKind::Informational, ":status: 103\nlink: </x>\n"));
    assert_eq!(heard[1], expected(HeadersKind::Response, ":status: 200\ncontent-length: 5\n"));
    assert_eq!(heard.last(), ends.as_ref());
    for (method, status) in [("HEAD", "200"), ("GET", "304")] {
        let fields = [(":status", status), ("content-length", "5")];
        let heard = answer(method, &response(END_STREAM, &fields)).expect("a response");
        assert!(matches!(heard[0], Heard::Headers(1, HeadersKind::Response, true, _)));
    }
    let tunnel = [response(0, &length), frame(0, 0, 1, b"more than 5")].concat();
    assert_eq!(answer("CONNECT", &tunnel).expect("a tunnel").len(), 2);
}

#[test]
fn responses_that_are_not() {
    let ok = response(0, &[(":status", "200")]);
    let cases = [
        ("GET", response(0, &[("x", "y")]), MissingPseudo),
        ("GET", response(0, &[(":status", "20")]), InvalidStatus),
        ("GET", response(0, &[(":status", "099")]), InvalidStatus),
        ("GET", response(0, &[(":status", "101")]), InvalidStatus),
        ("GET", response(0, &[(":status", "2 0")]), InvalidStatus),
        ("GET", response(0, &[(":status", "200"), (":path", "/")]), UnknownPseudo),
        ("GET", response(END_STREAM, &[(":status", "100")]), InformationalEnd),
        ("GET", response(0, &[(":status", "204"), ("content-length", "1")]), InvalidContentLength),
        ("GET", frame(0, 0, 1, b"x"), UnexpectedData),
        ("GET", [ok.clone(), ok.clone()].concat(), PseudoInTrailers),
        ("GET", [ok.clone(), response(0, &[("x", "y")])].concat(), TrailersNotLast),
        ("HEAD", [ok, frame(0, 0, 1, b"x")].concat(), ContentLengthMismatch),
    ];
    for (method, input, fault) in cases {
        let heard = answer(method, &input).expect("a reset at most").pop();
        assert_eq!(heard, Some(Heard::Invalid(1, fault)));
    }
}
