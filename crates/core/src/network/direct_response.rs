//! envoy.filters.network.direct_response: the same answer to every client.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/direct_response_filter>

use std::future::poll_fn;
use std::time::{Duration, Instant};

use crate::http::stream_info::StreamInfo;
use crate::timer::Timer;
use crate::transport::{Transport, Write};

/// What a client has to end its side, so that what it has sent does not turn the answer into a reset.
const LINGER: Duration = Duration::from_secs(1);
/// Bytes of the client that are read away.
const MOST: usize = 1 << 20;

/// Sends the answer and ends the connection.
pub async fn serve(transport: &mut Transport, body: &[u8], info: &mut StreamInfo, timer: &Timer) {
    info.details = "direct_response".into();
    let mut sent = 0;
    while sent < body.len() {
        let write = Write { bytes: &body[sent..], last: true };
        match poll_fn(|cx| transport.poll_write(cx, &write)).await {
            Ok(count) => sent += count,
            Err(_) => return,
        }
        info.bytes_sent = sent as u64;
    }
    let _ = poll_fn(|cx| transport.poll_shutdown(cx)).await;
    let deadline = Instant::now() + LINGER;
    let mut taken = 0;
    let mut buffer = Vec::with_capacity(4096);
    while taken < MOST {
        buffer.clear();
        let read = poll_fn(|cx| match transport.poll_read(cx, || &mut buffer) {
            std::task::Poll::Ready(result) => std::task::Poll::Ready(result.unwrap_or(0)),
            std::task::Poll::Pending => timer.poll(cx, Some(deadline)).map(|()| 0),
        });
        match read.await {
            0 => return,
            count => taken += count,
        }
    }
}
