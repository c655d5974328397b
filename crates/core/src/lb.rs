//! Load balancing: a priority, then (by choice) a locality, then a host by the cluster's policy.
//!
//! A policy is one file here and one line in [`POLICIES`]. It chooses among the hosts of one source: the
//! healthy, the degraded or all hosts of a priority or of a locality of it.
//! <https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/load_balancing>

mod balancer;
mod client_weighted;
mod criteria;
mod edf;
mod hashing;
mod least_request;
mod load_balancer;
mod locality;
mod override_host;
mod prepared;
mod priority;
mod random;
mod retry_priority;
mod round_robin;
mod slow_start;
mod subsets;
mod zones;

use std::cell::Cell;
use std::sync::Arc;

pub use balancer::{Balancer, Choice};
pub use criteria::Criteria;
pub use hashing::{HashSettings, TableSettings};
pub use load_balancer::LoadBalancer;
pub use override_host::OverrideHost;
pub use prepared::Prepared;
pub use priority::{Loads, PriorityHealth};
pub use retry_priority::RetryPriority;
pub use slow_start::SlowStart;
pub use subsets::SubsetSettings;
pub use zones::{Local, ZoneCounts, ZoneSettings};

use crate::clock;
use crate::connection::Tlv;
use crate::headers::Headers;
use crate::http::stream_info::ConnectionInfo;
use crate::proto::{ClusterStat, LbPolicy};
use crate::random::Random;
use crate::tls::TlsNames;
use crate::upstream::Host;

/// What a choice may depend on.
#[derive(Clone, Copy, Default)]
pub struct LbContext<'a> {
    /// By a hash policy; clusters that hash take a random one where there is none.
    pub hash: Option<u64>,
    /// What metadata the host has to have, where the cluster has subsets.
    pub criteria: Option<&'a Criteria>,
    /// The priority and the hosts of it that an aggregate cluster has chosen.
    pub at: Option<(usize, Choice)>,
    /// What priorities a retry leaves out (`retry_priority`). Policies that hash ask nobody.
    pub retry_priority: Option<&'a RetryPriority>,
    /// How many of the hosts that the request names were tried for it.
    pub tried_named: Option<&'a Cell<usize>>,
    /// Hosts that a retry avoids (`previous_hosts`).
    pub avoid: &'a [Arc<Host>],
    /// How often a choice among `avoid` is made anew; then it stands.
    pub max_attempts: u32,
    /// Avoids canary hosts as well (`omit_canary_hosts`).
    pub avoid_canary: bool,
    /// The client's connection.
    pub connection: Option<&'a ConnectionInfo>,
    /// Of the request, if there is one.
    pub headers: Option<&'a Headers>,
    /// Dynamic metadata of the request.
    pub metadata: Option<&'a serde_json::Value>,
    /// Of the request; None: that of the connection counts.
    pub filter_state: Option<&'a serde_json::Value>,
    /// Of a tcp_proxy, for the PROXY protocol.
    pub tlvs: &'a [Tlv],
    /// What the request decides of TLS.
    pub names: Option<&'a TlsNames>,
}

impl LbContext<'_> {
    fn refuses(&self, host: &Arc<Host>) -> bool {
        (self.avoid_canary && host.canary) || self.avoid.iter().any(|old| old.same_endpoint(host))
    }
}

/// What the cluster lends to a choice.
pub struct Asker<'a> {
    pub random: &'a Random,
    pub count: &'a dyn Fn(ClusterStat),
    /// How many requests the cluster's hosts have.
    pub active_requests: &'a dyn Fn() -> u64,
}

/// What a policy is built with.
#[derive(Clone, Copy, Debug)]
pub struct LbSettings {
    pub policy: LbPolicy,
    /// LEAST_REQUEST: how many hosts are compared.
    pub choice_count: u32,
    /// LEAST_REQUEST: all hosts are compared.
    pub full_scan: bool,
    /// All but RANDOM and those that hash.
    pub slow_start: Option<SlowStart>,
    /// LEAST_REQUEST with unequal weights: the exponent of active requests.
    pub active_request_bias: f64,
    /// Percent of available hosts below which all are used.
    pub panic_threshold: u32,
    pub fail_traffic_on_panic: bool,
    pub locality_weighted: bool,
    /// All but those that hash.
    pub zones: ZoneSettings,
    /// Requests may name hosts.
    pub named_by_requests: bool,
    /// The cluster chooses hosts by their names, which requests give.
    pub provided: bool,
    /// RING_HASH and MAGLEV.
    pub hashing: Option<HashSettings>,
}

impl Default for LbSettings {
    /// Envoy's defaults.
    fn default() -> Self {
        Self {
            policy: LbPolicy::RoundRobin,
            choice_count: 2,
            full_scan: false,
            slow_start: None,
            active_request_bias: 1.0,
            panic_threshold: 50,
            fail_traffic_on_panic: false,
            locality_weighted: false,
            zones: ZoneSettings::default(),
            named_by_requests: false,
            provided: false,
            hashing: None,
        }
    }
}

/// The choice among the hosts of one source. It keeps its own state; the hosts stay the same.
pub trait Policy {
    /// Index of the host to use. `hosts` is never empty.
    fn pick(&self, hosts: &[Arc<Host>], context: &LbContext<'_>, random: &Random) -> usize;
}

type Build = fn(&[Arc<Host>], &LbSettings, &Random) -> Box<dyn Policy>;

const POLICIES: &[(LbPolicy, Build)] = &[
    (LbPolicy::RoundRobin, round_robin::build),
    (LbPolicy::LeastRequest, least_request::build),
    (LbPolicy::Random, random::build),
    (LbPolicy::ClientSideWeightedRoundRobin, client_weighted::build),
];

/// The policy of `settings` for `hosts`; round robin for one that is not registered.
fn build(hosts: &[Arc<Host>], settings: &LbSettings, random: &Random) -> Box<dyn Policy> {
    let found = POLICIES.iter().find(|(policy, _)| *policy == settings.policy);
    found.map_or(round_robin::build as Build, |(_, build)| *build)(hosts, settings, random)
}

/// Whether hosts are chosen by weight: they differ in it, or one of them is new and starts slowly.
fn weights_count(hosts: &[Arc<Host>], settings: &LbSettings) -> bool {
    hosts.windows(2).any(|pair| pair[0].weight != pair[1].weight)
        || settings.slow_start.is_some_and(|slow| slow.concerns(hosts, clock::now()))
}

#[cfg(test)]
pub(crate) mod testing {
    use std::sync::Arc;

    use super::Asker;
    use crate::random::Random;
    use crate::upstream::{Health, Host};

    /// Of a cluster that counts nothing and has no request.
    pub fn asker(random: &Random) -> Asker<'_> {
        Asker { random, count: &|_| (), active_requests: &|| 0 }
    }

    /// Hosts 10.0.0.1, 10.0.0.2... with these weights.
    pub fn hosts(weights: &[u32]) -> Vec<Arc<Host>> {
        weights.iter().zip(1..).map(|(&weight, n)| host(n, weight, Health::Healthy)).collect()
    }

    pub fn host(number: u8, weight: u32, health: Health) -> Arc<Host> {
        let address = std::net::SocketAddr::from(([10, 0, 0, number], 80)).into();
        let mut host = Host::new(address, "".into(), Arc::default(), 0);
        host.weight = weight;
        host.set_health(health);
        Arc::new(host)
    }

    /// How often each index was picked.
    pub fn count(picks: usize, size: usize, mut pick: impl FnMut() -> usize) -> Vec<usize> {
        let mut counts = vec![0; size];
        for _ in 0..picks {
            counts[pick()] += 1;
        }
        counts
    }
}
