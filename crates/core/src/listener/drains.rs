//! Chains on their way out: their connections have the drain time, then they are closed.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::Chain;
use crate::timer::Timers;

/// The draining chains of one worker. A chain without connections is forgotten at once.
#[derive(Default)]
pub struct Drains {
    /// By deadline: each chain has the same time.
    chains: RefCell<VecDeque<(Instant, Weak<Chain>)>>,
    more: Notify,
}

impl Drains {
    /// Lets a chain's connections end within `time`.
    pub fn start(&self, chain: &Rc<Chain>, time: Duration) {
        chain.start_drain();
        if chain.is_unused() {
            return;
        }
        let mut chains = self.chains.borrow_mut();
        chains.retain(|(_, chain)| chain.strong_count() > 0);
        chains.push_back((Instant::now() + time, Rc::downgrade(chain)));
        self.more.notify_one();
    }

    /// Closes what is left of a chain at its time, for as long as the worker lives.
    pub async fn run(self: Rc<Self>, timers: Rc<Timers>) {
        let timer = timers.timer();
        loop {
            let next = self.chains.borrow().front().map(|(at, _)| *at);
            match next {
                None => self.more.notified().await,
                Some(at) => {
                    timer.until(Some(at)).await;
                    self.close_due(Instant::now());
                }
            }
        }
    }

    fn close_due(&self, now: Instant) {
        let mut chains = self.chains.borrow_mut();
        while chains.front().is_some_and(|(at, _)| *at <= now) {
            if let Some(chain) = chains.pop_front().and_then(|(_, chain)| chain.upgrade()) {
                chain.close();
            }
        }
    }

    pub fn close_all(&self) {
        for (_, chain) in self.chains.borrow_mut().drain(..) {
            if let Some(chain) = chain.upgrade() {
                chain.close();
            }
        }
    }
}
