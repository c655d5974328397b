//! Deadlines of a worker: one heap, one sleeping task, and no work for a deadline that only moves later.
//!
//! A connection holds one [`Timer`] and polls it with its nearest deadline. An entry stays in the heap
//! until it is due; if the deadline has moved later by then, the entry moves with it. So a request that
//! ends in time costs nothing here, although several timeouts guarded it.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use slab::Slab;

use crate::clock;

struct Slot {
    /// When the heap will wake this slot; `None` when it has no entry there.
    armed: Option<Instant>,
    waker: Option<Waker>,
}

/// The timers of one worker. Not shared between threads.
pub struct Timers {
    slots: RefCell<Slab<Slot>>,
    heap: RefCell<BinaryHeap<Reverse<(Instant, usize)>>>,
    driver: RefCell<Option<Waker>>,
    sleeping_until: Cell<Option<Instant>>,
    /// Entries of the heap that wake nobody, for their timer is gone or has an earlier one.
    stale: Cell<usize>,
}

/// As many stale entries are left in peace.
const FEW: usize = 1024;

impl Timers {
    pub fn new() -> Rc<Self> {
        Rc::new(Self {
            slots: RefCell::new(Slab::new()),
            heap: RefCell::new(BinaryHeap::new()),
            driver: RefCell::new(None),
            sleeping_until: Cell::new(None),
            stale: Cell::new(0),
        })
    }

    pub fn timer(self: &Rc<Self>) -> Timer {
        let slot = self.slots.borrow_mut().insert(Slot { armed: None, waker: None });
        Timer { timers: self.clone(), slot }
    }

    /// Sleeps until the next deadline and wakes who waits for it, for as long as the worker lives.
    pub async fn drive(self: Rc<Self>) {
        loop {
            clock::advance();
            let next = self.fire(clock::now());
            self.sleeping_until.set(next);
            match next {
                Some(at) => {
                    let sleep = tokio::time::sleep_until(at.into());
                    let mut sleep = std::pin::pin!(sleep);
                    poll_fn(|cx| {
                        if self.sleeping_until.get() != Some(at) {
                            return Poll::Ready(());
                        }
                        self.register_driver(cx);
                        std::future::Future::poll(sleep.as_mut(), cx)
                    })
                    .await;
                }
                None => {
                    poll_fn(|cx| {
                        if self.sleeping_until.get().is_some() {
                            return Poll::Ready(());
                        }
                        self.register_driver(cx);
                        Poll::Pending
                    })
                    .await;
                }
            }
        }
    }

    fn register_driver(&self, cx: &Context<'_>) {
        let mut driver = self.driver.borrow_mut();
        if !driver.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *driver = Some(cx.waker().clone());
        }
    }

    /// Wakes all that is due and returns when the next entry is.
    fn fire(&self, now: Instant) -> Option<Instant> {
        let mut heap = self.heap.borrow_mut();
        let mut slots = self.slots.borrow_mut();
        while let Some(&Reverse((at, index))) = heap.peek() {
            if at > now {
                return Some(at);
            }
            heap.pop();
            let Some(slot) = slots.get_mut(index).filter(|slot| slot.armed == Some(at)) else {
                self.stale.set(self.stale.get().saturating_sub(1));
                continue;
            };
            slot.armed = None;
            if let Some(waker) = slot.waker.take() {
                waker.wake();
            }
        }
        None
    }

    /// Wakes every task that waits for a deadline, because something else than time has changed.
    pub fn wake_all(&self) {
        for (_, slot) in self.slots.borrow().iter() {
            if let Some(waker) = &slot.waker {
                waker.wake_by_ref();
            }
        }
    }

    /// An entry of the heap wakes nobody any more. When most are so, they go: else those of connections that
    /// came and went would pile up until they are due.
    fn forsake(&self) {
        let mut heap = self.heap.borrow_mut();
        self.stale.set(self.stale.get() + 1);
        if self.stale.get() > FEW.max(heap.len() / 2) {
            let slots = self.slots.borrow();
            heap.retain(|Reverse((at, index))| {
                slots.get(*index).is_some_and(|slot| slot.armed == Some(*at))
            });
            self.stale.set(0);
        }
    }

    fn arm(&self, at: Instant, index: usize) {
        self.heap.borrow_mut().push(Reverse((at, index)));
        if self.sleeping_until.get().is_none_or(|until| at < until) {
            self.sleeping_until.set(Some(at));
            if let Some(driver) = self.driver.borrow_mut().take() {
                driver.wake();
            }
        }
    }
}

/// One task's place among the timers of its worker.
pub struct Timer {
    timers: Rc<Timers>,
    slot: usize,
}

impl Timer {
    /// Ready when `deadline` has passed; otherwise the task is woken then. `None` never is.
    pub fn poll(&self, cx: &Context<'_>, deadline: Option<Instant>) -> Poll<()> {
        let Some(deadline) = deadline else { return Poll::Pending };
        let armed = {
            let mut slots = self.timers.slots.borrow_mut();
            let Some(slot) = slots.get_mut(self.slot) else { return Poll::Pending };
            if !slot.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                slot.waker = Some(cx.waker().clone());
            }
            slot.armed
        };
        if armed.is_some_and(|at| at <= deadline) {
            return Poll::Pending;
        }
        if deadline <= clock::now() {
            return Poll::Ready(());
        }
        if let Some(slot) = self.timers.slots.borrow_mut().get_mut(self.slot) {
            slot.armed = Some(deadline);
        }
        if armed.is_some() {
            self.timers.forsake();
        }
        self.timers.arm(deadline, self.slot);
        Poll::Pending
    }

    pub async fn until(&self, deadline: Option<Instant>) {
        poll_fn(|cx| self.poll(cx, deadline)).await;
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        let slot = self.timers.slots.borrow_mut().try_remove(self.slot);
        if slot.is_some_and(|slot| slot.armed.is_some()) {
            self.timers.forsake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};
    use std::time::{Duration, Instant};

    use super::{Timers, FEW};

    #[test]
    fn entries_of_timers_that_are_gone_do_not_pile_up() {
        let timers = Timers::new();
        let cx = Context::from_waker(Waker::noop());
        let later = Instant::now() + Duration::from_secs(3600);
        let kept = timers.timer();
        assert!(kept.poll(&cx, Some(later)).is_pending());
        for _ in 0..20 * FEW {
            assert!(timers.timer().poll(&cx, Some(later)).is_pending());
        }
        assert!(timers.heap.borrow().len() <= 2 * FEW + 2, "{}", timers.heap.borrow().len());
        // The one that is still there is woken.
        assert!(timers.fire(later).is_none());
        assert!(timers.slots.borrow()[kept.slot].armed.is_none());
    }

    #[test]
    fn an_earlier_deadline_takes_the_place_of_a_later_one() {
        let timers = Timers::new();
        let cx = Context::from_waker(Waker::noop());
        let start = Instant::now() + Duration::from_secs(100_000);
        let timer = timers.timer();
        for second in (0..10 * FEW as u64).rev() {
            assert!(timer.poll(&cx, Some(start + Duration::from_secs(second))).is_pending());
        }
        assert!(timers.heap.borrow().len() <= 2 * FEW + 2, "{}", timers.heap.borrow().len());
        assert_eq!(timers.slots.borrow()[timer.slot].armed, Some(start));
    }
}
