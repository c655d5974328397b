//! DATA, as it comes.

use super::receive::Step;
use super::{Connection, PartialData};
use crate::error::{ConnectionError, StreamFault};
use crate::event::Event;
use crate::frame::{flag, parse::FrameHeader, write, HEADER};
use crate::stream::StreamKey;

/// What a DATA frame consists of, as one that nobody is to have yet, and the bytes (0 or 1) that say how long its
/// padding is; `None` when that has not come.
fn measure(
    header: FrameHeader,
    rest: &[u8],
) -> Result<Option<(PartialData, usize)>, ConnectionError> {
    let end_stream = header.has(flag::END_STREAM);
    let whole = PartialData { stream: None, left: header.length, padding: 0, end_stream };
    if !header.has(flag::PADDED) {
        return Ok(Some((whole, 0)));
    }
    let after = header.length.checked_sub(1).ok_or(ConnectionError::FrameSize)?;
    let Some(&padding) = rest.first() else { return Ok(None) };
    let padding = usize::from(padding);
    let left = after.checked_sub(padding).ok_or(ConnectionError::Padding)?;
    Ok(Some((PartialData { left, padding, ..whole }, 1)))
}

impl Connection {
    /// Takes the first bytes of a DATA frame, and what `rest` has of its payload.
    pub(super) fn begin_data<'i>(&mut self, header: FrameHeader, rest: &'i [u8]) -> Step<'i> {
        self.must_not_be_idle(header.stream)?;
        let Some((skipped, padded)) = measure(header, rest)? else { return Ok((0, None)) };
        self.count(header.kind, skipped.left == 0 && !skipped.end_stream)?;
        if !self.receive_window.take(header.length) {
            return Err(ConnectionError::FlowControl);
        }
        // Padding, and what nobody will have, is released at once.
        let overhead = header.length - skipped.left;
        self.release_connection(overhead);
        let (before, payload) = (HEADER + padded, &rest[padded..]);
        let key = match self.streams.find(header.stream) {
            Some(key) => key,
            None if self.streams.was_reset(header.stream) => {
                self.partial = Some(skipped);
                return self.continue_data(payload, before);
            }
            None => return Err(ConnectionError::StreamClosed),
        };
        if let Some(fault) = self.judge_data(key, header, skipped.left)? {
            self.partial = Some(skipped);
            let event = self.stream_fault(key, fault)?;
            let (used, _) = self.continue_data(payload, before)?;
            return Ok((used, event));
        }
        self.release_stream(key, overhead);
        self.partial = Some(PartialData { stream: Some(key), ..skipped });
        self.continue_data(payload, before)
    }

    /// What is wrong with a DATA frame of an open stream, if anything is.
    fn judge_data(
        &mut self,
        key: StreamKey,
        header: FrameHeader,
        content: usize,
    ) -> Result<Option<StreamFault>, ConnectionError> {
        let Some(stream) = self.streams.get_mut(key) else { return Ok(None) };
        if stream.received_end {
            return Err(ConnectionError::StreamClosed);
        }
        if !stream.head_received {
            return Ok(Some(StreamFault::UnexpectedData));
        }
        if !stream.receive.take(header.length) {
            return Ok(Some(StreamFault::FlowControl));
        }
        let Some(left) = stream.content_left else { return Ok(None) };
        let after = left.checked_sub(content as u64);
        stream.content_left = after;
        let ends_early = header.has(flag::END_STREAM) && after != Some(0);
        Ok((ends_early || after.is_none()).then_some(StreamFault::ContentLengthMismatch))
    }

    /// Takes what `input` has of a DATA frame that has begun; `before` bytes before it were used too.
    pub(super) fn continue_data<'i>(&mut self, input: &'i [u8], before: usize) -> Step<'i> {
        let Some(mut partial) = self.partial.take() else { return Ok((before, None)) };
        let (bytes, rest) = input.split_at(partial.left.min(input.len()));
        partial.left -= bytes.len();
        let whole = partial.left == 0;
        let padding = if whole { partial.padding.min(rest.len()) } else { 0 };
        partial.padding -= padding;
        let used = before + bytes.len() + padding;
        let stream = partial.stream.filter(|key| self.is_open(*key));
        let ends = whole && partial.end_stream;
        if ends {
            partial.end_stream = false;
        }
        if partial.left > 0 || partial.padding > 0 {
            self.partial = Some(PartialData { stream, ..partial });
        }
        let Some(key) = stream else {
            self.release_connection(bytes.len());
            return Ok((used, None));
        };
        if bytes.is_empty() && !ends {
            return Ok((used, None));
        }
        let tag = self.tag(key).unwrap_or(crate::stream::NO_TAG);
        if ends {
            self.peer_ended(key);
        }
        Ok((used, Some(Event::Data { stream: key, tag, bytes, end_stream: ends })))
    }

    /// Notes that the caller consumed `count` bytes of a stream's DATA: the peer may send as many more, which is
    /// told to it in halves of a window. Each byte of [`Event::Data`] is to be released once; of a stream that
    /// has ended too, since the connection's window still counts it.
    pub fn release(&mut self, stream: StreamKey, count: usize) {
        self.release_connection(count);
        self.release_stream(stream, count);
    }

    fn release_connection(&mut self, count: usize) {
        if let Some(increment) = self.receive_window.release(count, self.connection_window) {
            write::window_update(self.output.append(1), 0, increment);
        }
    }

    fn release_stream(&mut self, key: StreamKey, count: usize) {
        let window = self.stream_window;
        let Some(stream) = self.streams.get_mut(key) else { return };
        if stream.received_end {
            return;
        }
        if let Some(increment) = stream.receive.release(count, window) {
            write::window_update(self.output.append(1), key.id(), increment);
        }
    }
}
