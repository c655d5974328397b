//! Storage of header blocks that a worker uses again.

use std::cell::RefCell;

use super::Headers;

/// How many blocks are kept, and the largest arena worth keeping.
const KEPT: usize = 64;
const LARGEST: usize = 16 * 1024;
/// Room for the headers of most messages.
const BYTES: usize = 1024;
const ENTRIES: usize = 24;

/// Empty header blocks: an allocation the less for each message.
#[derive(Default)]
pub struct SpareHeaders(RefCell<Vec<Headers>>);

impl SpareHeaders {
    pub fn take(&self) -> Headers {
        let kept = self.0.borrow_mut().pop();
        kept.unwrap_or_else(|| Headers::with_capacity(BYTES, ENTRIES))
    }

    pub fn give(&self, mut headers: Headers) {
        let mut kept = self.0.borrow_mut();
        if kept.len() < KEPT && (1..=LARGEST).contains(&headers.arena.capacity()) {
            headers.clear();
            kept.push(headers);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::SpareHeaders;
    use crate::headers::{HeaderId, Headers};

    #[test]
    fn a_block_comes_back_empty_with_its_storage() {
        let spare = SpareHeaders::default();
        let mut block = spare.take();
        block.append(HeaderId::Via, b"x");
        let place = block.arena.as_ptr();
        spare.give(block);
        let again = spare.take();
        assert!(again.is_empty());
        assert_eq!(again.arena.as_ptr(), place);
        spare.give(Headers::new());
        assert!(spare.0.borrow().is_empty(), "nothing is kept of a block without storage");
    }
}
