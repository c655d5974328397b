//! Circuit breakers: limits on connections, pending requests, requests and retries of a cluster, exact
//! over all workers.
//! <https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/circuit_breaking>

use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::Arc;

use super::ClusterShared;
use crate::proto::{self, ClusterStat};
use crate::stats::Block;

/// Routing priority of a request; each has breakers and connection pools of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Priority {
    #[default]
    Default = 0,
    High = 1,
}

impl Priority {
    pub const ALL: [Self; 2] = [Self::Default, Self::High];
}

/// A limit and how much of it is in use.
pub struct Resource {
    used: AtomicU64,
    max: u64,
    /// It was taken past the limit once: only then a limit of 0 counts as reached.
    forced: AtomicBool,
}

impl Resource {
    fn new(max: impl Into<u64>) -> Self {
        Self { used: AtomicU64::new(0), max: max.into(), forced: AtomicBool::new(false) }
    }

    pub fn used(&self) -> u64 {
        self.used.load(Relaxed)
    }

    fn take_below(&self, max: impl Fn() -> u64) -> bool {
        self.used.fetch_update(Relaxed, Relaxed, |used| (used < max()).then_some(used + 1)).is_ok()
    }

    /// Takes one if the limit allows it.
    fn take(&self) -> bool {
        self.take_below(|| self.max)
    }

    /// Takes one past the limit, if need be.
    fn force(&self) {
        self.forced.store(true, Relaxed);
        self.used.fetch_add(1, Relaxed);
    }

    fn give_back(&self) {
        self.used.fetch_sub(1, Relaxed);
    }

    /// 1 when the limit is reached: the breaker is open. As with Envoy, a limit of 0 shows only once
    /// something was taken.
    fn open(&self, max: u64) -> u64 {
        let used = self.used();
        u64::from(used >= max && (used > 0 || self.forced.load(Relaxed)))
    }

    fn remaining(&self) -> u64 {
        self.max.saturating_sub(self.used())
    }
}

/// Retries are limited to a share of the requests in flight.
#[derive(Clone, Copy)]
struct RetryBudget {
    percent: f64,
    min_concurrency: u64,
}

/// The breakers of one priority.
pub struct Breakers {
    pub connections: Resource,
    pub pending: Resource,
    pub requests: Resource,
    pub retries: Resource,
    pub pools: Resource,
    budget: Option<RetryBudget>,
    track_remaining: bool,
}

impl Breakers {
    pub fn compile(message: Option<&proto::CircuitBreakers>) -> Self {
        let limits = message.copied().unwrap_or(proto::CircuitBreakers {
            max_connections: 1024,
            max_pending_requests: 1024,
            max_requests: 1024,
            max_retries: 3,
            ..Default::default()
        });
        Self {
            connections: Resource::new(limits.max_connections),
            pending: Resource::new(limits.max_pending_requests),
            requests: Resource::new(limits.max_requests),
            retries: Resource::new(limits.max_retries),
            pools: Resource::new(limits.max_connection_pools.map_or(u64::MAX, u64::from)),
            budget: limits.retry_budget.map(|budget| RetryBudget {
                percent: budget.budget_percent,
                min_concurrency: budget.min_retry_concurrency.into(),
            }),
            track_remaining: limits.track_remaining,
        }
    }

    /// How many retries may be in flight now.
    fn max_retries(&self) -> u64 {
        match self.budget {
            None => self.retries.max,
            Some(budget) => {
                let active = self.requests.used() + self.pending.used();
                let share = budget.percent / 100.0 * active as f64;
                (share as u64).max(budget.min_concurrency)
            }
        }
    }

    fn write(&self, block: &Block, gauges: &Gauges) {
        block.set(gauges.cx_open, self.connections.open(self.connections.max));
        block.set(gauges.cx_pool_open, self.pools.open(self.pools.max));
        block.set(gauges.rq_pending_open, self.pending.open(self.pending.max));
        block.set(gauges.rq_open, self.requests.open(self.requests.max));
        block.set(gauges.rq_retry_open, self.retries.open(self.max_retries()));
        if self.track_remaining {
            block.set(gauges.remaining_cx, self.connections.remaining());
            block.set(gauges.remaining_cx_pools, self.pools.remaining());
            block.set(gauges.remaining_pending, self.pending.remaining());
            block.set(gauges.remaining_rq, self.requests.remaining());
            // With a budget the limit moves with the traffic, and Envoy shows 0.
            let retries = if self.budget.is_some() { 0 } else { self.retries.remaining() };
            block.set(gauges.remaining_retries, retries);
        }
    }
}

/// Where the gauges of one priority are in a cluster's block.
struct Gauges {
    cx_open: ClusterStat,
    cx_pool_open: ClusterStat,
    rq_pending_open: ClusterStat,
    rq_open: ClusterStat,
    rq_retry_open: ClusterStat,
    remaining_cx: ClusterStat,
    remaining_pending: ClusterStat,
    remaining_rq: ClusterStat,
    remaining_retries: ClusterStat,
    remaining_cx_pools: ClusterStat,
}

const GAUGES: [Gauges; 2] = [
    Gauges {
        cx_open: ClusterStat::ClusterCircuitBreakersDefaultCxOpen,
        cx_pool_open: ClusterStat::ClusterCircuitBreakersDefaultCxPoolOpen,
        rq_pending_open: ClusterStat::ClusterCircuitBreakersDefaultRqPendingOpen,
        rq_open: ClusterStat::ClusterCircuitBreakersDefaultRqOpen,
        rq_retry_open: ClusterStat::ClusterCircuitBreakersDefaultRqRetryOpen,
        remaining_cx: ClusterStat::ClusterCircuitBreakersDefaultRemainingCx,
        remaining_pending: ClusterStat::ClusterCircuitBreakersDefaultRemainingPending,
        remaining_rq: ClusterStat::ClusterCircuitBreakersDefaultRemainingRq,
        remaining_retries: ClusterStat::ClusterCircuitBreakersDefaultRemainingRetries,
        remaining_cx_pools: ClusterStat::ClusterCircuitBreakersDefaultRemainingCxPools,
    },
    Gauges {
        cx_open: ClusterStat::ClusterCircuitBreakersHighCxOpen,
        cx_pool_open: ClusterStat::ClusterCircuitBreakersHighCxPoolOpen,
        rq_pending_open: ClusterStat::ClusterCircuitBreakersHighRqPendingOpen,
        rq_open: ClusterStat::ClusterCircuitBreakersHighRqOpen,
        rq_retry_open: ClusterStat::ClusterCircuitBreakersHighRqRetryOpen,
        remaining_cx: ClusterStat::ClusterCircuitBreakersHighRemainingCx,
        remaining_pending: ClusterStat::ClusterCircuitBreakersHighRemainingPending,
        remaining_rq: ClusterStat::ClusterCircuitBreakersHighRemainingRq,
        remaining_retries: ClusterStat::ClusterCircuitBreakersHighRemainingRetries,
        remaining_cx_pools: ClusterStat::ClusterCircuitBreakersHighRemainingCxPools,
    },
];

/// Writes the gauges circuit_breakers.* of both priorities.
pub(super) fn write_gauges(breakers: &[Breakers; 2], block: &Block) {
    for (breakers, gauges) in breakers.iter().zip(&GAUGES) {
        breakers.write(block, gauges);
    }
}

macro_rules! permit {
    ($(#[$doc:meta])* $name:ident, $resource:ident) => {
        $(#[$doc])*
        pub struct $name {
            of: Rc<Limited>,
            priority: Priority,
        }

        impl Drop for $name {
            fn drop(&mut self) {
                self.of.shared.breakers(self.priority).$resource.give_back();
            }
        }
    };
}

permit!(
    /// One request in flight (`max_requests`); given back on drop.
    RequestPermit,
    requests
);
permit!(
    /// One request that waits for a connection (`max_pending_requests`); given back on drop.
    PendingPermit,
    pending
);
permit!(
    /// One retry in flight (`max_retries` or the retry budget); given back on drop.
    RetryPermit,
    retries
);
permit!(
    /// One connection (`max_connections`); given back on drop.
    ConnectionPermit,
    connections
);

permit!(
    /// One pool with connections (`max_connection_pools`); given back on drop.
    PoolPermit,
    pools
);

/// What permits of one worker share, without atomics.
struct Limited {
    shared: Arc<ClusterShared>,
}

/// Gives out permits in one worker.
#[derive(Clone)]
pub struct Permits(Rc<Limited>);

impl Permits {
    pub fn new(shared: Arc<ClusterShared>) -> Self {
        Self(Rc::new(Limited { shared }))
    }

    pub fn shared(&self) -> &Arc<ClusterShared> {
        &self.0.shared
    }

    pub fn request(&self, priority: Priority) -> Option<RequestPermit> {
        let taken = self.0.shared.breakers(priority).requests.take();
        taken.then(|| RequestPermit { of: self.0.clone(), priority })
    }

    pub fn pending(&self, priority: Priority) -> Option<PendingPermit> {
        let taken = self.0.shared.breakers(priority).pending.take();
        taken.then(|| PendingPermit { of: self.0.clone(), priority })
    }

    pub fn retry(&self, priority: Priority) -> Option<RetryPermit> {
        let breakers = self.0.shared.breakers(priority);
        let taken = breakers.retries.take_below(|| breakers.max_retries());
        taken.then(|| RetryPermit { of: self.0.clone(), priority })
    }

    pub fn connection(&self, priority: Priority) -> Option<ConnectionPermit> {
        let taken = self.0.shared.breakers(priority).connections.take();
        taken.then(|| ConnectionPermit { of: self.0.clone(), priority })
    }

    pub fn pool(&self, priority: Priority) -> Option<PoolPermit> {
        let taken = self.0.shared.breakers(priority).pools.take();
        taken.then(|| PoolPermit { of: self.0.clone(), priority })
    }

    /// A request past the limit: TCP connections count as requests but are not limited as such.
    pub fn force_request(&self, priority: Priority) -> RequestPermit {
        self.0.shared.breakers(priority).requests.force();
        RequestPermit { of: self.0.clone(), priority }
    }

    /// A connection past the limit: a pool without one may always open one.
    pub fn force_connection(&self, priority: Priority) -> ConnectionPermit {
        self.0.shared.breakers(priority).connections.force();
        ConnectionPermit { of: self.0.clone(), priority }
    }
}

#[cfg(test)]
mod tests;
