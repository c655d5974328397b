//! envoy.filters.listener.http_inspector: which HTTP a connection without TLS speaks.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/listener_filters/http_inspector>

use std::sync::Arc;

use super::{OnAccept, OnData, Subject};
use crate::proto::{self, HttpInspectorStat as Stat};
use crate::stats::{Block, BlockKind};
use crate::worker::Worker;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// What is looked at first, and at most.
const FIRST: usize = 8 * 1024;
const MOST: usize = 64 * 1024;

/// What the first line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Partial,
    NotHttp,
    Http10,
    Http11,
    Http2,
}

/// Of one worker.
pub struct HttpInspector {
    block: Arc<Block>,
}

/// A connection whose transport is known to be another is left alone.
pub fn accept(subject: &Subject) -> OnAccept {
    match subject.inspected.transport_protocol {
        "" | "raw_buffer" => OnAccept::Peek(FIRST),
        _ => OnAccept::Continue,
    }
}

impl HttpInspector {
    pub fn new(worker: &Worker, config: &proto::HttpInspector) -> Self {
        Self { block: worker.block(config.stats_block, BlockKind::Filter) }
    }

    pub fn data(&self, subject: &mut Subject, bytes: &[u8]) -> OnData {
        let (stat, protocol) = match first_line(bytes) {
            Line::Partial if bytes.len() < MOST => {
                return OnData::More((2 * bytes.len()).min(MOST))
            }
            Line::Partial => {
                self.block.inc(Stat::HttpInspectorReadError);
                return OnData::Close;
            }
            Line::NotHttp => {
                self.block.inc(Stat::HttpInspectorHttpNotFound);
                return OnData::Done;
            }
            Line::Http10 => (Stat::HttpInspectorHttp10Found, "http/1.0"),
            Line::Http11 => (Stat::HttpInspectorHttp11Found, "http/1.1"),
            Line::Http2 => (Stat::HttpInspectorHttp2Found, "h2c"),
        };
        self.block.inc(stat);
        subject.inspected.application_protocols = vec![protocol.into()];
        OnData::Done
    }
}

fn first_line(bytes: &[u8]) -> Line {
    let common = bytes.len().min(PREFACE.len());
    if bytes[..common] == PREFACE[..common] {
        return if common == PREFACE.len() { Line::Http2 } else { Line::Partial };
    }
    if !bytes.first().is_some_and(|byte| is_token(*byte)) {
        return Line::NotHttp;
    }
    let Some(end) = memchr::memchr(b'\n', bytes) else { return Line::Partial };
    let line = bytes[..end].strip_suffix(b"\r").unwrap_or(&bytes[..end]);
    let mut words = line.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    match (words.next(), words.next(), words.next(), words.next()) {
        (Some(method), Some(_), Some(version), None) if method.iter().all(|b| is_token(*b)) => {
            match version {
                b"HTTP/1.1" => Line::Http11,
                [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
                    if major.is_ascii_digit() && minor.is_ascii_digit() =>
                {
                    Line::Http10
                }
                _ => Line::NotHttp,
            }
        }
        _ => Line::NotHttp,
    }
}

/// A character of a method (RFC 9110 section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::{first_line, Line};

    #[test]
    fn lines_tell_the_protocol() {
        let cases: [(&[u8], Line); 10] = [
            (b"GET / HTTP/1.1\r\nhost: a", Line::Http11),
            (b"GET / HTTP/1.0\n", Line::Http10),
            (b"FOO / HTTP/2.0\r\n", Line::Http10),
            (b"GET / HTTP/1.", Line::Partial),
            (b"PRI * HTTP/2.0\r\n\r\nSM", Line::Partial),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nmore", Line::Http2),
            (b"PRI * HTTP/2.0\r\n\r\nXX", Line::Http10),
            (b"\x16\x03\x01", Line::NotHttp),
            (b"\r\nGET / HTTP/1.1\r\n", Line::NotHttp),
            (b"hello world\r\n", Line::NotHttp),
        ];
        for (bytes, expected) in cases {
            assert_eq!(first_line(bytes), expected, "{:?}", String::from_utf8_lossy(bytes));
        }
    }
}
