//! What of load balancing is made once an update and shared by all workers.

use std::collections::HashMap;
use std::sync::Arc;

use super::hashing::Tables;
use super::override_host::{by_address, HostsByAddress};
use super::subsets::Subsets;
use super::zones::{Local, ZoneCounts, Zones};
use super::{LbSettings, SubsetSettings};
use crate::stats::Block;
use crate::upstream::{Host, HostSets};

/// The hosts of a cluster, or of a subset of them, at one moment, with what its policy prepares for them.
pub struct Prepared {
    pub sets: Arc<HostSets>,
    pub(super) kind: Kind,
    /// Where requests may name hosts.
    named: Option<Box<HostsByAddress>>,
    zone_counts: ZoneCounts,
}

pub(super) enum Kind {
    /// The policy keeps its state in the workers.
    Policies(Option<Arc<Zones>>),
    Hashing(Box<Tables>),
    Subsets(Box<Subsets>),
    /// The cluster chooses them by their names.
    Provided(HostsByName),
}

type HostsByName = HashMap<Arc<str>, Arc<Host>, ahash::RandomState>;

impl Prepared {
    /// Of a whole cluster. What did not change is taken over from `previous`. Without `local`, zones play no
    /// part.
    pub fn of_cluster(
        sets: Arc<HostSets>,
        settings: &LbSettings,
        subsets: Option<&Arc<SubsetSettings>>,
        local: Option<&Local<'_>>,
        previous: Option<&Self>,
    ) -> Self {
        let named = settings.named_by_requests.then(|| Box::new(by_address(&sets)));
        let Some(subsets) = subsets else {
            let this = Self { named, ..Self::new(sets, settings, local, previous) };
            if let Kind::Hashing(tables) = &this.kind {
                tables.build();
            }
            return this;
        };
        let old = previous.and_then(Self::subsets);
        let kind = Kind::Subsets(Box::new(Subsets::new(&sets, subsets, settings, local, old)));
        Self { sets, kind, named, zone_counts: ZoneCounts::default() }
    }

    /// The same without subsets; tables are made when they are first used.
    pub(super) fn new(
        sets: Arc<HostSets>,
        settings: &LbSettings,
        local: Option<&Local<'_>>,
        previous: Option<&Self>,
    ) -> Self {
        let old = previous.and_then(|previous| match &previous.kind {
            Kind::Hashing(tables) => Some(&**tables),
            Kind::Policies(_) | Kind::Subsets(_) | Kind::Provided(_) => None,
        });
        let by_name = || sets.hosts().map(|host| (host.hostname.clone(), host.clone())).collect();
        let (kind, zone_counts) = match (settings.hashing, local) {
            (Some(hashing), _) => {
                let tables = Tables::new(&sets, settings, hashing, old);
                (Kind::Hashing(Box::new(tables)), ZoneCounts::default())
            }
            (None, _) if settings.provided => (Kind::Provided(by_name()), ZoneCounts::default()),
            (None, Some(local)) => {
                let (zones, counts) = Zones::settle(&sets, settings, local);
                (Kind::Policies(zones.map(Arc::new)), counts)
            }
            (None, None) => (Kind::Policies(None), ZoneCounts::default()),
        };
        Self { sets, kind, named: None, zone_counts }
    }

    /// The hosts that requests may name.
    pub fn named(&self) -> Option<&HostsByAddress> {
        self.named.as_deref()
    }

    fn subsets(&self) -> Option<&Subsets> {
        match &self.kind {
            Kind::Subsets(subsets) => Some(subsets),
            Kind::Policies(_) | Kind::Hashing(_) | Kind::Provided(_) => None,
        }
    }

    /// The host of a name, where the cluster chooses hosts by their names.
    pub fn host(&self, name: &str) -> Option<&Arc<Host>> {
        match &self.kind {
            Kind::Provided(by_name) => by_name.get(name),
            _ => None,
        }
    }

    /// How many subsets the last update made, and how many it took away.
    pub fn subset_changes(&self) -> (u64, u64) {
        self.subsets().map_or((0, 0), |subsets| (subsets.created, subsets.removed))
    }

    /// What the last update made of zones, in all subsets.
    pub fn zone_counts(&self) -> ZoneCounts {
        self.subsets().map_or(self.zone_counts, Subsets::zone_counts)
    }

    /// Writes the gauges of the policy to a block that nobody else writes. `balancers`: how many load
    /// balancers Envoy would have, one for each thread.
    pub fn write_stats(&self, block: &Block, balancers: u64) {
        match &self.kind {
            Kind::Policies(_) | Kind::Provided(_) => {}
            Kind::Hashing(tables) => tables.write_stats(block),
            Kind::Subsets(subsets) => subsets.write_stats(block, balancers),
        }
    }
}
