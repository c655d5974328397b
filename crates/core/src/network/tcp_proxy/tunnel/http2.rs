//! Asking for a tunnel over HTTP/2: a stream becomes the tunnel, beside others on its connection.

use std::future::poll_fn;

use super::Refusal;
use crate::headers::{HeaderId, Headers, Side};
use crate::upstream::PooledStream;

/// In the order in which Envoy sends them.
const PSEUDO: [(&[u8], HeaderId); 4] = [
    (b":method", HeaderId::Method),
    (b":authority", HeaderId::Authority),
    (b":path", HeaderId::Path),
    (b":scheme", HeaderId::Scheme),
];

/// Sends the request and reads the head of the answer, which has to be a 200 that something follows.
///
/// # Errors
/// There is no tunnel.
pub async fn ask(
    pooled: &mut PooledStream,
    request: &Headers,
    answer: &mut Headers,
) -> Result<(), Refusal> {
    let pseudo = PSEUDO.iter().filter_map(|(name, id)| Some((*name, request.get(*id)?)));
    let pseudo: Vec<_> = pseudo.collect();
    pooled.stream.send_head(&pseudo, request, false).map_err(|_| Refusal::Ended)?;
    loop {
        let head = poll_fn(|cx| pooled.stream.poll_head(cx)).await.map_err(|_| Refusal::Ended)?;
        *answer = head.headers;
        answer.join_singles(Side::Response);
        let status = answer.get_str(HeaderId::Status).and_then(|text| text.parse().ok());
        match status.unwrap_or(0) {
            100..200 => {}
            200 if !head.end => return Ok(()),
            status => return Err(Refusal::Status(status)),
        }
    }
}
