//! Letting a body go no faster than so many bytes a second, in slices of a sixteenth of one.

use std::task::{ready, Context, Poll};
use std::time::{Duration, Instant};

use crate::clock;
use crate::timer::Timer;

const SLICES_PER_SECOND: u64 = 16;
const SLICE: Duration = Duration::from_micros(1_000_000 / SLICES_PER_SECOND);
/// What is not used for longer is lost.
const SAVED: Duration = Duration::from_secs(1);

/// What a body may still pass now.
pub struct Pace {
    timer: Timer,
    bytes_per_slice: usize,
    granted: usize,
    /// When the next slice may go.
    next: Instant,
}

impl Pace {
    pub fn new(timer: Timer, bytes_per_second: u64) -> Self {
        let bytes = (bytes_per_second / SLICES_PER_SECOND).max(1);
        let bytes_per_slice = usize::try_from(bytes).unwrap_or(usize::MAX);
        Self { timer, bytes_per_slice, granted: 0, next: clock::now() }
    }

    /// How many of `waiting` bytes may pass; ready when that is one at least.
    pub fn poll(&mut self, cx: &Context<'_>, waiting: usize) -> Poll<usize> {
        if self.granted == 0 {
            ready!(self.timer.poll(cx, Some(self.next)));
            let earliest = clock::now().checked_sub(SAVED).unwrap_or(self.next);
            self.next = self.next.max(earliest) + SLICE;
            self.granted = self.bytes_per_slice;
        }
        Poll::Ready(waiting.min(self.granted))
    }

    /// So many bytes have passed.
    pub fn took(&mut self, count: usize) {
        self.granted = self.granted.saturating_sub(count);
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};
    use std::time::Duration;

    use super::{Pace, SLICE};
    use crate::clock;
    use crate::timer::Timers;

    #[test]
    fn a_slice_passes_and_the_next_one_waits() {
        let cx = Context::from_waker(Waker::noop());
        let mut pace = Pace::new(Timers::new().timer(), 16 * 100);
        assert_eq!(pace.poll(&cx, 30), Poll::Ready(30));
        pace.took(30);
        assert_eq!(pace.poll(&cx, 500), Poll::Ready(70));
        pace.took(70);
        pace.next = clock::now() + Duration::from_secs(60);
        assert_eq!(pace.poll(&cx, 500), Poll::Pending);
    }

    #[test]
    fn what_is_not_used_adds_up_for_a_second() {
        let cx = Context::from_waker(Waker::noop());
        let mut pace = Pace::new(Timers::new().timer(), 1);
        pace.next = clock::now().checked_sub(Duration::from_secs(3)).unwrap();
        assert_eq!(pace.poll(&cx, 5), Poll::Ready(1));
        let saved = clock::now().duration_since(pace.next);
        assert!(saved <= Duration::from_secs(1) && saved > Duration::from_secs(1) - 2 * SLICE);
    }
}
