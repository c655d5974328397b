//! How streams and the connection end.

use super::Connection;
use crate::error::{ConnectionError, ErrorCode, StreamFault};
use crate::event::Event;
use crate::frame::{write, MAX_31_BITS};
use crate::stream::{StreamKey, NO_TAG};

impl Connection {
    /// Resets a stream: what was not sent of it never will be, and no event tells of it any more.
    pub fn reset(&mut self, stream: StreamKey, code: ErrorCode) {
        let Some(received_end) = self.streams.get(stream).map(|stream| stream.received_end) else {
            return;
        };
        self.streams.remove(stream);
        self.write_reset(stream.id(), code, received_end);
    }

    /// Writes RST_STREAM; what the peer sent before it knows is ignored unless it had ended its side.
    pub(super) fn write_reset(&mut self, id: u32, code: ErrorCode, received_end: bool) {
        write::reset(self.output.append_control(), id, code);
        self.counters.tx_reset += 1;
        if !received_end {
            self.streams.remember_reset(id);
        }
    }

    /// Resets a stream for what the peer sent; or ends the connection, for a malformed message, unless the
    /// configuration has it otherwise.
    pub(super) fn stream_fault<'i>(
        &mut self,
        key: StreamKey,
        fault: StreamFault,
    ) -> Result<Option<Event<'i>>, ConnectionError> {
        if fault.is_malformed() {
            self.counters.rx_messaging_error += 1;
        }
        match fault {
            StreamFault::HeadersTooLarge => self.counters.header_list_size_too_large += 1,
            StreamFault::TooManyHeaders => self.counters.header_overflow += 1,
            _ => {}
        }
        let tag = self.tag(key).unwrap_or(NO_TAG);
        if fault.is_malformed() && !self.config.stream_error_on_invalid_http_message {
            self.failed_unseen = tag == NO_TAG;
            return Err(ConnectionError::InvalidMessage(fault));
        }
        self.counters.provoked_resets += 1;
        self.reset(key, fault.code());
        Ok(Some(Event::Invalid { stream: key, tag, fault }))
    }

    /// The peer ended its side of a stream.
    pub(super) fn peer_ended(&mut self, key: StreamKey) {
        let Some(stream) = self.streams.get_mut(key) else { return };
        stream.received_end = true;
        if stream.sent_end {
            self.streams.remove(key);
        }
    }

    /// We ended our side of a stream.
    pub(super) fn we_ended(&mut self, key: StreamKey) {
        let Some(stream) = self.streams.get_mut(key) else { return };
        stream.sent_end = true;
        if stream.received_end {
            self.streams.remove(key);
        }
    }

    /// Notes what ends the connection, and tells the peer unless that is to be silent.
    pub(super) fn fail(&mut self, error: ConnectionError) -> ConnectionError {
        if let Some(before) = self.failed {
            return before;
        }
        self.failed = Some(error);
        match error {
            ConnectionError::Flood(flood) => self.counters.flood(flood),
            error if error.is_silent() => {}
            error => {
                let last = self.sent_goaway.unwrap_or(MAX_31_BITS).min(self.last_peer_stream);
                self.write_go_away(last, error.code(), b"");
            }
        }
        error
    }

    /// Asks the peer to start no more streams here, and still takes those that it starts before it knows
    /// (RFC 9113 section 6.8): the first step of a graceful shutdown, [`Connection::go_away`] the second.
    pub fn announce_go_away(&mut self) {
        if self.sent_goaway.is_none() {
            self.write_go_away(MAX_31_BITS, ErrorCode::NO_ERROR, b"");
        }
    }

    /// Tells the peer that streams after the last that it started will not be handled. Those before go on.
    pub fn go_away(&mut self, code: ErrorCode, debug: &[u8]) {
        let last = self.sent_goaway.unwrap_or(MAX_31_BITS).min(self.last_peer_stream);
        self.counters.goaway_sent += 1;
        self.write_go_away(last, code, debug);
    }

    fn write_go_away(&mut self, last: u32, code: ErrorCode, debug: &[u8]) {
        self.sent_goaway = Some(last);
        write::go_away(self.output.append(1), last, code, debug);
    }

    /// The last stream of the GOAWAY that came, if one did.
    pub fn received_go_away(&self) -> Option<u32> {
        self.received_goaway
    }

    /// True once either side said that it starts or takes no more streams.
    pub fn is_going_away(&self) -> bool {
        self.sent_goaway.is_some() || self.received_goaway.is_some()
    }

    /// True when a side is going away and no stream is left.
    pub fn is_drained(&self) -> bool {
        let done = self.sent_goaway.is_some_and(|last| last < MAX_31_BITS);
        (done || self.received_goaway.is_some()) && self.streams.len() == 0
    }

    /// Removes and returns, with its tag, a stream that the peer's GOAWAY said it did not handle: it can be
    /// sent again elsewhere. To be called after [`Event::GoAway`] until it returns `None`.
    pub fn next_unhandled(&mut self) -> Option<(StreamKey, u32)> {
        let last = self.received_goaway?;
        let ours = u32::from(self.role == super::Role::Client);
        let (key, tag) = self
            .streams
            .iter_mut()
            .find(|(key, _)| key.id() > last && key.id() % 2 == ours)
            .map(|(key, stream)| (key, stream.tag))?;
        self.streams.remove(key);
        self.streams.remember_reset(key.id());
        Some((key, tag))
    }
}
