//! Zone-aware routing: requests stay in the zone of this proxy as far as its share of the hosts allows, so
//! that each host gets as much as any other.
//! <https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/zone_aware>
//!
//! It is for the first priority alone, as in Envoy, and is settled whenever hosts change here or in the local
//! cluster; a request then looks up where it goes.

use std::sync::Arc;

use super::{Asker, LbSettings, PriorityHealth};
use crate::proto::ClusterStat;
use crate::random::Random;
use crate::runtime::SharedRuntime;
use crate::upstream::{Availability, Host, HostSets, Locality, LocalityHosts, PriorityHosts};

/// Shares are counted in parts of this.
const WHOLE: u64 = 10_000;

/// When and how far requests stay in their zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZoneSettings {
    /// Percent of requests.
    pub routing_enabled: u64,
    /// Healthy hosts that a cluster has at least.
    pub min_cluster_size: u64,
    /// All requests stay where there are so many healthy hosts.
    pub force_local_min_size: Option<u64>,
    /// Localities count by the weight of their healthy hosts, not by their number.
    pub by_weight: bool,
}

impl Default for ZoneSettings {
    /// Envoy's defaults.
    fn default() -> Self {
        Self {
            routing_enabled: 100,
            min_cluster_size: 6,
            force_local_min_size: None,
            by_weight: false,
        }
    }
}

/// The cluster that this proxy is a member of, at one moment.
pub struct Local<'a> {
    pub sets: &'a HostSets,
    /// Of this proxy.
    pub locality: Option<&'a Locality>,
    pub runtime: &'a SharedRuntime,
}

/// How often zones were settled, and why they play no part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ZoneCounts {
    pub settled: u64,
    pub too_small: u64,
    pub local_not_ok: u64,
}

impl std::iter::Sum for ZoneCounts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |sum, one| Self {
            settled: sum.settled + one.settled,
            too_small: sum.too_small + one.too_small,
            local_not_ok: sum.local_not_ok + one.local_not_ok,
        })
    }
}

/// Where the requests of this proxy go.
pub struct Zones {
    /// Indices of the localities of priority 0: the local one first if it is there, then by name.
    order: Box<[usize]>,
    routing: Routing,
    local_panics: bool,
    runtime: SharedRuntime,
    routing_enabled: u64,
}

#[derive(Debug, PartialEq, Eq)]
enum Routing {
    /// All stay.
    Direct,
    Residual {
        /// How many of [`WHOLE`] stay.
        staying: u64,
        /// What each locality and those before it can take of the others.
        capacity: Box<[u64]>,
    },
}

/// What zones make of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    /// They play no part.
    Any,
    /// The index of its locality.
    One(usize),
    /// It fails.
    None,
}

impl Zones {
    /// None when zones play no part.
    pub fn settle(
        sets: &HostSets,
        settings: &LbSettings,
        local: &Local<'_>,
    ) -> (Option<Self>, ZoneCounts) {
        let mut counts = ZoneCounts { settled: 1, ..ZoneCounts::default() };
        (Self::find(sets, settings, local, &mut counts), counts)
    }

    fn find(
        sets: &HostSets,
        settings: &LbSettings,
        local: &Local<'_>,
        counts: &mut ZoneCounts,
    ) -> Option<Self> {
        let runtime = local.runtime.load();
        let force = match runtime.number("upstream.zone_routing.force_local_zone.min_size", 0) {
            0 => settings.zones.force_local_min_size,
            size => Some(size),
        };
        let (upstream, proxies) = (sets.priorities.first()?, local.sets.priorities.first()?);
        if upstream.localities.len() < 2 || (force.is_none() && proxies.localities.len() < 2) {
            return None;
        }
        let is_local =
            |found: &LocalityHosts| local.locality.is_some_and(|own| *found.locality == *own);
        if !proxies.localities.iter().any(is_local) {
            counts.local_not_ok = 1;
            return None;
        }
        let key = "upstream.zone_routing.min_cluster_size";
        let least = runtime.number(key, settings.zones.min_cluster_size);
        if least > healthy(upstream.hosts()).count() as u64 {
            counts.too_small = 1;
            return None;
        }
        let order = order(upstream, is_local);
        let first = &upstream.localities[*order.first()?];
        let here = is_local(first).then_some(first);
        let shares = shares(upstream, proxies, &order, settings.zones.by_weight);
        let forced = force
            .zip(here)
            .is_some_and(|(least, here)| healthy(here.hosts.iter()).count() as u64 >= least);
        Some(Self {
            routing: routing(&shares, here.is_some(), forced),
            order,
            local_panics: PriorityHealth::of(proxies, local.sets)
                .panics(settings.panic_threshold.min(100).into()),
            runtime: local.runtime.clone(),
            routing_enabled: settings.zones.routing_enabled,
        })
    }

    /// Where a request goes.
    pub fn choose(&self, fail_on_panic: bool, asker: &Asker<'_>) -> Zone {
        if !self.is_enabled(asker.random) {
            return Zone::Any;
        }
        if self.local_panics {
            (asker.count)(ClusterStat::ClusterLbLocalClusterNotOk);
            return if fail_on_panic { Zone::None } else { Zone::Any };
        }
        self.order.get(self.place(asker)).map_or(Zone::None, |&index| Zone::One(index))
    }

    fn is_enabled(&self, random: &Random) -> bool {
        let default = (self.routing_enabled, 100);
        let (share, whole) = self.runtime.load().share("upstream.zone_routing.enabled", default);
        share >= whole || random.below(whole) < share
    }

    /// A place in `order`.
    fn place(&self, asker: &Asker<'_>) -> usize {
        let Routing::Residual { staying, capacity } = &self.routing else {
            (asker.count)(ClusterStat::ClusterLbZoneRoutingAllDirectly);
            return 0;
        };
        if asker.random.below(WHOLE) < *staying {
            (asker.count)(ClusterStat::ClusterLbZoneRoutingSampled);
            return 0;
        }
        (asker.count)(ClusterStat::ClusterLbZoneRoutingCrossZone);
        let Some(all) = capacity.last().copied().filter(|all| *all > 0) else {
            // Rounding has left no capacity anywhere.
            (asker.count)(ClusterStat::ClusterLbZoneNoCapacityLeft);
            return asker.random.below(capacity.len() as u64) as usize;
        };
        let found = asker.random.below(all);
        capacity.partition_point(|upto| *upto <= found)
    }
}

fn healthy<'a>(hosts: impl Iterator<Item = &'a Arc<Host>>) -> impl Iterator<Item = &'a Arc<Host>> {
    hosts.filter(|host| host.availability() == Availability::Healthy)
}

fn order(priority: &PriorityHosts, is_local: impl Fn(&LocalityHosts) -> bool) -> Box<[usize]> {
    let mut order: Box<[usize]> = (0..priority.localities.len()).collect();
    order.sort_by_key(|&index| {
        let found = &priority.localities[index];
        (!is_local(found), found.locality.clone())
    });
    order
}

/// For each locality the share of the local cluster's hosts that are there, and of the upstream's.
fn shares(
    upstream: &PriorityHosts,
    proxies: &PriorityHosts,
    order: &[usize],
    by_weight: bool,
) -> Vec<(u64, u64)> {
    let size = |locality: &LocalityHosts| -> u64 {
        let weight = |host: &Arc<Host>| if by_weight { host.weight.into() } else { 1 };
        healthy(locality.hosts.iter()).map(weight).sum()
    };
    let total = |priority: &PriorityHosts| priority.localities.iter().map(size).sum::<u64>();
    let part = |size: u64, total: u64| (WHOLE * size).checked_div(total).unwrap_or(0);
    let (all_proxies, all_upstream) = (total(proxies), total(upstream));
    let share = |&index: &usize| {
        let here = &upstream.localities[index];
        match size(here) {
            0 => (0, 0),
            hosts => {
                let same = |found: &&LocalityHosts| found.locality == here.locality;
                let proxies = proxies.localities.iter().find(same).map_or(0, size);
                (part(proxies, all_proxies), part(hosts, all_upstream))
            }
        }
    };
    order.iter().map(share).collect()
}

/// `has_local`: the first share is that of the local locality.
fn routing(shares: &[(u64, u64)], has_local: bool, forced: bool) -> Routing {
    let (proxies, hosts) = if has_local { shares[0] } else { (0, 0) };
    if forced || (hosts > 0 && hosts >= proxies) {
        return Routing::Direct;
    }
    let mut sum = 0;
    let capacity = shares.iter().enumerate().map(|(place, (proxies, hosts))| {
        if place > 0 || !has_local {
            sum += hosts.saturating_sub(*proxies);
        }
        sum
    });
    Routing::Residual {
        capacity: capacity.collect(),
        staying: (hosts * WHOLE).checked_div(proxies).unwrap_or(0),
    }
}

#[cfg(test)]
mod tests;
