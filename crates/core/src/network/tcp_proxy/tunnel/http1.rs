//! Asking for a tunnel over HTTP/1: the connection becomes the tunnel.

use std::future::poll_fn;
use std::io;
use std::ops::RangeInclusive;

use super::Refusal;
use crate::headers::Headers;
use crate::http1::encode::{request_head, RequestStyle};
use crate::http1::response::{parse, ResponseRules};
use crate::transport::Write;
use crate::upstream::PooledConnection;

const RULES: ResponseRules = ResponseRules {
    to_head: false,
    to_upgrade: false,
    to_connect: true,
    max_head_bytes: 60 * 1024,
    max_headers: 100,
    preserve_case: false,
};

/// How a head ends that says that no body follows.
const NO_BODY: &[u8] = b"content-length: 0\r\n\r\n";

impl From<io::Error> for Refusal {
    fn from(_: io::Error) -> Self {
        Self::Ended
    }
}

/// Sends the request and reads the head of the answer; what came after it stays in the connection's buffer.
/// Counts the bytes of both heads.
///
/// # Errors
/// There is no tunnel: the status is none of `accepted`, or there is none.
pub async fn ask(
    pooled: &mut PooledConnection,
    request: &Headers,
    accepted: RangeInclusive<u16>,
    answer: &mut Headers,
    (sent, received): &mut (usize, usize),
) -> Result<(), Refusal> {
    let head = encode(request);
    while *sent < head.len() {
        let write = Write { bytes: &head[*sent..], last: false };
        *sent += poll_fn(|cx| pooled.transport.poll_write(cx, &write)).await?;
    }
    loop {
        let connection = &mut **pooled;
        let (transport, buffer) = (&mut connection.transport, &mut connection.buffer);
        if poll_fn(|cx| transport.poll_read(cx, || buffer.spare(4096))).await? == 0 {
            return Err(Refusal::Ended);
        }
        loop {
            answer.clear();
            let head = match parse(buffer.bytes(), &RULES, answer) {
                Ok(Some(head)) => head,
                Ok(None) => break,
                Err(_) => return Err(Refusal::Invalid),
            };
            buffer.consume(head.size);
            *received += head.size;
            match head.status {
                100..200 => {}
                status if accepted.contains(&status) => return Ok(()),
                status => return Err(Refusal::Status(status)),
            }
        }
    }
}

fn encode(request: &Headers) -> Vec<u8> {
    let mut head = Vec::new();
    request_head(&mut head, request, true, RequestStyle::default());
    // The tunnel's bytes follow, whatever the method says of a body.
    if let Some(length) = head.strip_suffix(NO_BODY).map(<[u8]>::len) {
        head.truncate(length);
        head.extend_from_slice(b"\r\n");
    }
    head
}
