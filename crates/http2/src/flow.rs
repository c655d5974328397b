//! Flow control (RFC 9113 section 5.2): what may be sent, and what was received and not yet released.

use crate::frame::MAX_31_BITS;

/// Bytes that may be sent; below 0 when SETTINGS made the window smaller than what was sent.
#[derive(Clone, Copy, Debug)]
pub struct SendWindow(i32);

/// The window would pass 2^31-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overflow;

impl SendWindow {
    pub fn new(size: u32) -> Self {
        Self(size.min(MAX_31_BITS) as i32)
    }

    pub fn available(self) -> usize {
        self.0.max(0) as usize
    }

    /// `count` is at most what is available.
    pub fn take(&mut self, count: usize) {
        self.0 -= count as i32;
    }

    /// Changes by a WINDOW_UPDATE or by new SETTINGS.
    pub fn change(&mut self, by: i64) -> Result<(), Overflow> {
        self.0 = i32::try_from(i64::from(self.0) + by).map_err(|_| Overflow)?;
        Ok(())
    }
}

/// Bytes that the peer may still send, and those that were released and not yet told.
#[derive(Clone, Copy, Debug)]
pub struct ReceiveWindow {
    left: i64,
    released: u32,
}

impl ReceiveWindow {
    pub fn new(size: u32) -> Self {
        Self { left: i64::from(size), released: 0 }
    }

    /// Takes `count` received bytes; false when there is no such room.
    #[must_use]
    pub fn take(&mut self, count: usize) -> bool {
        let count = count as i64;
        if count > self.left.max(0) {
            return count == 0;
        }
        self.left -= count;
        true
    }

    /// Notes that `count` bytes were consumed. Returns the increment to be told to the peer, once it is half of
    /// `size`: few updates, and the window never runs dry while bytes are consumed.
    #[must_use]
    pub fn release(&mut self, count: usize, size: u32) -> Option<u32> {
        self.released = self.released.saturating_add(count as u32).min(MAX_31_BITS);
        if self.released == 0 || self.released < size / 2 {
            return None;
        }
        let increment = std::mem::take(&mut self.released);
        self.left += i64::from(increment);
        Some(increment)
    }

    /// Changes by our own SETTINGS, once they are acknowledged.
    pub fn change(&mut self, by: i64) {
        self.left += by;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn updates_come_in_halves() {
        let mut window = ReceiveWindow::new(100);
        assert!(window.take(100));
        assert!(!window.take(1));
        assert!(window.take(0));
        assert_eq!(window.release(49, 100), None);
        assert_eq!(window.release(1, 100), Some(50));
        assert!(window.take(50) && !window.take(1));
    }

    #[test]
    fn a_send_window_may_go_below_zero_and_not_past_the_top() {
        let mut window = SendWindow::new(10);
        window.take(10);
        assert_eq!(window.change(-5), Ok(()));
        assert_eq!(window.available(), 0);
        assert_eq!(window.change(i64::from(MAX_31_BITS)), Ok(()));
        assert_eq!(window.change(6), Err(Overflow));
    }
}
