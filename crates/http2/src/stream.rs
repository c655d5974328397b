//! The streams of a connection: a slab, and a look-up from numbers to places in it.

use std::collections::VecDeque;

use crate::flow::{ReceiveWindow, SendWindow};

/// No tag was set.
pub const NO_TAG: u32 = u32::MAX;

/// Reset streams that are remembered, so that what the peer had sent before it knew is ignored.
const REMEMBERED_RESETS: usize = 1024;

/// A stream of a connection. It stays valid, and means nothing any more, when the stream has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct StreamKey {
    id: u32,
    slot: u32,
}

impl StreamKey {
    /// Number of the stream on the wire.
    pub fn id(self) -> u32 {
        self.id
    }

    /// Place in the connection's table: small numbers, used again when a stream has ended.
    pub fn slot(self) -> usize {
        self.slot as usize
    }
}

/// What a stream waits for before it can send more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Waiting {
    Nothing,
    /// Its own window.
    Window,
    /// Its turn: the connection's window or room in the output.
    Turn,
}

pub struct Stream {
    pub id: u32,
    pub tag: u32,
    pub send: SendWindow,
    pub receive: ReceiveWindow,
    /// Bytes of body that are to come, where `content-length` says.
    pub content_left: Option<u64>,
    pub waiting: Waiting,
    /// The peer ended its side.
    pub received_end: bool,
    /// We ended our side.
    pub sent_end: bool,
    /// The head of the request or the final response came.
    pub head_received: bool,
    /// Where the last DATA frame was put in the output.
    pub last_data: Option<u64>,
    /// Our request was HEAD: the response has no body.
    pub head_request: bool,
    /// Our request was CONNECT.
    pub connect_request: bool,
}

impl Stream {
    pub fn new(id: u32, send_window: u32, receive_window: u32) -> Self {
        Self {
            id,
            tag: NO_TAG,
            send: SendWindow::new(send_window),
            receive: ReceiveWindow::new(receive_window),
            content_left: None,
            waiting: Waiting::Nothing,
            received_end: false,
            sent_end: false,
            head_received: false,
            last_data: None,
            head_request: false,
            connect_request: false,
        }
    }
}

/// Open streams, by key and by number.
#[derive(Default)]
pub struct Streams {
    /// Those with number 0 are free.
    slab: Vec<Stream>,
    free: Vec<u32>,
    by_id: ahash::HashMap<u32, u32>,
    /// The stream that was looked up last: frames of one stream often follow each other.
    last: Option<StreamKey>,
    /// Streams that we reset while the peer could still send, oldest first.
    resets: VecDeque<u32>,
    /// The highest of those that were forgotten.
    forgotten: u32,
}

impl Streams {
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    pub fn insert(&mut self, stream: Stream) -> StreamKey {
        let id = stream.id;
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slab[slot as usize] = stream;
                slot
            }
            None => {
                self.slab.push(stream);
                (self.slab.len() - 1) as u32
            }
        };
        self.by_id.insert(id, slot);
        let key = StreamKey { id, slot };
        self.last = Some(key);
        key
    }

    pub fn find(&mut self, id: u32) -> Option<StreamKey> {
        if let Some(last) = self.last.filter(|last| last.id == id) {
            return Some(last);
        }
        let key = StreamKey { id, slot: *self.by_id.get(&id)? };
        self.last = Some(key);
        Some(key)
    }

    pub fn get(&self, key: StreamKey) -> Option<&Stream> {
        self.slab.get(key.slot()).filter(|stream| stream.id == key.id && key.id != 0)
    }

    pub fn get_mut(&mut self, key: StreamKey) -> Option<&mut Stream> {
        self.slab.get_mut(key.slot()).filter(|stream| stream.id == key.id && key.id != 0)
    }

    pub fn remove(&mut self, key: StreamKey) {
        let Some(stream) = self.get_mut(key) else { return };
        stream.id = 0;
        self.by_id.remove(&key.id);
        self.free.push(key.slot);
        self.last = None;
    }

    /// Remembers that we reset a stream on which the peer may still send.
    pub fn remember_reset(&mut self, id: u32) {
        if self.resets.len() == REMEMBERED_RESETS {
            let oldest = self.resets.pop_front().unwrap_or(0);
            self.forgotten = self.forgotten.max(oldest);
        }
        self.resets.push_back(id);
    }

    /// True when a closed stream may be one that we reset.
    pub fn was_reset(&self, id: u32) -> bool {
        id <= self.forgotten || self.resets.contains(&id)
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (StreamKey, &mut Stream)> {
        let occupied = |(_, stream): &(usize, &mut Stream)| stream.id != 0;
        self.slab
            .iter_mut()
            .enumerate()
            .filter(occupied)
            .map(|(slot, stream)| (StreamKey { id: stream.id, slot: slot as u32 }, stream))
    }
}
