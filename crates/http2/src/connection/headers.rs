//! HEADERS and CONTINUATION.

use super::{Connection, Continued, Role};
use crate::error::{ConnectionError, ErrorCode, StreamFault};
use crate::event::{Event, HeadersKind};
use crate::floods::Flood;
use crate::frame::{flag, parse, parse::FrameHeader, MIN_MAX_FRAME_SIZE};
use crate::hpack::Limits;
use crate::message;
use crate::stream::{Stream, StreamKey, NO_TAG};

/// CONTINUATION frames of a block; Envoy takes 500 and does not take 1000.
const MAX_CONTINUATIONS: u32 = 512;

type Outcome<'i> = Result<Option<Event<'i>>, ConnectionError>;

impl Connection {
    pub(super) fn headers_frame<'i>(&mut self, header: FrameHeader, payload: &[u8]) -> Outcome<'i> {
        if header.stream == 0 {
            return Err(ConnectionError::UnexpectedFrame);
        }
        let (fragment, depends_on) = parse::headers(header, payload)?;
        let end_stream = header.has(flag::END_STREAM);
        self.count(header.kind, fragment.is_empty() && !end_stream)?;
        let block = Continued {
            stream: header.stream,
            end_stream,
            self_dependent: depends_on == Some(header.stream),
            frames: 0,
        };
        if header.has(flag::END_HEADERS) {
            self.decode(fragment)?;
            return self.block_decoded(block);
        }
        self.block.clear();
        self.block.extend_from_slice(fragment);
        self.continued = Some(block);
        Ok(None)
    }

    pub(super) fn continuation_frame<'i>(
        &mut self,
        header: FrameHeader,
        payload: &[u8],
    ) -> Outcome<'i> {
        let Some(mut block) = self.continued else { return Err(ConnectionError::Continuation) };
        self.count(header.kind, payload.is_empty())?;
        block.frames += 1;
        // A block that is too large is decoded all the same, within reason: it costs a stream, not the rest.
        let max_bytes = 4 * self.config.max_header_bytes + 4 * MIN_MAX_FRAME_SIZE as usize;
        if self.block.len() + payload.len() > max_bytes || block.frames > MAX_CONTINUATIONS {
            return Err(ConnectionError::Flood(Flood::Continuation));
        }
        self.block.extend_from_slice(payload);
        if !header.has(flag::END_HEADERS) {
            self.continued = Some(block);
            return Ok(None);
        }
        self.continued = None;
        let whole = std::mem::take(&mut self.block);
        let decoded = self.decode(&whole);
        self.block = whole;
        decoded?;
        self.block_decoded(block)
    }

    /// Every block is decoded, whatever becomes of it: the dynamic table has to follow.
    fn decode(&mut self, block: &[u8]) -> Result<(), ConnectionError> {
        let limits = Limits {
            max_bytes: self.config.max_header_bytes,
            max_fields: self.config.max_header_count,
        };
        self.decoder.decode(block, &mut self.fields, &limits).map_err(ConnectionError::Compression)
    }

    fn block_decoded<'i>(&mut self, block: Continued) -> Outcome<'i> {
        let id = block.stream;
        match self.streams.find(id) {
            Some(key) => self.next_block(key, block),
            None if !self.is_idle(id) => self.late_block(id),
            None if self.role == Role::Server && id % 2 == 1 => self.request_block(block),
            None => Err(ConnectionError::UnexpectedFrame),
        }
    }

    /// A block of a stream that has ended: to be ignored when the peer could not know that.
    fn late_block<'i>(&mut self, id: u32) -> Outcome<'i> {
        if !self.streams.was_reset(id) {
            return Err(ConnectionError::StreamClosed);
        }
        self.counters.headers_cb_no_stream += 1;
        Ok(None)
    }

    /// The first block of a new stream.
    fn request_block<'i>(&mut self, block: Continued) -> Outcome<'i> {
        let id = block.stream;
        self.last_peer_stream = id;
        self.inbound.stream_opened();
        if self.sent_goaway.is_some_and(|last| id > last) {
            self.streams.remember_reset(id);
            return Ok(None);
        }
        if self.streams.len() >= self.config.max_concurrent_streams as usize {
            self.counters.stream_refused_errors += 1;
            self.write_reset(id, ErrorCode::REFUSED_STREAM, block.end_stream);
            return Ok(None);
        }
        let mut stream = Stream::new(id, self.peer.initial_window_size, self.stream_window);
        stream.head_received = true;
        stream.received_end = block.end_stream;
        let key = self.streams.insert(stream);
        let judged = self.judge(block, |connection| {
            let config = &connection.config;
            message::request(
                &connection.fields,
                config.allow_space_around_values,
                config.allow_connect,
            )
        });
        let length = match judged {
            Ok(request) => request.content_length,
            Err(fault) => return self.stream_fault(key, fault),
        };
        self.head_done(key, block, HeadersKind::Request, length)
    }

    /// A block after the first of a request, or any of a response.
    fn next_block<'i>(&mut self, key: StreamKey, block: Continued) -> Outcome<'i> {
        let Some(stream) = self.streams.get(key) else { return Ok(None) };
        if stream.received_end {
            return Err(ConnectionError::StreamClosed);
        }
        if stream.head_received {
            return self.trailers_block(key, block);
        }
        let (head, connect) = (stream.head_request, stream.connect_request);
        let judged = self.judge(block, |connection| {
            let allow_space = connection.config.allow_space_around_values;
            message::response(&connection.fields, allow_space, connect)
        });
        let response = match judged {
            Ok(response) => response,
            Err(fault) => return self.stream_fault(key, fault),
        };
        if response.status < 200 {
            if block.end_stream {
                return self.stream_fault(key, StreamFault::InformationalEnd);
            }
            return Ok(Some(self.headers_event(key, HeadersKind::Informational, false)));
        }
        // What answers HEAD, and 204 and 304, has no body, whatever length it names.
        let no_body = head || matches!(response.status, 204 | 304);
        let length = if no_body { Some(0) } else { response.content_length };
        if let Some(stream) = self.streams.get_mut(key) {
            stream.head_received = true;
        }
        self.head_done(key, block, HeadersKind::Response, length)
    }

    fn trailers_block<'i>(&mut self, key: StreamKey, block: Continued) -> Outcome<'i> {
        let judged = self.judge(block, |connection| {
            message::trailers(&connection.fields, connection.config.allow_space_around_values)
        });
        let left = self.streams.get(key).and_then(|stream| stream.content_left);
        let fault = match judged {
            Err(fault) => Some(fault),
            Ok(()) if !block.end_stream => Some(StreamFault::TrailersNotLast),
            Ok(()) if left.is_some_and(|left| left > 0) => Some(StreamFault::MissingBody),
            Ok(()) => None,
        };
        if let Some(fault) = fault {
            return self.stream_fault(key, fault);
        }
        self.counters.trailers += 1;
        let event = self.headers_event(key, HeadersKind::Trailers, true);
        self.peer_ended(key);
        Ok(Some(event))
    }

    /// What is wrong with a decoded block, if anything is.
    fn judge<T>(
        &self,
        block: Continued,
        rules: impl FnOnce(&Self) -> Result<T, StreamFault>,
    ) -> Result<T, StreamFault> {
        if block.self_dependent {
            return Err(StreamFault::SelfDependency);
        }
        if self.fields.overflowed() {
            let too_large = self.fields.byte_size() > self.config.max_header_bytes;
            return Err(match too_large {
                true => StreamFault::HeadersTooLarge,
                false => StreamFault::TooManyHeaders,
            });
        }
        rules(self)
    }

    fn head_done<'i>(
        &mut self,
        key: StreamKey,
        block: Continued,
        kind: HeadersKind,
        length: Option<u64>,
    ) -> Outcome<'i> {
        if block.end_stream && length.is_some_and(|length| length > 0) {
            return self.stream_fault(key, StreamFault::MissingBody);
        }
        if let Some(stream) = self.streams.get_mut(key) {
            stream.content_left = length;
        }
        let event = self.headers_event(key, kind, block.end_stream);
        if block.end_stream {
            self.peer_ended(key);
        }
        Ok(Some(event))
    }

    fn headers_event<'i>(&self, key: StreamKey, kind: HeadersKind, end_stream: bool) -> Event<'i> {
        let tag = self.tag(key).unwrap_or(NO_TAG);
        Event::Headers { stream: key, tag, kind, end_stream }
    }
}
