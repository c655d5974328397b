//! What is shed while resources are short, as the main thread says: it watches them.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/operations/overload_manager/overload_manager>

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crate::proto::overload::timer::Shortest;
pub use crate::proto::overload::{Point, TimerKind};
use crate::proto::{self, LoadShedStat};
use crate::random::Random;
use crate::stats::{Block, BlockKind, Registry};

const POINTS: usize = 11;
const TIMERS: usize = 5;
/// A share of one.
const ALL: u64 = 1 << 32;

/// The present state in one worker.
pub struct Overload {
    random: Rc<Random>,
    /// Nothing is shed or shortened.
    calm: Cell<bool>,
    /// Of `ALL`, by point.
    shares: [Cell<u64>; POINTS],
    blocks: RefCell<[Option<Arc<Block>>; POINTS]>,
    stopped: Cell<bool>,
    /// How far timeouts have gone to their shortest, from 0 to 1.
    reduced: Cell<f64>,
    shortest: [Cell<Option<Shortest>>; TIMERS],
}

impl Overload {
    pub fn new(random: Rc<Random>) -> Self {
        Self {
            random,
            calm: Cell::new(true),
            shares: Default::default(),
            blocks: RefCell::default(),
            stopped: Cell::new(false),
            reduced: Cell::new(0.0),
            shortest: Default::default(),
        }
    }

    /// Takes another state. `thread` is the worker's number.
    pub fn set(&self, message: &proto::Overload, registry: &Registry, thread: usize) {
        self.calm.set(message.shares.is_empty() && message.reduce_timeouts == 0.0);
        self.stopped.set(message.stop_accepting_connections);
        self.reduced.set(message.reduce_timeouts);
        for share in &self.shares {
            share.set(0);
        }
        for share in &message.shares {
            let place = share.point() as usize;
            self.shares[place].set((share.share * ALL as f64) as u64);
            if share.stats_block != 0 {
                let block = registry.block(thread, share.stats_block, BlockKind::Filter);
                self.blocks.borrow_mut()[place] = Some(block);
            }
        }
        for timer in &message.timers {
            self.shortest[timer.kind() as usize].set(timer.shortest);
        }
    }

    /// Nothing is shed or shortened.
    pub fn is_calm(&self) -> bool {
        self.calm.get()
    }

    /// Whether what passes `point` now is shed, which is counted.
    pub fn sheds(&self, point: Point) -> bool {
        !self.calm.get() && self.decide(point)
    }

    fn decide(&self, point: Point) -> bool {
        let share = self.shares[point as usize].get();
        let shed = share > 0 && self.random.below(ALL) < share;
        if shed {
            if let Some(block) = &self.blocks.borrow()[point as usize] {
                block.inc(LoadShedStat::LoadShedShedLoadCount);
            }
        }
        shed
    }

    /// No connection is to be accepted.
    pub fn accepts_nothing(&self) -> bool {
        self.stopped.get()
    }

    /// How long a timeout is now that is configured to be `full`.
    pub fn timeout(&self, kind: TimerKind, full: Duration) -> Duration {
        match self.calm.get() {
            true => full,
            false => self.shorten(kind, full),
        }
    }

    fn shorten(&self, kind: TimerKind, full: Duration) -> Duration {
        let shortest = match self.shortest[kind as usize].get() {
            None => return full,
            Some(Shortest::Ms(ms)) => Duration::from_millis(ms).min(full),
            Some(Shortest::Share(share)) => full.mul_f64(share),
        };
        shortest + (full - shortest).mul_f64(1.0 - self.reduced.get())
    }
}

#[cfg(test)]
mod tests;
