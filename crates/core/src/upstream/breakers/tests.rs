use crate::proto::{self, ClusterStat as Stat, RetryBudget};
use crate::stats::{Block, BlockKind};
use crate::upstream::testing::{message, shared, BREAKERS};
use crate::upstream::{Permits, Priority};

fn permits(limits: proto::CircuitBreakers) -> Permits {
    Permits::new(shared(&proto::Cluster { default_priority: Some(limits), ..message(&[]) }))
}

fn gauges(permits: &Permits, stats: &[Stat]) -> Vec<u64> {
    let block = Block::new(BlockKind::Cluster);
    permits.shared().write_stats(&block, 1);
    stats.iter().map(|stat| block.get(*stat)).collect()
}

#[test]
fn a_permit_is_given_back_on_drop() {
    let permits = permits(proto::CircuitBreakers { max_requests: 2, ..BREAKERS });
    let first = permits.request(Priority::Default);
    let second = permits.request(Priority::Default);
    assert!(first.is_some() && second.is_some());
    assert!(permits.request(Priority::Default).is_none());
    assert!(permits.request(Priority::High).is_some(), "the other priority has its own");
    drop(first);
    assert!(permits.request(Priority::Default).is_some());
}

#[test]
fn limits_are_exact_over_threads() {
    let shared = shared(&proto::Cluster { default_priority: Some(BREAKERS), ..message(&[]) });
    let taken: usize = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let permits = Permits::new(shared.clone());
                    let taken: Vec<_> =
                        (0..1000).filter_map(|_| permits.request(Priority::Default)).collect();
                    let count = taken.len();
                    // Kept, so that nobody else gets them.
                    taken.into_iter().for_each(std::mem::forget);
                    count
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).sum()
    });
    assert_eq!(taken, 1024);
}

#[test]
fn a_retry_budget_follows_the_requests_in_flight() {
    let budget = RetryBudget { budget_percent: 50.0, min_retry_concurrency: 1 };
    let permits = permits(proto::CircuitBreakers { retry_budget: Some(budget), ..BREAKERS });
    let retries: Vec<_> = (0..2).map(|_| permits.retry(Priority::Default)).collect();
    assert_eq!(retries.iter().flatten().count(), 1, "at least one");
    let requests: Vec<_> = (0..6).filter_map(|_| permits.request(Priority::Default)).collect();
    let more: Vec<_> = (0..5).map(|_| permits.retry(Priority::Default)).collect();
    assert_eq!(more.iter().flatten().count(), 2, "half of six");
    drop(requests);
    assert!(permits.retry(Priority::Default).is_none());
}

#[test]
fn gauges_tell_what_is_open_and_what_remains() {
    let limits = proto::CircuitBreakers {
        max_connections: 0,
        max_pending_requests: 0,
        max_requests: 1,
        track_remaining: true,
        ..BREAKERS
    };
    let permits = permits(limits);
    let open = [
        Stat::ClusterCircuitBreakersDefaultCxOpen,
        Stat::ClusterCircuitBreakersDefaultRqPendingOpen,
        Stat::ClusterCircuitBreakersDefaultRqOpen,
        Stat::ClusterCircuitBreakersDefaultRqRetryOpen,
    ];
    let remaining = [
        Stat::ClusterCircuitBreakersDefaultRemainingCx,
        Stat::ClusterCircuitBreakersDefaultRemainingRq,
        Stat::ClusterCircuitBreakersDefaultRemainingRetries,
        Stat::ClusterCircuitBreakersDefaultRemainingCxPools,
    ];
    assert_eq!(gauges(&permits, &open), [0, 0, 0, 0]);
    assert_eq!(gauges(&permits, &remaining), [0, 1, 3, u64::MAX]);
    let connection = permits.force_connection(Priority::Default);
    let _request = permits.request(Priority::Default);
    let _retry = permits.retry(Priority::Default);
    let _pool = permits.pool(Priority::Default);
    assert!(permits.pending(Priority::Default).is_none());
    assert_eq!(gauges(&permits, &open), [1, 0, 1, 0]);
    assert_eq!(gauges(&permits, &remaining), [0, 0, 2, u64::MAX - 1]);
    drop(connection);
    assert_eq!(gauges(&permits, &open), [1, 0, 1, 0], "a limit of 0 was reached");
}
