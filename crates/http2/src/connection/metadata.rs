//! METADATA, Envoy's extension: fields that go with a stream or the connection at any time. The frame is of type
//! 0x4d, its flag 0x4 ends a block, and a block is HPACK that refers to no dynamic table.

use super::Connection;
use crate::error::ConnectionError;
use crate::event::Event;
use crate::frame::{flag, kind, parse::FrameHeader, write};
use crate::hpack::{Decoder, Encoder, FieldRef, Limits};
use crate::stream::{StreamKey, NO_TAG};

/// Blocks of metadata that are not whole yet, by stream.
#[derive(Default)]
pub(super) struct Partial(Vec<(u32, Vec<u8>)>);

impl Partial {
    /// Appends to a stream's block; false when it is then larger than `max`.
    fn append(&mut self, stream: u32, payload: &[u8], max: usize) -> bool {
        let place = self.0.iter().position(|(id, _)| *id == stream).unwrap_or_else(|| {
            self.0.push((stream, Vec::new()));
            self.0.len() - 1
        });
        let block = &mut self.0[place].1;
        if block.len() + payload.len() > max {
            return false;
        }
        block.extend_from_slice(payload);
        true
    }

    fn take(&mut self, stream: u32) -> Vec<u8> {
        let place = self.0.iter().position(|(id, _)| *id == stream);
        place.map(|place| self.0.swap_remove(place).1).unwrap_or_default()
    }
}

impl Connection {
    pub(super) fn metadata_frame<'i>(
        &mut self,
        header: FrameHeader,
        payload: &[u8],
    ) -> Result<Option<Event<'i>>, ConnectionError> {
        let stream = match header.stream {
            0 => None,
            id => match self.streams.find(id) {
                Some(key) => Some((key, self.tag(key).unwrap_or(NO_TAG))),
                None => return Ok(None),
            },
        };
        if payload.is_empty() {
            self.counters.metadata_empty_frames += 1;
        }
        let max = self.config.max_metadata_size;
        let streams = &mut self.streams;
        self.metadata.0.retain(|(id, _)| *id == 0 || streams.find(*id).is_some());
        if !self.metadata.append(header.stream, payload, max) {
            return Err(ConnectionError::FrameSize);
        }
        if !header.has(flag::END_METADATA) {
            return Ok(None);
        }
        let block = self.metadata.take(header.stream);
        let limits = Limits { max_bytes: max, max_fields: usize::MAX };
        Decoder::new(0, self.config.classify)
            .decode(&block, &mut self.fields, &limits)
            .map_err(ConnectionError::Compression)?;
        Ok(Some(Event::Metadata { stream }))
    }

    /// METADATA frames are taken.
    pub fn allows_metadata(&self) -> bool {
        self.config.allow_metadata
    }

    /// Sends metadata of a stream or (`None`) the connection, whether the peer takes such frames or not: it
    /// skips what it does not know.
    pub fn send_metadata<'f>(
        &mut self,
        stream: Option<StreamKey>,
        fields: impl Iterator<Item = FieldRef<'f>>,
    ) {
        let id = match stream {
            None => 0,
            Some(key) if self.is_open(key) => key.id(),
            Some(_) => return,
        };
        let mut encoder = Encoder::new(0, false);
        let mut block = Vec::new();
        for field in fields {
            encoder.field(FieldRef { never_index: true, ..field }, &mut block);
        }
        let mut chunks = block.chunks(self.peer.max_frame_size as usize).peekable();
        while let Some(chunk) = chunks.next() {
            let flags = if chunks.peek().is_none() { flag::END_METADATA } else { 0 };
            let out = self.output.append(1);
            write::header(out, chunk.len(), kind::METADATA, flags, id);
            out.extend_from_slice(chunk);
        }
    }
}
