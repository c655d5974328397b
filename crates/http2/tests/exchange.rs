//! A server and a client talk to each other: whatever they send, in whatever pieces it arrives, the other hears.

// Outside `#[test]` functions clippy knows of no test.
#![allow(clippy::expect_used, clippy::panic)]

mod support;

use std::collections::HashMap;
use std::sync::Arc;

use lateen_http2::{Config, Connection, ErrorCode, Event, FieldRef, HeadersKind, StreamKey};
use support::traffic::{fields, message_of, Message, Random};

#[derive(Default)]
struct Sending {
    message: Message,
    sent: usize,
    done: bool,
}

struct End {
    connection: Connection,
    sending: HashMap<StreamKey, Sending>,
    heard: HashMap<u32, Message>,
    unread: Vec<u8>,
    reset: Vec<u32>,
    unreleased: Vec<(StreamKey, usize)>,
}

impl End {
    fn new(connection: Connection) -> Self {
        Self {
            connection,
            sending: HashMap::new(),
            heard: HashMap::new(),
            unread: Vec::new(),
            reset: Vec::new(),
            unreleased: Vec::new(),
        }
    }

    fn send(&mut self, stream: StreamKey) {
        let Some(sending) = self.sending.get_mut(&stream).filter(|sending| !sending.done) else {
            return;
        };
        let end = sending.message.trailers.is_empty();
        let rest = &sending.message.body[sending.sent..];
        sending.sent += self.connection.send_data(stream, rest, end);
        if sending.sent == sending.message.body.len() {
            sending.done = true;
            if !end {
                self.connection.send_headers(stream, fields(&sending.message.trailers), true);
            }
        }
    }

    /// Takes what came; answers requests with `answers`.
    fn receive(&mut self, answers: &mut Random) {
        let input = std::mem::take(&mut self.unread);
        let mut used = 0;
        loop {
            let (count, event) = self.connection.receive(&input[used..]).expect("no error");
            used += count;
            match event {
                Some(event) => self.handle(event, answers),
                None if count == 0 => break,
                None => {}
            }
        }
        self.unread = input[used..].to_vec();
        while let Some((stream, _)) = self.connection.next_writable() {
            self.send(stream);
        }
    }

    fn handle(&mut self, event: Event<'_>, answers: &mut Random) {
        match event {
            Event::Headers { stream, kind, end_stream, tag } => {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                let got: Vec<_> = self
                    .connection
                    .fields()
                    .iter()
                    .map(|field| (text(field.name), text(field.value)))
                    .collect();
                let message = self.heard.entry(stream.id()).or_default();
                match kind {
                    HeadersKind::Trailers => message.trailers = got,
                    _ => message.head = got,
                }
                message.ended |= end_stream;
                if kind == HeadersKind::Request {
                    self.connection.set_tag(stream, stream.id() + 7);
                    self.begin(stream, message_of(answers, false));
                } else {
                    assert_eq!(tag, stream.id() + 7);
                }
            }
            Event::Data { stream, bytes, end_stream, tag } => {
                assert_eq!(tag, stream.id() + 7);
                let message = self.heard.entry(stream.id()).or_default();
                message.body.extend_from_slice(bytes);
                message.ended |= end_stream;
                self.unreleased.push((stream, bytes.len()));
            }
            Event::Reset { stream, .. } => {
                self.sending.remove(&stream);
                self.reset.push(stream.id());
            }
            Event::Invalid { fault, .. } => panic!("{fault:?}"),
            _ => {}
        }
    }

    fn begin(&mut self, stream: StreamKey, message: Message) {
        let empty = message.body.is_empty() && message.trailers.is_empty();
        self.connection.send_headers(stream, fields(&message.head), empty);
        self.sending.insert(stream, Sending { message, sent: 0, done: empty });
        self.send(stream);
    }

    fn release(&mut self, random: &mut Random) {
        while !self.unreleased.is_empty() && random.chance(70) {
            let (stream, count) = self.unreleased.swap_remove(random.below(self.unreleased.len()));
            self.connection.release(stream, count);
        }
    }
}

/// Moves some of what one end wrote to the other.
fn pass(from: &mut End, to: &mut End, random: &mut Random) {
    let ready = from.connection.output();
    let count = if random.chance(50) { ready.len() } else { random.below(ready.len() + 1) };
    to.unread.extend_from_slice(&ready[..count]);
    from.connection.consume_output(count);
    while let Some((stream, _)) = from.connection.next_writable() {
        from.send(stream);
    }
}

fn talk(seed: u64, config: Config) {
    let mut random = Random(seed * 0x9e37_79b9 + 1);
    let mut answers = Random(seed + 99);
    let config = Arc::new(config);
    let mut client = End::new(Connection::client(&config));
    let mut server = End::new(Connection::server(&config));
    let mut requests: HashMap<u32, Message> = HashMap::new();
    let mut streams: Vec<StreamKey> = Vec::new();
    let mut resets: Vec<u32> = Vec::new();
    for round in 0..1500 {
        if round < 150 && client.connection.can_open().is_ok() && random.chance(40) {
            let message = message_of(&mut random, true);
            let empty = message.body.is_empty() && message.trailers.is_empty();
            let opened = client.connection.open_stream(fields(&message.head), empty);
            let stream = opened.expect("asked before");
            client.connection.set_tag(stream, stream.id() + 7);
            requests.insert(stream.id(), message.clone());
            client.sending.insert(stream, Sending { message, sent: 0, done: empty });
            client.send(stream);
            streams.push(stream);
        }
        if random.chance(5) && !streams.is_empty() {
            let stream = streams[random.below(streams.len())];
            if client.connection.is_open(stream) {
                client.sending.remove(&stream);
                client.connection.reset(stream, ErrorCode::CANCEL);
                resets.push(stream.id());
            }
        }
        pass(&mut client, &mut server, &mut random);
        server.receive(&mut answers);
        pass(&mut server, &mut client, &mut random);
        client.receive(&mut answers);
        server.release(&mut random);
        client.release(&mut random);
        let idle = round > 150 && client.connection.active_streams() == 0;
        if idle && server.connection.active_streams() == 0 {
            break;
        }
    }
    assert_eq!(client.connection.active_streams(), 0, "seed {seed}");
    assert_eq!(server.connection.active_streams(), 0, "seed {seed}");
    assert!(requests.len() > 3);
    let answered: HashMap<u32, Message> =
        server.sending.into_iter().map(|(key, sending)| (key.id(), sending.message)).collect();
    for (id, request) in &requests {
        if resets.contains(id) {
            continue;
        }
        assert_eq!(server.heard.get(id), Some(request), "seed {seed}, stream {id}");
        assert_eq!(client.heard.get(id), answered.get(id), "seed {seed}, stream {id}");
    }
}

#[test]
fn with_the_usual_settings() {
    (1..8).for_each(|seed| talk(seed, Config::default()));
}

#[test]
fn with_small_windows_tables_and_output() {
    for seed in 20..28 {
        let config = Config {
            hpack_table_size: [0, 100, 300, 70_000][seed as usize % 4],
            initial_stream_window_size: 1 << (seed % 8 + 9),
            initial_connection_window_size: 65_535,
            max_concurrent_streams: 3 + seed as u32 % 5,
            max_pending_output: 1000,
            huffman: seed % 2 == 0,
            max_inbound_window_update_frames_per_data_frame_sent: 100,
            ..Config::default()
        };
        talk(seed, config);
    }
}

#[test]
fn metadata_goes_both_ways() {
    let config = Arc::new(Config { allow_metadata: true, ..Config::default() });
    let mut client = Connection::client(&config);
    let mut server = Connection::server(&config);
    let request = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let stream = client.open_stream(fields(&request), false).expect("a stream");
    let value = "v".repeat(40_000);
    client.send_metadata(Some(stream), [FieldRef::new(b"key", value.as_bytes())].into_iter());
    client.send_metadata(None, [FieldRef::new(b"other", b"1")].into_iter());
    let input = client.output().to_vec();
    let (mut used, mut heard) = (0, Vec::new());
    while used < input.len() {
        let (count, event) = server.receive(&input[used..]).expect("no error");
        used += count;
        if let Some(Event::Metadata { stream }) = event {
            let size = server.fields().byte_size();
            heard.push((stream.map(|(stream, _)| stream.id()), size));
        }
    }
    assert_eq!(heard, [(Some(1), 40_003), (None, 6)]);
}
