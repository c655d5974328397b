//! What requests wait for that the main thread is to bring: routes, a cluster.
//!
//! A worker asks once for all of its requests that wait for the same. The main thread answers when what
//! was asked for is in use, or when there is no such thing: who waited looks for itself.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::proto;

/// Questions that wait for the main thread; what comes beyond is answered at once: there is no such thing.
const QUEUE: usize = 4096;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ask {
    pub kind: proto::on_demand::Kind,
    /// The name of a route table, or where clusters come from.
    pub source: Box<[u8]>,
    /// A host, or the name of a cluster.
    pub name: Box<[u8]>,
}

impl Ask {
    pub fn of(message: &proto::OnDemand) -> Self {
        Self {
            kind: message.kind(),
            source: message.source.as_slice().into(),
            name: message.name.as_slice().into(),
        }
    }
}

/// Where clusters that nobody knows come from.
pub struct OnDemandClusters {
    /// A serialized ConfigSource; empty: from nowhere.
    source: Box<[u8]>,
    pub timeout: Duration,
}

impl OnDemandClusters {
    pub fn compile(message: &proto::OnDemandFilter) -> Self {
        Self {
            source: message.clusters.as_slice().into(),
            timeout: Duration::from_millis(message.timeout_ms),
        }
    }

    /// The question for the cluster of that name; `None` when clusters come from nowhere.
    pub fn ask(&self, name: &[u8]) -> Option<Ask> {
        let source = self.source.clone();
        (!source.is_empty()).then(|| Ask {
            kind: proto::on_demand::Kind::Cluster,
            source,
            name: name.into(),
        })
    }
}

/// The questions of all workers, in order.
#[derive(Default)]
pub struct Asks {
    queue: Mutex<VecDeque<Option<Ask>>>,
    arrived: Condvar,
}

impl Asks {
    /// False when there are too many.
    fn push(&self, ask: Ask) -> bool {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.len() >= QUEUE {
            return false;
        }
        queue.push_back(Some(ask));
        self.arrived.notify_one();
        true
    }

    /// Waits for the next question; `None` after the timeout, or when woken.
    pub fn next(&self, timeout: Duration) -> Option<Ask> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.arrived.wait_timeout_while(queue, timeout, |queue| queue.is_empty());
        waited.unwrap_or_else(PoisonError::into_inner).0.pop_front().flatten()
    }

    /// Ends the wait in `next`, the present one or the next.
    pub fn wake(&self) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.push_back(None);
        self.arrived.notify_one();
    }
}

/// The requests of one worker that wait.
#[derive(Default)]
pub struct Waiting {
    waiting: RefCell<HashMap<Ask, Rc<Notify>>>,
}

impl Waiting {
    /// Asks, unless another request waits for the same. `None`: there is no use in waiting.
    pub fn join<'w>(&'w self, asks: &Asks, ask: Ask) -> Option<Waiter<'w>> {
        let mut waiting = self.waiting.borrow_mut();
        let answered = match waiting.get(&ask) {
            Some(known) => known.clone(),
            None => {
                if !asks.push(ask.clone()) {
                    return None;
                }
                waiting.entry(ask.clone()).or_default().clone()
            }
        };
        Some(Waiter { waiting: self, ask, answered })
    }

    /// Lets the requests go on that wait for this.
    pub fn answer(&self, ask: &Ask) {
        if let Some(answered) = self.waiting.borrow_mut().remove(ask) {
            answered.notify_waiters();
        }
    }
}

/// One request that waits; what nobody waits for is forgotten.
pub struct Waiter<'w> {
    waiting: &'w Waiting,
    ask: Ask,
    pub answered: Rc<Notify>,
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let mut waiting = self.waiting.waiting.borrow_mut();
        let known = waiting.get(&self.ask).is_some_and(|known| Rc::ptr_eq(known, &self.answered));
        // One is the map's, one is this waiter's.
        if known && Rc::strong_count(&self.answered) == 2 {
            waiting.remove(&self.ask);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(name: &str) -> Ask {
        let kind = proto::on_demand::Kind::Routes;
        Ask { kind, source: b"table".as_slice().into(), name: name.as_bytes().into() }
    }

    #[test]
    fn a_worker_asks_once_for_all_who_wait() {
        let (asks, waiting) = (Asks::default(), Waiting::default());
        let first = waiting.join(&asks, ask("a"));
        let second = waiting.join(&asks, ask("a"));
        assert!(first.is_some() && second.is_some());
        assert_eq!(asks.next(Duration::ZERO), Some(ask("a")));
        assert_eq!(asks.next(Duration::ZERO), None);
        waiting.answer(&ask("a"));
        assert!(waiting.waiting.borrow().is_empty());
        drop((first, second));
        assert!(waiting.join(&asks, ask("a")).is_some());
        assert_eq!(asks.next(Duration::ZERO), Some(ask("a")));
    }

    #[test]
    fn what_nobody_waits_for_is_forgotten() {
        let (asks, waiting) = (Asks::default(), Waiting::default());
        let first = waiting.join(&asks, ask("a"));
        let second = waiting.join(&asks, ask("a"));
        drop(first);
        assert_eq!(waiting.waiting.borrow().len(), 1);
        drop(second);
        assert!(waiting.waiting.borrow().is_empty());
    }

    #[test]
    fn too_many_questions_are_not_waited_for() {
        let (asks, waiting) = (Asks::default(), Waiting::default());
        for number in 0..QUEUE {
            assert!(asks.push(ask(&number.to_string())));
        }
        assert!(waiting.join(&asks, ask("more")).is_none());
        assert!(waiting.waiting.borrow().is_empty());
    }

    #[test]
    fn who_waits_for_questions_can_be_woken() {
        let asks = Asks::default();
        asks.wake();
        assert_eq!(asks.next(Duration::from_secs(60)), None);
    }
}
