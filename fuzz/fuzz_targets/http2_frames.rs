//! Either end of an HTTP/2 connection takes any bytes without a panic, the outcome does not depend on how they
//! arrive, and what it writes are whole frames.
#![no_main]

use std::sync::Arc;

use lateen_http2::{Config, Connection, Event, FieldRef, PREFACE};
use libfuzzer_sys::fuzz_target;

/// What came of the input: events in short, what was written, and the error.
#[derive(Debug, PartialEq)]
struct Outcome {
    heads: Vec<(u32, Vec<u8>)>,
    body: Vec<(u32, u8)>,
    ended: Vec<u32>,
    written: Vec<u8>,
    error: Option<String>,
}

fn run(client: bool, lenient: bool, input: &[u8], piece: usize) -> Outcome {
    let config = Arc::new(Config {
        stream_error_on_invalid_http_message: lenient,
        allow_metadata: lenient,
        allow_connect: lenient,
        max_concurrent_streams: 4,
        initial_stream_window_size: 1000,
        ..Config::default()
    });
    let mut connection =
        if client { Connection::client(&config) } else { Connection::server(&config) };
    if client {
        for method in [b"GET".as_slice(), b"HEAD"] {
            let fields = [(&b":method"[..], method), (b":path", b"/"), (b":scheme", b"http")];
            let fields = fields.into_iter().map(|(name, value)| FieldRef::new(name, value));
            let _ = connection.open_stream(fields, method == b"HEAD");
        }
    }
    let mut outcome =
        Outcome { heads: vec![], body: vec![], ended: vec![], written: vec![], error: None };
    let preface: &[u8] = if client { b"" } else { PREFACE };
    let all = [preface, input].concat();
    let (mut used, mut have) = (0, 0);
    while outcome.error.is_none() {
        match connection.receive(&all[used..have]) {
            Ok((0, None)) if have == all.len() => break,
            Ok((0, None)) => have = all.len().min(have + piece),
            Ok((count, event)) => {
                used += count;
                handle(&mut connection, event, &mut outcome);
            }
            Err(error) => outcome.error = Some(format!("{error:?}")),
        }
    }
    outcome.written.extend_from_slice(connection.output());
    outcome
}

fn handle(connection: &mut Connection, event: Option<Event<'_>>, outcome: &mut Outcome) {
    match event {
        Some(Event::Headers { stream, end_stream, .. }) => {
            for field in connection.fields().iter() {
                outcome.heads.push((stream.id(), [field.name, b": ", field.value].concat()));
            }
            if end_stream {
                outcome.ended.push(stream.id());
                let status = [FieldRef::new(b":status", b"200")];
                connection.send_headers(stream, status.into_iter(), false);
                connection.send_data(stream, &[7; 100], true);
            }
        }
        Some(Event::Data { stream, bytes, end_stream, .. }) => {
            outcome.body.extend(bytes.iter().map(|byte| (stream.id(), *byte)));
            if end_stream {
                outcome.ended.push(stream.id());
            }
        }
        Some(Event::GoAway { .. }) => while connection.next_unhandled().is_some() {},
        _ => {}
    }
    while let Some((stream, _)) = connection.next_writable() {
        connection.send_data(stream, &[8; 10], false);
    }
}

fn assert_whole_frames(client: bool, written: &[u8]) {
    let mut rest = if client { &written[PREFACE.len()..] } else { written };
    while !rest.is_empty() {
        let length = u32::from_be_bytes([0, rest[0], rest[1], rest[2]]) as usize;
        rest = &rest[9 + length..];
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((&choice, input)) = input.split_first() else { return };
    let (client, lenient) = (choice & 1 != 0, choice & 2 != 0);
    let settings: &[u8] = if choice & 4 != 0 { &[0, 0, 0, 4, 0, 0, 0, 0, 0] } else { b"" };
    let input = &[settings, input].concat();
    let whole = run(client, lenient, input, input.len().max(1) + PREFACE.len());
    let pieces = run(client, lenient, input, usize::from(choice >> 3) + 1);
    assert_eq!(whole, pieces);
    assert_whole_frames(client, &whole.written);
});
