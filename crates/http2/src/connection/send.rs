//! What the caller sends.

use std::fmt;

use super::{Connection, Role};
use crate::frame::{flag, kind, write, HEADER, MAX_31_BITS, MIN_MAX_FRAME_SIZE};
use crate::hpack::FieldRef;
use crate::stream::{Stream, StreamKey, Waiting};

/// Why no stream can be opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OpenError {
    /// As many are open as the peer allows: one that ends makes room.
    TooManyStreams,
    /// All numbers were used: another connection is needed.
    NoNumbersLeft,
    /// Either side said GOAWAY, or the connection failed: another connection is needed.
    GoingAway,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooManyStreams => "the peer allows no more streams now",
            Self::NoNumbersLeft => "the connection has no stream numbers left",
            Self::GoingAway => "the connection is going away",
        })
    }
}

impl std::error::Error for OpenError {}

impl Connection {
    /// True when [`Connection::open_stream`] would open one.
    pub fn can_open(&self) -> Result<(), OpenError> {
        if self.failed.is_some() || self.is_going_away() {
            return Err(OpenError::GoingAway);
        }
        if self.next_stream > MAX_31_BITS {
            return Err(OpenError::NoNumbersLeft);
        }
        if self.streams.len() >= self.max_open_streams() as usize {
            return Err(OpenError::TooManyStreams);
        }
        Ok(())
    }

    /// Streams that may be open at a time: what both the peer's SETTINGS and the configuration allow. Before
    /// SETTINGS came the peer's share is a guess.
    pub fn max_open_streams(&self) -> u32 {
        self.peer.max_concurrent_streams.min(self.config.max_concurrent_streams)
    }

    /// Starts a request: opens a stream and sends its head. Only clients do. Pseudo headers come first.
    ///
    /// # Errors
    /// When no stream can be opened; nothing was sent then.
    pub fn open_stream<'f>(
        &mut self,
        fields: impl Iterator<Item = FieldRef<'f>>,
        end_stream: bool,
    ) -> Result<StreamKey, OpenError> {
        self.can_open()?;
        debug_assert_eq!(self.role, Role::Client);
        let id = self.next_stream;
        self.next_stream += 2;
        self.inbound.stream_opened();
        let stream = Stream::new(id, self.peer.initial_window_size, self.stream_window);
        let key = self.streams.insert(stream);
        let (mut head, mut connect) = (false, false);
        let noted = fields.inspect(|field| {
            if field.static_index == 2 || field.name == b":method" {
                head = field.value == b"HEAD";
                connect = field.value == b"CONNECT";
            }
        });
        self.write_headers(id, noted, end_stream);
        if let Some(stream) = self.streams.get_mut(key) {
            (stream.head_request, stream.connect_request) = (head, connect);
        }
        if end_stream {
            self.we_ended(key);
        }
        Ok(key)
    }

    /// Sends a head (also a 1xx one) or trailers; the caller sees to what is legal. Pseudo headers come first.
    /// Nothing is sent on a stream that has ended or whose end was sent.
    pub fn send_headers<'f>(
        &mut self,
        stream: StreamKey,
        fields: impl Iterator<Item = FieldRef<'f>>,
        end_stream: bool,
    ) {
        if self.streams.get(stream).is_none_or(|stream| stream.sent_end) {
            return;
        }
        self.write_headers(stream.id(), fields, end_stream);
        if end_stream {
            self.we_ended(stream);
        }
    }

    fn write_headers<'f>(
        &mut self,
        id: u32,
        fields: impl Iterator<Item = FieldRef<'f>>,
        end_stream: bool,
    ) {
        let out = self.output.append(0);
        let at = out.len();
        write::header(out, 0, kind::HEADERS, 0, id);
        self.encoder.begin(out);
        for field in fields {
            self.encoder.field(field, out);
        }
        let flags = if end_stream { flag::END_STREAM } else { 0 };
        let max = self.peer.max_frame_size as usize;
        let frames = write::finish_block(out, at, flags, id, max);
        self.output.append(frames);
    }

    /// Bytes that [`Connection::send_data`] would take now.
    pub fn send_window(&self, stream: StreamKey) -> usize {
        let Some(stream) = self.streams.get(stream).filter(|stream| !stream.sent_end) else {
            return 0;
        };
        if self.output.pending().len() >= self.config.max_pending_output {
            return 0;
        }
        stream.send.available().min(self.send_window.available())
    }

    /// Sends as much of `bytes` as the two windows and the room in the output allow, and returns how much that
    /// is; `end_stream` holds once all was taken. When it was not, [`Connection::next_writable`] will name the
    /// stream once it is worth trying again. Takes nothing on a stream that has ended.
    pub fn send_data(&mut self, stream: StreamKey, bytes: &[u8], end_stream: bool) -> usize {
        let key = stream;
        let mut sent = 0;
        loop {
            let room = self.send_window(key);
            let left = bytes.len() - sent;
            let count = left.min(room).min(MIN_MAX_FRAME_SIZE as usize);
            let Some(stream) = self.streams.get_mut(key).filter(|stream| !stream.sent_end) else {
                return sent;
            };
            let last = count == left;
            if count > 0 || (last && end_stream) {
                let chunk = &bytes[sent..sent + count];
                stream.last_data = Some(self.output.position());
                write::data(self.output.append(1), key.id(), chunk, last && end_stream);
                stream.send.take(count);
                self.send_window.take(count);
                self.inbound.data_sent(count);
                sent += count;
            }
            if last {
                if end_stream {
                    self.we_ended(key);
                }
                return sent;
            }
            if count == 0 {
                self.wait(key);
                return sent;
            }
        }
    }

    /// Ends our side of a stream: by a flag of its last DATA frame where nothing of that was written yet, else by
    /// an empty one.
    pub fn end_stream(&mut self, stream: StreamKey) {
        let Some(found) = self.streams.get(stream).filter(|stream| !stream.sent_end) else {
            return;
        };
        match found.last_data.is_some_and(|at| self.output.add_flag(at, flag::END_STREAM)) {
            true => self.we_ended(stream),
            false => {
                self.send_data(stream, b"", true);
            }
        }
    }

    /// Notes that a stream has more to send than it may.
    fn wait(&mut self, key: StreamKey) {
        let Some(stream) = self.streams.get_mut(key) else { return };
        if stream.send.available() == 0 {
            stream.waiting = Waiting::Window;
        } else if stream.waiting != Waiting::Turn {
            stream.waiting = Waiting::Turn;
            self.waiting.push_back(key);
        }
    }

    /// The next stream, with its tag, that `send_data` took less of than it was given and that can now send
    /// more. Streams take turns. To be called until it returns `None` whenever output was written or
    /// [`crate::Event::Window`] or [`crate::Event::Settings`] came.
    pub fn next_writable(&mut self) -> Option<(StreamKey, u32)> {
        let full = self.output.pending().len() + HEADER >= self.config.max_pending_output;
        if full || self.send_window.available() == 0 {
            return None;
        }
        while let Some(key) = self.waiting.pop_front() {
            let Some(stream) = self.streams.get_mut(key) else { continue };
            if stream.waiting != Waiting::Turn {
                continue;
            }
            if stream.send.available() == 0 {
                stream.waiting = Waiting::Window;
                continue;
            }
            stream.waiting = Waiting::Nothing;
            return Some((key, stream.tag));
        }
        None
    }

    /// Sends a PING; [`crate::Event::Pong`] tells of its answer.
    pub fn ping(&mut self, payload: [u8; 8]) {
        write::ping(self.output.append(1), payload, false);
    }
}
