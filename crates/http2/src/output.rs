//! What waits to be written, and how many frames it is.

use crate::frame::{flag, kind, parse::FrameHeader, HEADER};

/// Bytes written already that are worth moving the rest for.
const WORTH_MOVING: usize = 32 * 1024;

/// Where the flags stand in the header of a frame.
const FLAGS: usize = 4;

/// Frames to be written, in one buffer.
#[derive(Default)]
pub struct Output {
    bytes: Vec<u8>,
    /// Bytes that were taken out before those of `bytes`.
    before: u64,
    /// Where what is not yet written starts.
    start: usize,
    /// Where the oldest frame starts that is not written whole.
    frame: usize,
    frames: u32,
    control: u32,
}

/// Answers to PING and SETTINGS, and RST_STREAM: what a peer can have us send at little cost to itself.
fn is_control(kind: u8, flags: u8) -> bool {
    match kind {
        kind::PING | kind::SETTINGS => flags & flag::ACK != 0,
        kind::RST_STREAM => true,
        _ => false,
    }
}

impl Output {
    /// Where to append `frames` frames, none of which is one of control.
    pub fn append(&mut self, frames: u32) -> &mut Vec<u8> {
        self.frames += frames;
        &mut self.bytes
    }

    /// Where the next frame will begin, as [`Output::add_flag`] takes it.
    pub fn position(&self) -> u64 {
        self.before + self.bytes.len() as u64
    }

    /// Sets a flag of the frame that begins at `position`; false when some of it was written already.
    pub fn add_flag(&mut self, position: u64, flag: u8) -> bool {
        let Some(at) = position.checked_sub(self.before).map(|at| at as usize) else {
            return false;
        };
        match self.bytes.get_mut(at + FLAGS) {
            Some(flags) if at >= self.start => {
                *flags |= flag;
                true
            }
            _ => false,
        }
    }

    /// Where to append one frame of control.
    pub fn append_control(&mut self) -> &mut Vec<u8> {
        self.control += 1;
        self.append(1)
    }

    /// Where to append what is no frame: it must be the first.
    pub fn append_preface(&mut self, preface: &[u8]) {
        self.bytes.extend_from_slice(preface);
        self.frame = self.bytes.len();
    }

    pub fn pending(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    pub fn frames(&self) -> u32 {
        self.frames
    }

    pub fn control_frames(&self) -> u32 {
        self.control
    }

    /// Notes that the first `count` bytes were written.
    pub fn consume(&mut self, count: usize) {
        self.start = self.bytes.len().min(self.start + count);
        if self.start == self.bytes.len() {
            self.before += self.bytes.len() as u64;
            self.bytes.clear();
            (self.start, self.frame, self.frames, self.control) = (0, 0, 0, 0);
            return;
        }
        while let Some(header) = self.bytes.get(self.frame..).and_then(FrameHeader::parse) {
            let end = self.frame + HEADER + header.length;
            if end > self.start {
                break;
            }
            self.frame = end;
            self.frames = self.frames.saturating_sub(1);
            if is_control(header.kind, header.flags) {
                self.control = self.control.saturating_sub(1);
            }
        }
        let moved = self.frame.min(self.start);
        if moved >= WORTH_MOVING && moved * 2 >= self.bytes.len() {
            self.before += moved as u64;
            self.bytes.drain(..moved);
            self.start -= moved;
            self.frame -= moved;
        }
    }

    /// Exchanges the storage, while nothing waits; false when something does.
    pub fn swap_storage(&mut self, other: &mut Vec<u8>) -> bool {
        if !self.bytes.is_empty() {
            return false;
        }
        other.clear();
        std::mem::swap(&mut self.bytes, other);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;
    use crate::frame::{flag, write, PREFACE};

    #[test]
    fn frames_are_counted_until_they_are_written_whole() {
        let mut output = Output::default();
        output.append_preface(PREFACE);
        write::settings(output.append(1), [(1, 2)].into_iter());
        write::ping(output.append_control(), [0; 8], true);
        write::reset(output.append_control(), 1, ErrorCode::CANCEL);
        assert_eq!((output.frames(), output.control_frames()), (3, 2));
        output.consume(24 + 14);
        assert_eq!(output.frames(), 3);
        output.consume(1);
        assert_eq!((output.frames(), output.control_frames()), (2, 2));
        output.consume(17);
        assert_eq!((output.frames(), output.control_frames()), (1, 1));
        output.consume(13);
        assert_eq!((output.frames(), output.control_frames()), (0, 0));
        assert!(output.pending().is_empty());
    }

    #[test]
    fn a_flag_is_added_while_nothing_of_its_frame_is_written() {
        let mut output = Output::default();
        write::data(output.append(1), 1, b"a", false);
        let position = output.position();
        write::data(output.append(1), 3, b"b", false);
        output.consume(10);
        assert!(output.add_flag(position, flag::END_STREAM));
        assert_eq!(output.pending()[FLAGS], flag::END_STREAM);
        output.consume(1);
        assert!(!output.add_flag(position, flag::END_STREAM));
        output.consume(9);
        assert!(!output.add_flag(position, flag::END_STREAM));
    }

    #[test]
    fn what_was_written_is_given_back() {
        let mut output = Output::default();
        for _ in 0..1000 {
            write::data(output.append(1), 1, &[7; 1000], false);
            write::data(output.append(1), 1, &[7; 1000], false);
            let all = output.pending().len();
            output.consume(2018.min(all - 5));
        }
        assert!(output.bytes.len() < 2 * WORTH_MOVING + 4036);
        assert_eq!(output.frames(), 1);
    }
}
