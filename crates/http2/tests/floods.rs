//! Limits: on streams, on what a peer sends and does not read, on flow control.

// Outside `#[test]` functions clippy knows of no test.
#![allow(clippy::expect_used, clippy::panic)]

mod support;

use lateen_http2::ConnectionError::{self, FlowControl};
use lateen_http2::{Config, ErrorCode, Flood, StreamFault};
use support::*;

#[test]
fn more_data_than_the_window_allows() {
    let config = Config { initial_stream_window_size: 65_535, ..Config::default() };
    let mut peer = Peer::server(config);
    peer.feed(&open(1)).expect("a request");
    let data: Vec<u8> = (0..4).flat_map(|_| frame(0, 0, 1, &[0; 16384])).collect();
    let heard = peer.feed(&data).expect("a reset at most");
    assert_eq!(heard.last(), Some(&Heard::Invalid(1, StreamFault::FlowControl)));
    let config = Config { initial_connection_window_size: 0, ..Config::default() };
    let mut peer = Peer::server(config);
    peer.feed(&open(1)).expect("a request");
    assert_eq!(peer.feed(&data).err(), Some(FlowControl));
}

#[test]
fn released_bytes_are_told_in_halves_and_padding_is_released_at_once() {
    let config = Config {
        initial_stream_window_size: 65_536,
        initial_connection_window_size: 131_072,
        ..Config::default()
    };
    let mut peer = Peer::server(config);
    peer.feed(&open(1)).expect("a request");
    peer.written();
    let padded = frame(0, 8, 1, &[vec![255], vec![7; 9], vec![0; 255]].concat());
    for _ in 0..64 {
        let heard = peer.feed(&padded).expect("data");
        assert_eq!(heard, [Heard::Data(1, vec![7; 9], false)]);
    }
    assert_eq!(peer.written(), b"");
    let Some(stream) = peer.last else { panic!("a stream") };
    for _ in 0..1821 {
        peer.feed(&frame(0, 0, 1, &[7; 9])).expect("data");
        peer.connection.release(stream, 9);
    }
    let updates: Vec<_> = frames(&peer.written()).iter().map(|f| (f.kind, f.stream)).collect();
    assert_eq!(updates, [(8, 1)]);
}

#[test]
fn refused_streams_leave_the_connection_whole() {
    let mut peer = Peer::server(Config { max_concurrent_streams: 1, ..Config::default() });
    peer.feed(&open(1)).expect("a request");
    peer.written();
    let heard = peer.feed(&[open(3), frame(0, 1, 3, b"late")].concat()).expect("a refusal");
    assert_eq!(heard, []);
    assert_eq!(peer.written(), frame(3, 0, 3, &ErrorCode::REFUSED_STREAM.0.to_be_bytes()));
    assert_eq!(peer.connection.take_counters().stream_refused_errors, 1);
    peer.feed(&frame(3, 0, 1, &[0, 0, 0, 8])).expect("a reset");
    assert_eq!(peer.feed(&open(5)).expect("a request").len(), 1);
    assert_eq!(peer.connection.take_counters().rx_reset, 1);
}

#[test]
fn floods_end_the_connection_without_a_word() {
    let ping = frame(6, 0, 0, &[0; 8]);
    let priority = frame(2, 0, 9, &[0; 5]);
    let window = frame(8, 0, 0, b"\0\0\0\x01");
    let continuation = [frame(1, 0, 1, b"\x82"), frame(9, 0, 1, b"\x86").repeat(513)].concat();
    let cases = [
        ("ping", ping.repeat(1001), Flood::OutboundControl),
        ("settings", frame(4, 0, 0, b"").repeat(1001), Flood::OutboundControl),
        ("priority", priority.repeat(101), Flood::PriorityFrames),
        ("window", window.repeat(6), Flood::WindowUpdateFrames),
        ("empty", [open(1), frame(0, 0, 1, b"").repeat(2)].concat(), Flood::EmptyFrames),
        ("empty padded", [open(1), frame(0, 8, 1, b"\0").repeat(2)].concat(), Flood::EmptyFrames),
        ("continuation", continuation, Flood::Continuation),
        (
            "continuation empty",
            [frame(1, 0, 1, b"\x82"), frame(9, 0, 1, b"").repeat(2)].concat(),
            Flood::EmptyFrames,
        ),
    ];
    for (name, input, flood) in cases {
        let mut peer = Peer::server(Config::default());
        assert_eq!(peer.feed(&input).err(), Some(ConnectionError::Flood(flood)), "{name}");
        assert!(frames(peer.connection.output()).iter().all(|frame| frame.kind != 7), "{name}");
        let counters = peer.connection.take_counters();
        let counted = counters.outbound_control_flood
            + counters.inbound_priority_frames_flood
            + counters.inbound_window_update_frames_flood
            + counters.inbound_empty_frames_flood
            + counters.continuation_flood;
        assert_eq!(counted, 1, "{name}");
    }
}

#[test]
fn a_peer_that_reads_may_ping_as_it_likes() {
    let mut peer = Peer::server(Config::default());
    for _ in 0..5000 {
        peer.feed(&frame(6, 0, 0, b"pingpong")).expect("a ping");
        assert_eq!(peer.written(), frame(6, 1, 0, b"pingpong"));
    }
}

#[test]
fn outbound_frames_are_bounded() {
    let mut peer = Peer::server(Config { max_outbound_frames: 5, ..Config::default() });
    peer.feed(&open(1)).expect("a request");
    peer.written();
    let Some(stream) = peer.last else { panic!("a stream") };
    for _ in 0..6 {
        assert_eq!(peer.connection.check(), Ok(()));
        peer.connection.send_data(stream, b"x", false);
    }
    assert_eq!(peer.connection.check(), Err(ConnectionError::Flood(Flood::Outbound)));
}

#[test]
fn a_compressed_bomb_is_decoded_within_the_limit() {
    let mut peer = Peer::server(Config::default());
    // 4000 bytes in the table, then 10000 references to them: 40 MB.
    let mut block = literal(b"x", &[b'v'; 4000]);
    block[0] = 0x40;
    block.extend(std::iter::repeat_n(0xbe, 10_000));
    let heard = peer.feed(&frame(1, 5, 1, &block)).expect("a reset at most");
    assert_eq!(heard, [Heard::Invalid(1, StreamFault::HeadersTooLarge)]);
    assert!(peer.connection.fields().byte_size() > 40_000_000);
    assert!(peer.connection.fields().len() <= 16);
    assert_eq!(peer.connection.take_counters().header_list_size_too_large, 1);
}
