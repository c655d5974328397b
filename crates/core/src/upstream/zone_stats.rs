//! Counters of a cluster by the zones of the proxy and of the host: `zone.FROM.TO.upstream_rq_*`.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cluster_stats#per-service-zone-dynamic-http-statistics>

use std::cell::RefCell;
use std::sync::Arc;

use ahash::AHashMap;

use super::Host;
use crate::stats::{Block, Family, Group, SINGLE};

/// The classes of codes come first, from 1xx.
static ZONE: Family = Family {
    counters: &[
        "upstream_rq_1xx",
        "upstream_rq_2xx",
        "upstream_rq_3xx",
        "upstream_rq_4xx",
        "upstream_rq_5xx",
        "upstream_rq_completed",
    ],
    histograms: &["upstream_rq_time"],
};
const COMPLETED: usize = 5;
const TIME: usize = 0;

struct Counters {
    /// The front of the names.
    name: String,
    group: Arc<Group>,
    codes: AHashMap<u16, Arc<Group>>,
}

/// Of one cluster in one worker.
#[derive(Default)]
pub struct ZoneStats {
    by_zone: RefCell<AHashMap<Box<str>, Counters>>,
}

impl ZoneStats {
    /// Counts a response of `host` to this proxy in the zone `from`. Where one of the zones is not known, nothing
    /// is counted.
    pub fn response(&self, block: &Block, from: &str, host: &Host, status: u16) {
        self.with(block, from, host, |counters| {
            counters.group.add(COMPLETED, 1);
            if let Some(class) = usize::from(status / 100).checked_sub(1) {
                counters.group.add(class, 1);
            }
            if !counters.codes.contains_key(&status) {
                let name = format!("{}.upstream_rq_{status}", counters.name);
                let Some(group) = block.group(&SINGLE, &name) else { return };
                counters.codes.insert(status, group);
            }
            counters.codes.get(&status).inspect(|group| group.add(0, 1));
        });
    }

    /// Records the milliseconds that `host` took.
    pub fn time(&self, block: &Block, from: &str, host: &Host, took: u64) {
        self.with(block, from, host, |counters| counters.group.record(TIME, took));
    }

    fn with(&self, block: &Block, from: &str, host: &Host, count: impl FnOnce(&mut Counters)) {
        let to = &*host.locality.zone;
        if from.is_empty() || to.is_empty() {
            return;
        }
        let mut by_zone = self.by_zone.borrow_mut();
        if !by_zone.contains_key(to) {
            let name = format!("zone.{from}.{to}");
            let Some(group) = block.group(&ZONE, &name) else { return };
            by_zone.insert(to.into(), Counters { name, group, codes: AHashMap::default() });
        }
        if let Some(counters) = by_zone.get_mut(to) {
            count(counters);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::ZoneStats;
    use crate::stats::{Block, BlockKind};
    use crate::upstream::{Host, Locality};

    fn host(zone: &str) -> Host {
        let address = std::net::SocketAddr::from(([10, 0, 0, 1], 80)).into();
        let locality = Locality { zone: zone.into(), ..Locality::default() };
        Host::new(address, "".into(), Arc::new(locality), 0)
    }

    #[test]
    fn responses_are_counted_by_both_zones() {
        let (block, stats) = (Block::new(BlockKind::Cluster), ZoneStats::default());
        for (status, zone) in [(200, "b"), (204, "b"), (503, "a"), (200, "")] {
            stats.response(&block, "a", &host(zone), status);
        }
        stats.response(&block, "", &host("b"), 200);
        stats.time(&block, "a", &host("b"), 25);
        let mut counted: Vec<_> =
            block.named_counters().into_iter().map(|(name, n)| format!("{name} {n}")).collect();
        counted.sort();
        assert_eq!(
            counted,
            [
                "zone.a.a.upstream_rq_503 1",
                "zone.a.a.upstream_rq_5xx 1",
                "zone.a.a.upstream_rq_completed 1",
                "zone.a.b.upstream_rq_200 1",
                "zone.a.b.upstream_rq_204 1",
                "zone.a.b.upstream_rq_2xx 2",
                "zone.a.b.upstream_rq_completed 2",
            ]
        );
        assert_eq!(block.named_histograms()[0].0, "zone.a.b.upstream_rq_time");
    }
}
