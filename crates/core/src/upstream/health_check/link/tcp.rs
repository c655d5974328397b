//! Checks over TCP.

use std::future::poll_fn;
use std::task::{ready, Context, Poll};

use super::super::payload::Payload;
use super::{write_all, NoResponse};
use crate::transport::Transport;

/// Room made for a read.
const READ: usize = 4 * 1024;
/// Looked through for what is expected; a host that sends more without it is not read any further.
const MOST: usize = 1 << 20;

pub struct TcpLink {
    transport: Transport,
    /// What has come since the last check.
    received: Vec<u8>,
}

impl TcpLink {
    pub fn new(transport: Transport) -> Self {
        Self { transport, received: Vec::new() }
    }

    /// # Errors
    /// The host ends the connection before it has sent what is expected.
    pub async fn exchange(&mut self, send: &[u8], expected: &Payload) -> Result<(), NoResponse> {
        write_all(&mut self.transport, send).await?;
        poll_fn(|cx| loop {
            match ready!(self.poll_read(cx)) {
                false => return Poll::Ready(Err(NoResponse::Connection)),
                true if expected.is_in(&self.received) => return Poll::Ready(Ok(())),
                true => {}
            }
        })
        .await?;
        self.received = Vec::new();
        Ok(())
    }

    /// Ready when something has come (true) or the connection is over.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        if self.received.len() >= MOST {
            return Poll::Pending;
        }
        let received = &mut self.received;
        let read = self.transport.poll_read(cx, || {
            received.reserve(READ);
            received
        });
        read.map(|read| matches!(read, Ok(1..)))
    }

    pub fn poll_ended(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while ready!(self.poll_read(cx)) {}
        Poll::Ready(())
    }
}
