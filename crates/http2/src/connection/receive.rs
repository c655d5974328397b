//! Takes frames in, one at a time.

use super::{Connection, Phase, Role};
use crate::error::ConnectionError;
use crate::event::Event;
use crate::floods::Flood;
use crate::frame::{flag, kind, parse, parse::FrameHeader, HEADER, PREFACE};

/// Bytes of input that a step used, and what came of them.
pub(super) type Step<'i> = Result<(usize, Option<Event<'i>>), ConnectionError>;

impl Connection {
    /// Takes at most one frame from the start of `input`. Returns how many bytes it used, and what came of
    /// them; to be called again with the rest until it uses none, and then when more was read. DATA is taken
    /// as it comes, any other frame when all of it is there: `input` has to be able to hold a frame of
    /// `max_frame_size` and its 9 bytes.
    ///
    /// # Errors
    /// What ends the connection; from then on every call returns it.
    pub fn receive<'i>(&mut self, input: &'i [u8]) -> Step<'i> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let step = match self.phase {
            Phase::Preface(came) => self.preface(came, input),
            _ if self.partial.is_some() => self.continue_data(input, 0),
            _ => self.frame(input),
        };
        match (step, self.outbound_flood()) {
            (Ok(step), None) => Ok(step),
            (Err(error), _) | (Ok(_), Some(error)) => Err(self.fail(error)),
        }
    }

    /// Too many frames wait to be written.
    pub(super) fn outbound_flood(&self) -> Option<ConnectionError> {
        if self.output.frames() > self.config.max_outbound_frames {
            return Some(ConnectionError::Flood(Flood::Outbound));
        }
        let control = self.output.control_frames() > self.config.max_outbound_control_frames;
        control.then_some(ConnectionError::Flood(Flood::OutboundControl))
    }

    fn preface<'i>(&mut self, came: usize, input: &'i [u8]) -> Step<'i> {
        let expected = &PREFACE[came..];
        let count = expected.len().min(input.len());
        if input[..count] != expected[..count] {
            return Err(ConnectionError::BadPreface);
        }
        self.phase = match came + count {
            whole if whole == PREFACE.len() => Phase::FirstSettings,
            part => Phase::Preface(part),
        };
        Ok((count, None))
    }

    fn frame<'i>(&mut self, input: &'i [u8]) -> Step<'i> {
        let Some(header) = FrameHeader::parse(input) else { return Ok((0, None)) };
        self.is_expected(header)?;
        let rest = &input[HEADER..];
        if header.kind == kind::DATA {
            return self.begin_data(header, rest);
        }
        let Some(payload) = rest.get(..header.length) else { return Ok((0, None)) };
        let used = HEADER + header.length;
        let event = match header.kind {
            kind::HEADERS => self.headers_frame(header, payload)?,
            kind::CONTINUATION => self.continuation_frame(header, payload)?,
            kind::PRIORITY => self.priority_frame(header, payload)?,
            kind::RST_STREAM => self.reset_frame(header, payload)?,
            kind::SETTINGS => self.settings_frame(header, payload)?,
            kind::PING => self.ping_frame(header, payload)?,
            kind::GOAWAY => self.go_away_frame(header, payload)?,
            kind::WINDOW_UPDATE => self.window_update_frame(header, payload)?,
            // Push is switched off, and clients have none to make.
            kind::PUSH_PROMISE => return Err(ConnectionError::UnexpectedFrame),
            kind::METADATA if self.config.allow_metadata => self.metadata_frame(header, payload)?,
            _ => None,
        };
        Ok((used, event))
    }

    /// What can be told of a frame by its first bytes.
    fn is_expected(&self, header: FrameHeader) -> Result<(), ConnectionError> {
        if self.phase == Phase::FirstSettings
            && (header.kind != kind::SETTINGS || header.has(flag::ACK))
        {
            return Err(ConnectionError::NoSettings);
        }
        if header.length > self.config.max_frame_size as usize {
            return Err(ConnectionError::FrameSize);
        }
        let continues = self.continued.map(|block| block.stream);
        let expected = (header.kind == kind::CONTINUATION).then_some(header.stream);
        if continues != expected {
            return Err(ConnectionError::Continuation);
        }
        Ok(())
    }

    /// Counts a frame against the limits on floods.
    pub(super) fn count(&mut self, kind: u8, empty: bool) -> Result<(), ConnectionError> {
        self.inbound.frame(kind, empty, &self.config).map_err(ConnectionError::Flood)
    }

    /// True of a stream that was never open, of which only the start may be heard.
    pub(super) fn is_idle(&self, id: u32) -> bool {
        let by_client = id % 2 == 1;
        match (self.role, by_client) {
            (Role::Server, true) => id > self.last_peer_stream,
            (Role::Client, true) => id >= self.next_stream,
            (_, false) => true,
        }
    }

    /// Frames of a stream must name one, and one that is not idle.
    pub(super) fn must_not_be_idle(&self, id: u32) -> Result<(), ConnectionError> {
        if id == 0 || self.is_idle(id) {
            Err(ConnectionError::UnexpectedFrame)
        } else {
            Ok(())
        }
    }
}

/// The number that a frame of four bytes says.
pub(super) fn only_number(payload: &[u8]) -> Result<u32, ConnectionError> {
    if payload.len() == 4 {
        parse::number(payload)
    } else {
        Err(ConnectionError::FrameSize)
    }
}
