//! A connection under test, and frames written by hand.
#![allow(dead_code)]

pub mod traffic;

use std::sync::Arc;

use lateen_http2::{
    Config, Connection, ConnectionError, Event, FieldRef, HeadersKind, StreamFault, StreamKey,
    PREFACE,
};

pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

/// A frame as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    out.extend([kind, flags]);
    out.extend(stream.to_be_bytes());
    out.extend(payload);
    out
}

pub fn frames(mut bytes: &[u8]) -> Vec<Frame> {
    let mut all = Vec::new();
    while let Some((header, rest)) = bytes.split_first_chunk::<9>() {
        let length = u32::from_be_bytes([0, header[0], header[1], header[2]]) as usize;
        let stream = u32::from_be_bytes([header[5], header[6], header[7], header[8]]);
        let payload = rest[..length].to_vec();
        all.push(Frame { kind: header[3], flags: header[4], stream, payload });
        bytes = &rest[length..];
    }
    assert!(bytes.is_empty(), "not whole frames");
    all
}

/// A field as a literal that is not indexed.
pub fn literal(name: &[u8], value: &[u8]) -> Vec<u8> {
    let mut out = vec![0];
    for text in [name, value] {
        match text.len() {
            short @ 0..127 => out.push(short as u8),
            long => {
                let rest = long - 127;
                assert!(rest < 1 << 14);
                out.extend([127, rest as u8 | 0x80, (rest >> 7) as u8]);
            }
        }
        out.extend(text);
    }
    out
}

pub fn headers(stream: u32, flags: u8, fields: &[(&str, &str)]) -> Vec<u8> {
    let block: Vec<u8> = fields
        .iter()
        .flat_map(|(name, value)| literal(name.as_bytes(), value.as_bytes()))
        .collect();
    frame(1, flags, stream, &block)
}

/// The head of a POST on a stream, which stays open.
pub fn open(stream: u32) -> Vec<u8> {
    headers(stream, END_HEADERS, &post())
}

pub fn get() -> Vec<(&'static str, &'static str)> {
    vec![(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a")]
}

pub fn post() -> Vec<(&'static str, &'static str)> {
    vec![(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "a")]
}

/// An event, with what it borrows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Stream, kind, end of stream, and the fields as lines.
    Headers(u32, HeadersKind, bool, String),
    Data(u32, Vec<u8>, bool),
    Invalid(u32, StreamFault),
    Other(String),
}

/// A connection whose other end is the test.
pub struct Peer {
    pub connection: Connection,
    /// The stream of the last event that had one.
    pub last: Option<StreamKey>,
}

impl Peer {
    /// A server before the preface.
    pub fn fresh_server(config: Config) -> Self {
        Self { connection: Connection::server(&Arc::new(config)), last: None }
    }

    /// A server after preface and SETTINGS.
    pub fn server(config: Config) -> Self {
        let mut peer = Self::fresh_server(config);
        let start = [PREFACE.as_slice(), &frame(4, 0, 0, b""), &frame(4, 1, 0, b"")].concat();
        peer.feed(&start).expect("the start");
        peer.written();
        peer
    }

    /// A client after the server's SETTINGS.
    pub fn client(config: Config) -> Self {
        let mut peer = Self { connection: Connection::client(&Arc::new(config)), last: None };
        peer.feed(&[frame(4, 0, 0, b""), frame(4, 1, 0, b"")].concat()).expect("the start");
        peer.written();
        peer
    }

    /// What the connection wrote, which is consumed.
    pub fn written(&mut self) -> Vec<u8> {
        let all = self.connection.output().to_vec();
        self.connection.consume_output(all.len());
        all
    }

    /// Opens a stream and ends the request.
    pub fn request(&mut self, method: &str) -> StreamKey {
        let fields =
            [(":method", method), (":scheme", "http"), (":path", "/"), (":authority", "a")];
        let fields = fields.iter().map(|(n, v)| FieldRef::new(n.as_bytes(), v.as_bytes()));
        self.connection.open_stream(fields, true).expect("a stream")
    }

    pub fn feed(&mut self, mut input: &[u8]) -> Result<Vec<Heard>, ConnectionError> {
        let mut heard = Vec::new();
        loop {
            let (used, event) = self.connection.receive(input)?;
            input = &input[used..];
            match event {
                Some(event) => heard.extend(self.hear(event)),
                None if used == 0 => return Ok(heard),
                None => {}
            }
        }
    }

    fn hear(&mut self, event: Event<'_>) -> Option<Heard> {
        Some(match event {
            Event::Headers { stream, kind, end_stream, .. } => {
                self.last = Some(stream);
                let mut lines = String::new();
                for field in self.connection.fields().iter() {
                    let (name, value) = (field.name, field.value);
                    lines += &String::from_utf8_lossy(&[name, b": ", value, b"\n"].concat());
                }
                Heard::Headers(stream.id(), kind, end_stream, lines)
            }
            Event::Data { stream, bytes, end_stream, .. } => {
                self.last = Some(stream);
                Heard::Data(stream.id(), bytes.to_vec(), end_stream)
            }
            Event::Invalid { stream, fault, .. } => Heard::Invalid(stream.id(), fault),
            Event::Settings | Event::SettingsAck | Event::Window { .. } => return None,
            other => Heard::Other(format!("{other:?}")),
        })
    }
}
