//! What a connection makes of frames that its peer should not send, and of the limits (RFC 9113 sections 5, 6).

// Outside `#[test]` functions clippy knows of no test.
#![allow(clippy::expect_used, clippy::panic)]

mod support;

use lateen_http2::ConnectionError::{self, *};
use lateen_http2::{Config, ErrorCode, HeadersKind, OpenError, StreamFault};
use support::*;

/// What a server makes of `input` after the handshake.
fn server_error(input: &[u8]) -> Option<ConnectionError> {
    Peer::server(Config::default()).feed(input).err()
}

#[test]
fn what_ends_the_connection() {
    let get = headers(1, END_HEADERS | END_STREAM, &get());
    let cases: Vec<(&str, Vec<u8>, ConnectionError)> = vec![
        ("DATA on 0", frame(0, 0, 0, b"x"), UnexpectedFrame),
        ("DATA idle", frame(0, 0, 5, b"x"), UnexpectedFrame),
        ("DATA even", frame(0, 0, 2, b"x"), UnexpectedFrame),
        ("DATA too long", frame(0, 0, 1, &[0; 16385]), FrameSize),
        ("DATA padding", [open(1), frame(0, 8, 1, b"\x05abc")].concat(), Padding),
        ("DATA no padding", [open(1), frame(0, 8, 1, b"")].concat(), FrameSize),
        ("DATA after end", [get.clone(), frame(0, 0, 1, b"x")].concat(), StreamClosed),
        ("HEADERS after end", [get.clone(), get.clone()].concat(), StreamClosed),
        ("HEADERS on 0", frame(1, 5, 0, b"\x82"), UnexpectedFrame),
        ("HEADERS even", headers(2, 5, &post()), UnexpectedFrame),
        ("HEADERS backwards", [open(3), headers(1, 5, &post())].concat(), StreamClosed),
        ("HEADERS padding", frame(1, 0xd, 1, b"\x05abc"), Padding),
        ("HEADERS short priority", frame(1, 0x25, 1, b"1234"), FrameSize),
        ("CONTINUATION alone", frame(9, 4, 1, b""), Continuation),
        ("interrupted", [frame(1, 0, 1, b"\x82"), frame(6, 0, 0, &[0; 8])].concat(), Continuation),
        (
            "other CONTINUATION",
            [frame(1, 0, 1, b"\x82"), frame(9, 4, 3, b"")].concat(),
            Continuation,
        ),
        ("PRIORITY on 0", frame(2, 0, 0, &[0; 5]), UnexpectedFrame),
        ("PRIORITY size idle", frame(2, 0, 1, &[0; 4]), FrameSize),
        ("RST_STREAM on 0", frame(3, 0, 0, &[0; 4]), UnexpectedFrame),
        ("RST_STREAM idle", frame(3, 0, 1, &[0; 4]), UnexpectedFrame),
        ("RST_STREAM size", [open(1), frame(3, 0, 1, &[0; 5])].concat(), FrameSize),
        ("SETTINGS on 1", frame(4, 0, 1, b""), UnexpectedFrame),
        ("SETTINGS size", frame(4, 0, 0, &[0; 5]), FrameSize),
        ("SETTINGS ack size", frame(4, 1, 0, &[0; 6]), FrameSize),
        ("SETTINGS push", frame(4, 0, 0, b"\0\x02\0\0\0\x02"), InvalidSetting),
        ("SETTINGS window", frame(4, 0, 0, b"\0\x04\x80\0\0\0"), FlowControl),
        ("SETTINGS frame small", frame(4, 0, 0, b"\0\x05\0\0\x3f\xff"), InvalidSetting),
        ("SETTINGS frame large", frame(4, 0, 0, b"\0\x05\x01\0\0\0"), InvalidSetting),
        ("SETTINGS connect", frame(4, 0, 0, b"\0\x08\0\0\0\x02"), InvalidSetting),
        ("PUSH_PROMISE", frame(5, 4, 1, b"\0\0\0\x02"), UnexpectedFrame),
        ("PING on 1", frame(6, 0, 1, &[0; 8]), UnexpectedFrame),
        ("PING size", frame(6, 0, 0, &[0; 7]), FrameSize),
        ("GOAWAY on 1", frame(7, 0, 1, &[0; 8]), UnexpectedFrame),
        ("GOAWAY size", frame(7, 0, 0, &[0; 7]), FrameSize),
        ("WINDOW_UPDATE size", frame(8, 0, 0, &[0; 3]), FrameSize),
        ("WINDOW_UPDATE 0", frame(8, 0, 0, &[0; 4]), UnexpectedFrame),
        ("WINDOW_UPDATE idle", frame(8, 0, 1, b"\0\0\0\x01"), UnexpectedFrame),
        ("WINDOW_UPDATE past", frame(8, 0, 0, b"\x7f\xff\xff\xff"), FlowControl),
    ];
    for (name, input, expected) in cases {
        let mut peer = Peer::server(Config::default());
        assert_eq!(peer.feed(&input).err(), Some(expected), "{name}");
        let written = frames(peer.connection.output());
        let goaway = written.iter().find(|frame| frame.kind == 7).expect(name);
        assert_eq!(goaway.payload[4..8], expected.code().0.to_be_bytes(), "{name}");
        assert_eq!(peer.feed(b"").err(), Some(expected), "{name}");
    }
    assert!(matches!(server_error(&frame(1, 5, 1, b"\xff")), Some(Compression(_))));
}

#[test]
fn the_start_of_a_connection() {
    for preface in [&b"GET / HTTP/1.1\r\n"[..], b"PRI * HTTP/2.0\r\n\r\nSM\r\n\rX"] {
        let mut peer = Peer::fresh_server(Config::default());
        assert_eq!(peer.feed(preface).err(), Some(BadPreface));
    }
    for first in [frame(6, 0, 0, &[0; 8]), frame(4, 1, 0, b"")] {
        let mut peer = Peer::fresh_server(Config::default());
        let input = [lateen_http2::PREFACE.as_slice(), &first].concat();
        assert_eq!(peer.feed(&input).err(), Some(NoSettings));
    }
}

#[test]
fn what_is_sent_first_is_what_envoy_sends() {
    let mut config = Config::default();
    let settings = b"\0\x01\0\0\x10\0\0\x08\0\0\0\0\0\x03\0\0\x04\0\0\x04\x01\0\0\0";
    let server = Peer::fresh_server(config.clone());
    let window = frame(8, 0, 0, b"\x01\x7f\0\x01");
    assert_eq!(server.connection.output(), [frame(4, 0, 0, settings), window.clone()].concat());
    config.custom_settings = vec![(0x99, 7)];
    let client = lateen_http2::Connection::client(&std::sync::Arc::new(config));
    let settings = [b"\0\x02\0\0\0\0\0\x99\0\0\0\x07", &settings[..]].concat();
    let expected = [lateen_http2::PREFACE.as_slice(), &frame(4, 0, 0, &settings), &window].concat();
    assert_eq!(client.output(), expected);
}

#[test]
fn what_resets_a_stream_alone() {
    let cases: Vec<(&str, Vec<u8>, StreamFault)> = vec![
        ("window 0", frame(8, 0, 1, &[0; 4]), StreamFault::EmptyWindowUpdate),
        ("window past", frame(8, 0, 1, b"\x7f\xff\xff\xff"), StreamFault::WindowOverflow),
        ("depends on itself", frame(2, 0, 1, b"\0\0\0\x01\0"), StreamFault::SelfDependency),
        ("priority size", frame(2, 0, 1, &[0; 4]), StreamFault::PrioritySize),
    ];
    for (name, input, expected) in cases {
        let mut peer = Peer::server(Config::default());
        peer.feed(&open(1)).expect(name);
        peer.written();
        // What comes after the reset, and before the peer knows of it, is ignored; other streams go on.
        let late = [frame(0, 0, 1, b"late"), headers(1, 5, &[]), open(3)].concat();
        let heard = peer.feed(&[input, late].concat()).expect(name);
        assert_eq!(heard[0], Heard::Invalid(1, expected), "{name}");
        assert!(matches!(heard[1], Heard::Headers(3, HeadersKind::Request, false, _)), "{name}");
        assert_eq!(peer.written(), frame(3, 0, 1, &expected.code().0.to_be_bytes()), "{name}");
        let counters = peer.connection.take_counters();
        assert_eq!((counters.provoked_resets, counters.tx_reset), (1, 1), "{name}");
        assert_eq!(counters.headers_cb_no_stream, 1, "{name}");
    }
}

#[test]
fn shutting_down() {
    let mut peer = Peer::server(Config::default());
    peer.connection.announce_go_away();
    peer.feed(&open(1)).expect("a request");
    let Some(stream) = peer.last else { panic!("a stream") };
    peer.connection.go_away(ErrorCode::NO_ERROR, b"bye");
    peer.feed(&open(3)).expect("ignored");
    assert_eq!(peer.last, Some(stream));
    assert!(!peer.connection.is_drained());
    peer.connection.reset(stream, ErrorCode::CANCEL);
    assert!(peer.connection.is_drained());
    let goaways: Vec<_> =
        frames(&peer.written()).into_iter().filter(|f| f.kind == 7).map(|f| f.payload).collect();
    assert_eq!(goaways, [b"\x7f\xff\xff\xff\0\0\0\0".to_vec(), b"\0\0\0\x01\0\0\0\0bye".to_vec()]);
}

#[test]
fn a_client_hears_which_streams_were_not_handled() {
    let mut peer = Peer::client(Config::default());
    let streams: Vec<_> = (0..3).map(|_| peer.request("GET")).collect();
    peer.connection.set_tag(streams[2], 42);
    peer.feed(&frame(7, 0, 0, b"\0\0\0\x03\0\0\0\0")).expect("a GOAWAY");
    assert_eq!(peer.connection.next_unhandled(), Some((streams[2], 42)));
    assert_eq!(peer.connection.next_unhandled(), None);
    assert_eq!(peer.connection.can_open(), Err(OpenError::GoingAway));
    assert!(peer.connection.is_open(streams[1]));
}

#[test]
fn a_client_opens_no_more_than_the_peer_allows() {
    let mut peer = Peer::client(Config::default());
    peer.feed(&frame(4, 0, 0, b"\0\x03\0\0\0\x01")).expect("settings");
    let stream = peer.request("GET");
    assert_eq!(peer.connection.can_open(), Err(OpenError::TooManyStreams));
    peer.connection.reset(stream, ErrorCode::CANCEL);
    assert_eq!(peer.connection.can_open(), Ok(()));
}

#[test]
fn frames_of_unknown_types_and_reserved_bits_are_ignored() {
    let mut peer = Peer::server(Config::default());
    let unknown = [frame(0x4d, 4, 0, b"x"), frame(0xfe, 0xff, 77, b"y")].concat();
    assert_eq!(peer.feed(&unknown).expect("ignored"), []);
    peer.written();
    peer.feed(&frame(6, 0xfe, 0x8000_0000, b"pingpong")).expect("a ping");
    assert_eq!(peer.written(), frame(6, 1, 0, b"pingpong"));
}
