//! The frames that carry no message.

use super::receive::only_number;
use super::{Connection, Phase, Role};
use crate::error::{ConnectionError, ErrorCode, StreamFault};
use crate::event::Event;
use crate::frame::{flag, parse, parse::FrameHeader, write, MAX_31_BITS};
use crate::stream::Waiting;

type Outcome<'i> = Result<Option<Event<'i>>, ConnectionError>;

impl Connection {
    /// Priorities are not kept (RFC 9113 section 5.3.2); what is wrong is still said.
    pub(super) fn priority_frame<'i>(
        &mut self,
        header: FrameHeader,
        payload: &[u8],
    ) -> Outcome<'i> {
        if header.stream == 0 {
            return Err(ConnectionError::UnexpectedFrame);
        }
        self.count(header.kind, false)?;
        let fault = if payload.len() != 5 {
            StreamFault::PrioritySize
        } else if parse::number(payload)? & MAX_31_BITS == header.stream {
            StreamFault::SelfDependency
        } else {
            return Ok(None);
        };
        match (self.streams.find(header.stream), fault) {
            (Some(key), fault) => self.stream_fault(key, fault),
            (None, StreamFault::PrioritySize) => Err(ConnectionError::FrameSize),
            (None, _) => Err(ConnectionError::UnexpectedFrame),
        }
    }

    pub(super) fn reset_frame<'i>(&mut self, header: FrameHeader, payload: &[u8]) -> Outcome<'i> {
        let code = ErrorCode(only_number(payload)?);
        self.must_not_be_idle(header.stream)?;
        let Some(stream) = self.streams.find(header.stream) else { return Ok(None) };
        let tag = self.tag(stream).unwrap_or(crate::stream::NO_TAG);
        self.counters.rx_reset += 1;
        self.streams.remove(stream);
        Ok(Some(Event::Reset { stream, tag, code }))
    }

    pub(super) fn settings_frame<'i>(
        &mut self,
        header: FrameHeader,
        payload: &[u8],
    ) -> Outcome<'i> {
        if header.stream != 0 {
            return Err(ConnectionError::UnexpectedFrame);
        }
        if header.has(flag::ACK) {
            return if payload.is_empty() {
                Ok(self.acknowledged())
            } else {
                Err(ConnectionError::FrameSize)
            };
        }
        if payload.len() % 6 != 0 {
            return Err(ConnectionError::FrameSize);
        }
        self.phase = Phase::Open;
        let before = self.peer.initial_window_size;
        for (identifier, value) in parse::settings(payload) {
            self.peer.set(identifier, value, self.role == Role::Client)?;
            if identifier == crate::settings::id::HEADER_TABLE_SIZE {
                self.encoder.peer_allows(value as usize);
            }
        }
        self.change_send_windows(i64::from(self.peer.initial_window_size) - i64::from(before))?;
        write::settings_ack(self.output.append_control());
        Ok(Some(Event::Settings))
    }

    /// New initial windows hold for open streams too (RFC 9113 section 6.9.2).
    fn change_send_windows(&mut self, by: i64) -> Result<(), ConnectionError> {
        if by == 0 {
            return Ok(());
        }
        for (key, stream) in self.streams.iter_mut() {
            stream.send.change(by).map_err(|_| ConnectionError::FlowControl)?;
            if stream.waiting == Waiting::Window && stream.send.available() > 0 {
                stream.waiting = Waiting::Turn;
                self.waiting.push_back(key);
            }
        }
        Ok(())
    }

    /// The peer took our settings: from here on they hold.
    fn acknowledged<'i>(&mut self) -> Option<Event<'i>> {
        self.unacknowledged = self.unacknowledged.checked_sub(1)?;
        self.decoder.acknowledged(self.config.hpack_table_size as usize);
        let window = self.config.initial_stream_window_size.min(MAX_31_BITS);
        let by = i64::from(window) - i64::from(self.stream_window);
        self.stream_window = window;
        self.streams.iter_mut().for_each(|(_, stream)| stream.receive.change(by));
        Some(Event::SettingsAck)
    }

    pub(super) fn ping_frame<'i>(&mut self, header: FrameHeader, payload: &[u8]) -> Outcome<'i> {
        if header.stream != 0 {
            return Err(ConnectionError::UnexpectedFrame);
        }
        let payload: [u8; 8] = payload.try_into().map_err(|_| ConnectionError::FrameSize)?;
        if header.has(flag::ACK) {
            return Ok(Some(Event::Pong { payload }));
        }
        write::ping(self.output.append_control(), payload, true);
        Ok(None)
    }

    pub(super) fn go_away_frame<'i>(
        &mut self,
        header: FrameHeader,
        payload: &'i [u8],
    ) -> Outcome<'i> {
        if header.stream != 0 {
            return Err(ConnectionError::UnexpectedFrame);
        }
        let (fixed, debug) = payload.split_at_checked(8).ok_or(ConnectionError::FrameSize)?;
        let last = parse::number(fixed)? & MAX_31_BITS;
        let code = ErrorCode(parse::number(&fixed[4..])?);
        if self.received_goaway.is_some_and(|before| last > before) {
            return Err(ConnectionError::UnexpectedFrame);
        }
        self.received_goaway = Some(last);
        Ok(Some(Event::GoAway { last, code, debug }))
    }

    pub(super) fn window_update_frame<'i>(
        &mut self,
        header: FrameHeader,
        payload: &[u8],
    ) -> Outcome<'i> {
        let increment = only_number(payload)? & MAX_31_BITS;
        self.count(header.kind, false)?;
        if header.stream == 0 {
            if increment == 0 {
                return Err(ConnectionError::UnexpectedFrame);
            }
            let changed = self.send_window.change(i64::from(increment));
            changed.map_err(|_| ConnectionError::FlowControl)?;
            return Ok(Some(Event::Window { stream: None }));
        }
        self.must_not_be_idle(header.stream)?;
        let Some(key) = self.streams.find(header.stream) else { return Ok(None) };
        if increment == 0 {
            return self.stream_fault(key, StreamFault::EmptyWindowUpdate);
        }
        let Some(stream) = self.streams.get_mut(key) else { return Ok(None) };
        if stream.send.change(i64::from(increment)).is_err() {
            return self.stream_fault(key, StreamFault::WindowOverflow);
        }
        if stream.waiting == Waiting::Window && stream.send.available() > 0 {
            stream.waiting = Waiting::Turn;
            self.waiting.push_back(key);
        }
        Ok(Some(Event::Window { stream: Some((key, stream.tag)) }))
    }
}
