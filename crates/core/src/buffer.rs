//! A byte buffer with a read and a write position, whose storage is borrowed from the worker while it is not
//! empty.

use std::cell::RefCell;

/// Storage that a worker keeps for the next read: how much, and the smallest and the largest worth keeping.
const KEPT: usize = 16;
const SMALLEST_KEPT: usize = 4 * 1024;
const LARGEST_KEPT: usize = 512 * 1024;

thread_local! {
    /// The storage that was given back last is in the cache of the processor: it is used first. An allocator
    /// would give pages of this size back to the system and take them again.
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Storage that was given back, or none yet.
pub fn borrow_storage() -> Vec<u8> {
    SPARE.with_borrow_mut(Vec::pop).unwrap_or_default()
}

/// Keeps empty storage for the next read or write of the worker.
#[inline]
pub fn return_storage(storage: Vec<u8>) {
    if storage.capacity() > 0 {
        keep(storage);
    }
}

fn keep(storage: Vec<u8>) {
    if (SMALLEST_KEPT..=LARGEST_KEPT).contains(&storage.capacity()) {
        SPARE.with_borrow_mut(|spare| {
            if spare.len() < KEPT {
                spare.push(storage);
            }
        });
    }
}

/// Bytes read from a socket and not consumed yet.
///
/// The storage is taken when something is written and given back when all of it was consumed, so that an idle
/// connection costs none.
#[derive(Default)]
pub struct Buffer {
    data: Vec<u8>,
    start: usize,
}

impl Buffer {
    pub fn new() -> Self {
        Self::default()
    }

    /// The bytes not consumed yet.
    pub fn bytes(&self) -> &[u8] {
        &self.data[self.start..]
    }

    pub fn len(&self) -> usize {
        self.data.len() - self.start
    }

    pub fn is_empty(&self) -> bool {
        self.start == self.data.len()
    }

    /// Marks the first `count` bytes as used. More than there are is all there are.
    pub fn consume(&mut self, count: usize) {
        self.start = self.data.len().min(self.start + count);
        if self.start == self.data.len() {
            self.clear();
        }
    }

    pub fn extend(&mut self, bytes: &[u8]) {
        self.spare(bytes.len());
        self.data.extend_from_slice(bytes);
    }

    pub fn clear(&mut self) {
        let mut storage = std::mem::take(&mut self.data);
        self.start = 0;
        storage.clear();
        return_storage(storage);
    }

    /// The storage behind the unread bytes, with room for at least `room` more.
    ///
    /// Unread bytes move to the front first, so a buffer that is drained does not grow.
    pub fn spare(&mut self, room: usize) -> &mut Vec<u8> {
        if self.data.capacity() == 0 {
            self.data = borrow_storage();
        }
        if self.start > 0 {
            self.data.drain(..self.start);
            self.start = 0;
        }
        if self.data.capacity() - self.data.len() < room {
            self.grow(room);
        }
        &mut self.data
    }

    /// Makes room; empty storage that is too small is exchanged, for to enlarge it would copy all of it.
    fn grow(&mut self, room: usize) {
        match self.data.is_empty() {
            true => self.data = Vec::with_capacity(room),
            false => self.data.reserve(room),
        }
    }

    /// The same, with storage of its own that has no more room than that: what is borrowed may have.
    pub fn spare_exact(&mut self, room: usize) -> &mut Vec<u8> {
        if self.start > 0 {
            self.data.drain(..self.start);
            self.start = 0;
        }
        self.data.reserve_exact(room);
        &mut self.data
    }

    /// How much can be appended without moving or growing.
    pub fn room(&self) -> usize {
        self.data.capacity() - self.data.len()
    }

    /// The same as [`Buffer::spare`], but unread bytes do not move.
    pub fn spare_in_place(&mut self, room: usize) -> &mut Vec<u8> {
        if self.data.capacity() == 0 {
            self.data = borrow_storage();
        }
        self.data.reserve(room);
        &mut self.data
    }

    /// Gives the storage back when nothing is in it, as after a read that found nothing.
    pub fn release(&mut self) {
        if self.is_empty() {
            self.clear();
        }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::Buffer;

    #[test]
    fn consumed_bytes_are_gone_and_room_is_made_at_the_front() {
        let mut buffer = Buffer::new();
        buffer.extend(b"hello world");
        buffer.consume(6);
        assert_eq!(buffer.bytes(), b"world");
        let before = buffer.spare(4).len();
        assert_eq!(before, 5);
        buffer.extend(b"!!");
        assert_eq!(buffer.bytes(), b"world!!");
        buffer.consume(100);
        assert!(buffer.is_empty());
    }

    #[test]
    fn storage_is_given_back_with_the_last_byte_and_used_again() {
        let mut buffer = Buffer::new();
        buffer.spare(5000);
        buffer.extend(b"xy");
        let place = buffer.bytes().as_ptr();
        buffer.consume(1);
        buffer.release();
        assert_eq!(buffer.bytes(), b"y");
        buffer.consume(1);
        let mut other = Buffer::new();
        other.extend(b"z");
        assert_eq!(other.bytes().as_ptr(), place);
    }
}
