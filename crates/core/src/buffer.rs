//! A byte buffer with a read and a write position, whose storage can be given back while it is empty.

/// Bytes read from a socket and not consumed yet.
///
/// The storage is allocated on the first write and dropped by [`Buffer::release`], so that an idle
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
            self.data.clear();
            self.start = 0;
        }
    }

    pub fn extend(&mut self, bytes: &[u8]) {
        self.data.extend_from_slice(bytes);
    }

    pub fn clear(&mut self) {
        self.data.clear();
        self.start = 0;
    }

    /// The storage behind the unread bytes, with room for at least `room` more.
    ///
    /// Unread bytes move to the front first, so a buffer that is drained does not grow.
    pub fn spare(&mut self, room: usize) -> &mut Vec<u8> {
        if self.start > 0 {
            self.data.drain(..self.start);
            self.start = 0;
        }
        if self.data.capacity() - self.data.len() < room {
            self.data.reserve(room);
        }
        &mut self.data
    }

    /// Drops the storage when nothing is in it.
    pub fn release(&mut self) {
        if self.is_empty() {
            self.data = Vec::new();
            self.start = 0;
        }
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
    fn release_keeps_unread_bytes() {
        let mut buffer = Buffer::new();
        buffer.extend(b"x");
        buffer.release();
        assert_eq!(buffer.bytes(), b"x");
        buffer.consume(1);
        buffer.release();
        assert_eq!(buffer.spare(0).capacity(), 0);
    }
}
