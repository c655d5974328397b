//! The hosts of a cluster at one moment: priorities, in them localities, in them hosts.

mod named;
mod removed;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::health_check::EndpointCheck;
use super::{Availability, CheckFlags, Health, Host, Locality};
use crate::address::Address;
use crate::compile::{At, CompileError, Result};
use crate::proto;

/// Percent by which available hosts are taken to be able to carry more than their share.
const DEFAULT_OVERPROVISIONING: u32 = 140;
/// Priorities must be dense; this bounds what a configuration can make us allocate.
const MAX_PRIORITY: u32 = 128;

pub struct LocalityHosts {
    pub locality: Arc<Locality>,
    /// 0 when the configuration gave none: no traffic under locality-weighted balancing.
    pub weight: u32,
    pub hosts: Box<[Arc<Host>]>,
}

#[derive(Default)]
pub struct PriorityHosts {
    pub localities: Vec<LocalityHosts>,
}

impl PriorityHosts {
    /// All hosts, whatever their health.
    pub fn hosts(&self) -> impl Iterator<Item = &Arc<Host>> {
        self.localities.iter().flat_map(|locality| locality.hosts.iter())
    }
}

/// Immutable but for the health inside the hosts. There is always a priority 0.
pub struct HostSets {
    pub priorities: Vec<PriorityHosts>,
    pub overprovisioning_factor: u32,
    pub weighted_priority_health: bool,
    /// The share of requests that are turned away, from 0 to 1 (drop_overloads).
    pub drop_share: f64,
    /// Slots given to hosts so far: the highest one in use plus one.
    pub slots: u32,
}

impl Default for HostSets {
    fn default() -> Self {
        Self {
            priorities: vec![PriorityHosts::default()],
            overprovisioning_factor: DEFAULT_OVERPROVISIONING,
            weighted_priority_health: false,
            drop_share: 0.0,
            slots: 0,
        }
    }
}

/// Numbers of hosts, as the gauges membership_* have them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Membership {
    pub total: u64,
    pub healthy: u64,
    pub degraded: u64,
    pub excluded: u64,
    pub max_weight: u64,
}

/// What an update did to the hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The update says what is there already.
    None,
    /// Weights, health or metadata changed; the endpoints are the same.
    Hosts,
    /// Endpoints came or went in this many priorities.
    Members(u64),
}

/// How an update treats endpoints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// LOGICAL_DNS: the one host stays, whatever its address.
    pub one_endpoint: bool,
    /// An address counts once. A static cluster may name one several times, which gives it more traffic.
    pub unique: bool,
    /// What is said of new hosts until they were checked.
    pub new_flags: CheckFlags,
    /// A host that passes its health checks stays when it is not named any more.
    pub keep_passing: bool,
}

impl HostSets {
    pub fn hosts(&self) -> impl Iterator<Item = &Arc<Host>> {
        self.priorities.iter().flat_map(PriorityHosts::hosts)
    }

    pub fn membership(&self) -> Membership {
        let mut membership = Membership::default();
        for host in self.hosts() {
            membership.total += 1;
            membership.max_weight = membership.max_weight.max(host.weight.into());
            match host.availability() {
                Availability::Healthy => membership.healthy += 1,
                Availability::Degraded => membership.degraded += 1,
                Availability::Excluded => membership.excluded += 1,
                Availability::Unhealthy => {}
            }
        }
        membership
    }

    /// Checks what clusters that hash ask for: weights that can be summed.
    ///
    /// # Errors
    /// A sum that does not fit into 32 bits.
    pub fn check_sums(&self) -> Result<()> {
        for priority in &self.priorities {
            let hosts: u64 = priority.hosts().map(|host| u64::from(host.weight)).sum();
            let localities: u64 = priority.localities.iter().map(|l| u64::from(l.weight)).sum();
            for (sum, what) in [
                (hosts, "upstream hosts in a locality"),
                (localities, "localities at the same priority"),
            ] {
                if u32::try_from(sum).is_err() {
                    let reason = format!("The sum of weights of all {what} exceeds {}", u32::MAX);
                    return Err(CompileError::new(reason));
                }
            }
        }
        Ok(())
    }

    /// The host sets that `message` describes. Endpoints that were in `self` keep their counters and
    /// their slot, and their host itself if nothing of it but its health changed.
    ///
    /// # Errors
    /// An address that is no address, or a priority out of bounds, with its path.
    pub fn update(&self, message: &proto::Endpoints, rules: Rules) -> Result<(Self, Change)> {
        let mut update = Update::new(self, rules);
        let highest =
            message.localities.iter().map(|locality| locality.priority).max().unwrap_or(0);
        if highest > MAX_PRIORITY {
            return Err(CompileError::new(format!("priority {highest} is above {MAX_PRIORITY}")));
        }
        let mut priorities: Vec<_> = (0..=highest).map(|_| PriorityHosts::default()).collect();
        for (index, locality) in message.localities.iter().enumerate() {
            let hosts = update.hosts(locality).at(format_args!("localities[{index}]"))?;
            add_locality(&mut priorities[locality.priority as usize], locality, hosts);
        }
        if rules.keep_passing {
            update.keep_passing(&mut priorities);
        }
        let sets = Self {
            priorities,
            overprovisioning_factor: match message.overprovisioning_factor {
                0 => DEFAULT_OVERPROVISIONING,
                factor => factor,
            },
            weighted_priority_health: message.weighted_priority_health,
            drop_share: message.drop_share,
            slots: update.slots,
        };
        let change = update.finish(&sets);
        Ok((sets, change))
    }
}

/// Puts hosts into their locality, which the message may name more than once.
fn add_locality(priority: &mut PriorityHosts, message: &proto::Locality, hosts: Vec<Arc<Host>>) {
    let names = (&message.region, &message.zone, &message.sub_zone);
    let same = |found: &&mut LocalityHosts| {
        let locality = &found.locality;
        (&locality.region, &locality.zone, &locality.sub_zone) == names
    };
    if let Some(found) = priority.localities.iter_mut().find(same) {
        found.hosts = found.hosts.iter().cloned().chain(hosts).collect();
        found.weight = message.weight.unwrap_or(found.weight);
        return;
    }
    let locality = match hosts.first() {
        Some(host) => host.locality.clone(),
        None => return,
    };
    priority.localities.push(LocalityHosts {
        locality,
        weight: message.weight.unwrap_or(0),
        hosts: hosts.into(),
    });
}

/// The state of one update: which endpoints there were, and which slots are free.
struct Update<'a> {
    previous: &'a HostSets,
    rules: Rules,
    /// By address; a host that found its place in the new sets is gone from here.
    old: HashMap<&'a Address, Vec<&'a Arc<Host>>>,
    seen: HashSet<Address>,
    free: Vec<u32>,
    slots: u32,
    /// A host was replaced, or its health changed.
    changed: bool,
    /// LOGICAL_DNS: the host has another address.
    moved: bool,
}

impl<'a> Update<'a> {
    fn new(previous: &'a HostSets, rules: Rules) -> Self {
        let mut old: HashMap<_, Vec<_>> = HashMap::new();
        let mut used = vec![false; previous.slots as usize];
        for host in previous.hosts() {
            old.entry(&host.address).or_default().push(host);
            used[host.slot as usize] = true;
        }
        // The first of several hosts of one address is found first.
        old.values_mut().for_each(|hosts| hosts.reverse());
        let free = (0..previous.slots).rev().filter(|slot| !used[*slot as usize]).collect();
        let slots = previous.slots;
        let seen = HashSet::new();
        Self { previous, rules, old, seen, free, slots, changed: false, moved: false }
    }

    fn hosts(&mut self, message: &proto::Locality) -> Result<Vec<Arc<Host>>> {
        let locality = Arc::new(Locality {
            region: message.region.clone(),
            zone: message.zone.clone(),
            sub_zone: message.sub_zone.clone(),
        });
        let mut hosts = Vec::with_capacity(message.endpoints.len());
        for (index, endpoint) in message.endpoints.iter().enumerate() {
            let place = format_args!("endpoints[{index}]").to_string();
            let host = host(endpoint, &locality, message.priority).at(place)?;
            if !self.rules.unique || self.seen.insert(host.address.clone()) {
                hosts.push(self.settle(host));
            }
        }
        Ok(hosts)
    }

    /// Finds the endpoint's former host, or gives it a slot.
    fn settle(&mut self, mut host: Host) -> Arc<Host> {
        // A host that is checked elsewhere from now on is a new one.
        let former = self.former(&host.address).filter(|old| old.check == host.check);
        let Some(old) = former else {
            if host.is_checked() {
                host.stats.checks.set(self.rules.new_flags);
            }
            host.slot = self.free.pop().unwrap_or_else(|| {
                self.slots += 1;
                self.slots - 1
            });
            return Arc::new(host);
        };
        if old.stats.checks.load().contains(CheckFlags::REMOVED) {
            old.stats.checks.clear(CheckFlags::REMOVED);
        }
        if host.health() != old.health() {
            self.changed = true;
            old.set_health(host.health());
        }
        if same(old, &host) {
            return old.clone();
        }
        self.changed = true;
        self.moved |= self.rules.one_endpoint && !same_addresses(old, &host);
        host.slot = old.slot;
        host.stats = old.stats.clone();
        host.since = old.since;
        Arc::new(host)
    }

    fn former(&mut self, address: &Address) -> Option<&'a Arc<Host>> {
        if self.rules.one_endpoint {
            return self.previous.hosts().next();
        }
        self.old.get_mut(address)?.pop()
    }

    fn finish(self, new: &HostSets) -> Change {
        let priorities = self.previous.priorities.len().max(new.priorities.len());
        let members = |sets: &HostSets, priority: usize| -> HashSet<_> {
            let hosts = sets.priorities.get(priority).into_iter().flat_map(PriorityHosts::hosts);
            hosts.map(|host| Arc::as_ptr(&host.stats)).collect()
        };
        let differ =
            |priority: &usize| members(self.previous, *priority) != members(new, *priority);
        match (0..priorities).filter(differ).count() as u64 {
            0 if self.moved => Change::Members(1),
            0 if self.changed || !same_layout(self.previous, new) => Change::Hosts,
            0 => Change::None,
            count => Change::Members(count),
        }
    }
}

/// Everything of two host sets but the hosts themselves.
fn same_layout(old: &HostSets, new: &HostSets) -> bool {
    let layout = |sets: &HostSets| -> Vec<_> {
        let localities = |priority: &PriorityHosts| -> Vec<_> {
            let localities = priority.localities.iter();
            localities.map(|l| (l.locality.clone(), l.weight, l.hosts.len())).collect()
        };
        sets.priorities.iter().map(localities).collect()
    };
    old.overprovisioning_factor == new.overprovisioning_factor
        && old.weighted_priority_health == new.weighted_priority_health
        && old.drop_share == new.drop_share
        && layout(old) == layout(new)
}

fn same_addresses(old: &Host, new: &Host) -> bool {
    old.address == new.address && old.additional_addresses == new.additional_addresses
}

fn same(old: &Host, new: &Host) -> bool {
    same_addresses(old, new)
        && old.hostname == new.hostname
        && old.locality == new.locality
        && old.priority == new.priority
        && old.weight == new.weight
        && old.canary == new.canary
        && old.metadata == new.metadata
}

fn host(message: &proto::Endpoint, locality: &Arc<Locality>, priority: u32) -> Result<Host> {
    let address = message.address.as_ref().ok_or_else(|| CompileError::new("no address"))?;
    let address = Address::compile(address).at("address")?;
    let mut host = Host::new(address, message.hostname.as_str().into(), locality.clone(), priority);
    host.weight = message.weight.max(1);
    host.canary = message.canary;
    host.metadata = super::config::metadata(&message.metadata_json)?;
    host.additional_addresses = crate::compile::each(
        &message.additional_addresses,
        "additional_addresses",
        Address::compile,
    )?
    .into();
    let check = message.check.as_ref().map(EndpointCheck::compile).transpose();
    host.check = check.at("check")?.map(Arc::new);
    host.set_health(Health::from_number(message.health));
    Ok(host)
}

#[cfg(test)]
mod tests;
