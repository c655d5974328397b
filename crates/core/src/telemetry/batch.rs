//! Items that a worker collects for a receiver, to send many of them together.
//!
//! A batch has an end: while the receiver takes nothing, items are collected until the batch is full, and what
//! comes then is dropped. Who adds an item hears of that, and counts it.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::timer::Timers;

/// When a batch is sent: with the first of these that it reaches.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Zero: each item is sent by itself.
    pub bytes: usize,
    pub items: u64,
    /// The time between two batches.
    pub interval: Duration,
}

/// Items one after the other, as they were written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    pub bytes: Vec<u8>,
    pub items: u64,
}

/// Where batches go.
pub trait Receiver {
    /// Sends a batch without waiting for it.
    ///
    /// # Errors
    /// The receiver is slow or away: the batch is given back, and grows until it can be sent.
    fn send(&self, batch: Batch) -> Result<(), Batch>;
}

impl Receiver for Box<dyn Receiver> {
    fn send(&self, batch: Batch) -> Result<(), Batch> {
        (**self).send(batch)
    }
}

/// The batch that is being collected, and who gets it.
pub struct Batcher<R> {
    limits: Limits,
    receiver: R,
    collected: RefCell<Batch>,
}

impl<R: Receiver> Batcher<R> {
    pub fn new(limits: Limits, receiver: R) -> Self {
        Self { limits, receiver, collected: RefCell::default() }
    }

    pub fn receiver(&self) -> &R {
        &self.receiver
    }

    /// How many items wait.
    pub fn items(&self) -> u64 {
        self.collected.borrow().items
    }

    /// Collects the item that `write` appends. False when there is no room for it: it is dropped.
    #[must_use = "a dropped item is to be counted"]
    pub fn add(&self, write: impl FnOnce(&mut Vec<u8>)) -> bool {
        if self.is_full() {
            self.flush();
            if self.is_full() {
                return false;
            }
        }
        {
            let mut collected = self.collected.borrow_mut();
            write(&mut collected.bytes);
            collected.items += 1;
        }
        if self.is_full() {
            self.flush();
        }
        true
    }

    /// Sends what there is.
    pub fn flush(&self) {
        if self.collected.borrow().items == 0 {
            return;
        }
        let batch = self.collected.take();
        if let Err(refused) = self.receiver.send(batch) {
            self.collected.replace(refused);
        }
    }

    fn is_full(&self) -> bool {
        let collected = self.collected.borrow();
        collected.items > 0
            && (collected.bytes.len() >= self.limits.bytes || collected.items >= self.limits.items)
    }
}

impl<R: Receiver + 'static> Batcher<R> {
    /// Sends what there is each interval, for as long as the batcher is used.
    pub fn keep_flushing(self: &Rc<Self>, timers: &Rc<Timers>) {
        let (batcher, timer) = (Rc::downgrade(self), timers.timer());
        let interval = self.limits.interval;
        crate::sys::spawn_here(async move {
            loop {
                timer.until(Some(Instant::now() + interval)).await;
                let Some(batcher) = batcher.upgrade() else { return };
                batcher.flush();
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::rc::Rc;
    use std::time::Duration;

    use super::{Batch, Batcher, Limits, Receiver};
    use crate::timer::Timers;

    #[derive(Default)]
    struct Taken {
        batches: RefCell<Vec<Batch>>,
        slow: Cell<bool>,
    }

    impl Receiver for Rc<Taken> {
        fn send(&self, batch: Batch) -> Result<(), Batch> {
            if self.slow.get() {
                return Err(batch);
            }
            self.batches.borrow_mut().push(batch);
            Ok(())
        }
    }

    impl Taken {
        fn texts(&self) -> Vec<(String, u64)> {
            let text = |it: &Batch| (String::from_utf8_lossy(&it.bytes).into_owned(), it.items);
            self.batches.borrow().iter().map(text).collect()
        }
    }

    fn batcher(bytes: usize, items: u64) -> (Rc<Taken>, Rc<Batcher<Rc<Taken>>>) {
        let taken = Rc::<Taken>::default();
        let limits = Limits { bytes, items, interval: Duration::from_millis(5) };
        (taken.clone(), Rc::new(Batcher::new(limits, taken)))
    }

    fn add(batcher: &Batcher<Rc<Taken>>, item: &str) -> bool {
        batcher.add(|out| out.extend_from_slice(item.as_bytes()))
    }

    #[test]
    fn a_batch_is_sent_when_it_has_enough_bytes_or_items() {
        let (taken, batcher) = batcher(5, 3);
        assert!(["abc", "de", "f", "g", "h", "i"].iter().all(|item| add(&batcher, item)));
        assert_eq!(taken.texts(), [("abcde".to_owned(), 2), ("fgh".to_owned(), 3)]);
        batcher.flush();
        batcher.flush();
        assert_eq!(taken.texts().last(), Some(&("i".to_owned(), 1)));
        assert_eq!(taken.texts().len(), 3);
    }

    #[test]
    fn without_room_each_item_is_sent_by_itself() {
        let (taken, batcher) = batcher(0, 100);
        assert!(add(&batcher, "a") && add(&batcher, "b"));
        assert_eq!(taken.texts(), [("a".to_owned(), 1), ("b".to_owned(), 1)]);
    }

    #[test]
    fn what_a_slow_receiver_leaves_no_room_for_is_dropped() {
        let (taken, batcher) = batcher(4, 100);
        taken.slow.set(true);
        assert!(add(&batcher, "abc") && add(&batcher, "de"));
        assert!(!add(&batcher, "f"));
        taken.slow.set(false);
        assert!(add(&batcher, "g"));
        assert_eq!(taken.texts(), [("abcde".to_owned(), 2)]);
        batcher.flush();
        assert_eq!(taken.texts().last(), Some(&("g".to_owned(), 1)));
    }

    #[test]
    fn what_waits_is_sent_each_interval() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let timers = Timers::new();
            crate::sys::spawn_here(timers.clone().drive());
            let (taken, batcher) = batcher(100, 100);
            batcher.keep_flushing(&timers);
            assert!(add(&batcher, "a"));
            while taken.texts().is_empty() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            assert_eq!(taken.texts(), [("a".to_owned(), 1)]);
            let weak = Rc::downgrade(&batcher);
            drop(batcher);
            assert!(weak.upgrade().is_none());
        });
    }
}
