//! What is known of one host: failures in a row, shares of success, and when it was ejected.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::ejection::Ejection;
use super::settings::Times;
use crate::random::Random;

/// What outcomes are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Answers = 0,
    /// Counted where `split_external_local_origin_errors` is set.
    Connections = 1,
}

impl Origin {
    pub const ALL: [Self; 2] = [Self::Answers, Self::Connections];
}

/// Outcomes since the last sweep.
#[derive(Default)]
struct Outcomes {
    good: AtomicU64,
    all: AtomicU64,
}

/// The share of good outcomes in one interval, and of how many it is one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    pub percent: f64,
    pub volume: u64,
}

/// Changed by whoever ejects, and by the sweep.
pub struct History {
    pub ejections: u32,
    /// How many times `base_ejection_time` the next ejection lasts.
    pub backoff: u32,
    pub jitter: Duration,
    pub ejected: Option<Instant>,
    pub unejected: Option<Instant>,
    /// Percent by [`Origin`]; -1: too few outcomes.
    pub rates: [f64; 2],
}

impl Default for History {
    fn default() -> Self {
        Self {
            ejections: 0,
            backoff: 0,
            jitter: Duration::ZERO,
            ejected: None,
            unejected: None,
            rates: [-1.0; 2],
        }
    }
}

/// Shared by all workers, and by the successive hosts of one endpoint.
#[derive(Default)]
pub struct Monitor {
    /// By [`Ejection`].
    in_a_row: [AtomicU64; 3],
    outcomes: [Outcomes; 2],
    is_ejected: AtomicBool,
    history: Mutex<History>,
}

impl Monitor {
    pub fn is_ejected(&self) -> bool {
        self.is_ejected.load(Relaxed)
    }

    pub fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn count(&self, origin: Origin, good: bool) {
        let outcomes = &self.outcomes[origin as usize];
        outcomes.all.fetch_add(1, Relaxed);
        if good {
            outcomes.good.fetch_add(1, Relaxed);
        }
    }

    /// Ends an interval: what it gave, if anything.
    pub fn take_rate(&self, origin: Origin) -> Option<Rate> {
        let outcomes = &self.outcomes[origin as usize];
        let (volume, good) = (outcomes.all.swap(0, Relaxed), outcomes.good.swap(0, Relaxed));
        (volume > 0).then(|| Rate { percent: good as f64 * 100.0 / volume as f64, volume })
    }

    /// Counts a failure in a row, and says how many there are.
    pub fn one_more(&self, ejection: Ejection) -> u64 {
        self.in_a_row.get(ejection as usize).map_or(0, |count| count.fetch_add(1, Relaxed) + 1)
    }

    /// Ends a row of failures.
    pub fn forget(&self, ejection: Ejection) {
        if let Some(count) = self.in_a_row.get(ejection as usize) {
            // Most of the time there is none, and then nothing is written that other workers read.
            if count.load(Relaxed) != 0 {
                count.store(0, Relaxed);
            }
        }
    }

    pub fn eject(&self, times: &Times, random: &Random) {
        let mut history = self.history();
        history.ejections += 1;
        history.ejected = Some(Instant::now());
        history.jitter = Duration::from_millis(random.below(times.jitter_ms.saturating_add(1)));
        let lasts = times.base.saturating_mul(history.backoff);
        if lasts < times.longest.saturating_add(times.base) {
            history.backoff += 1;
        }
        self.is_ejected.store(true, Relaxed);
    }

    /// Whether an ejection has lasted as long as it is to.
    pub fn is_due(&self, times: &Times, now: Instant) -> bool {
        let history = self.history();
        let lasts = times.base.saturating_mul(history.backoff).min(times.longest);
        let lasts = lasts.saturating_add(history.jitter);
        let since = history.ejected.map(|ejected| now.saturating_duration_since(ejected));
        self.is_ejected() && since.is_some_and(|since| since >= lasts)
    }

    pub fn uneject(&self, now: Instant) {
        self.in_a_row.iter().for_each(|count| count.store(0, Relaxed));
        self.history().unejected = Some(now);
        self.is_ejected.store(false, Relaxed);
    }
}
