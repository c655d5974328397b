//! What is looked for in what a host sends.

use memchr::memmem;

use crate::compile::{CompileError, Result};

/// Pieces that have to come in this order, with anything between them.
#[derive(Default)]
pub struct Payload(Vec<Vec<u8>>);

impl Payload {
    pub fn new(pieces: &[Vec<u8>]) -> Self {
        Self(pieces.to_vec())
    }

    /// Nothing is looked for.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn is_in(&self, bytes: &[u8]) -> bool {
        let mut rest = bytes;
        self.0.iter().all(|piece| match memmem::find(rest, piece) {
            Some(at) => {
                rest = &rest[at + piece.len()..];
                true
            }
            None => false,
        })
    }

    /// # Errors
    /// They are more than `limit` bytes (0: no limit) can hold.
    pub fn check_fits(&self, limit: u64) -> Result<()> {
        let total = self.0.iter().map(|piece| piece.len() as u64).sum::<u64>();
        if limit != 0 && total > limit {
            return Err(CompileError::new(format!(
                "The expected response length '{total}' is over than http health response buffer \
                 size '{limit}'"
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Payload;

    #[test]
    fn pieces_come_in_their_order() {
        let payload = Payload::new(&[b"ab".to_vec(), b"b".to_vec(), b"c".to_vec()]);
        assert!(payload.is_in(b"-ab-b--c-"));
        assert!(!payload.is_in(b"abc"), "b is found once");
        assert!(!payload.is_in(b"c ab b"));
        assert!(Payload::default().is_in(b"") && Payload::default().is_empty());
        assert!(payload.check_fits(4).is_ok() && payload.check_fits(0).is_ok());
        assert!(payload.check_fits(3).is_err());
    }
}
