//! Hosts that come and go by their names, one at a time.

use std::net::SocketAddr;
use std::sync::Arc;

use super::{HostSets, LocalityHosts, PriorityHosts, Rules};
use crate::address::Address;
use crate::upstream::dns_cache::CachedHost;
use crate::upstream::{Health, Host, Locality};

impl HostSets {
    /// The sets with a host of this name at the first of `addresses`; the others are tried after it.
    /// A host that is there already stays the same endpoint.
    pub fn with_host(
        &self,
        cached: &Arc<CachedHost>,
        addresses: &[SocketAddr],
        rules: Rules,
    ) -> Option<Self> {
        let (first, rest) = addresses.split_first()?;
        let mut hosts = self.all_hosts();
        let place = hosts.iter().position(|host| host.hostname == cached.name);
        let mut host =
            Host::new(Address::Ip(*first), cached.name.clone(), Arc::<Locality>::default(), 0);
        host.additional_addresses = rest.iter().copied().map(Address::Ip).collect();
        host.cached = Some(cached.clone());
        let mut slots = self.slots;
        match place.map(|place| &mut hosts[place]) {
            Some(old) => {
                host.set_health(old.health());
                host.slot = old.slot;
                host.stats = old.stats.clone();
                host.since = old.since;
                *old = Arc::new(host);
            }
            None => {
                host.set_health(Health::Healthy);
                host.stats.checks.set(rules.new_flags);
                host.slot = self.free_slot();
                slots = slots.max(host.slot + 1);
                hosts.push(Arc::new(host));
            }
        }
        Some(self.with(hosts, slots))
    }

    /// The sets without the host of this name; none when there is no such host.
    pub fn without_host(&self, name: &str) -> Option<Self> {
        let mut hosts = self.all_hosts();
        let place = hosts.iter().position(|host| &*host.hostname == name)?;
        hosts.remove(place);
        Some(self.with(hosts, self.slots))
    }

    fn all_hosts(&self) -> Vec<Arc<Host>> {
        self.hosts().cloned().collect()
    }

    fn free_slot(&self) -> u32 {
        let mut used = vec![false; self.slots as usize];
        self.hosts().for_each(|host| used[host.slot as usize] = true);
        used.iter().position(|used| !used).map_or(self.slots, |slot| slot as u32)
    }

    /// They all have no locality.
    fn with(&self, hosts: Vec<Arc<Host>>, slots: u32) -> Self {
        let all = LocalityHosts { locality: Arc::default(), weight: 1, hosts: hosts.into() };
        Self { priorities: vec![PriorityHosts { localities: vec![all] }], slots, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::Arc;

    use super::HostSets;
    use crate::upstream::dns_cache::{CachedHost, HostName};
    use crate::upstream::host_sets::Rules;

    fn with(sets: &HostSets, name: &str, addresses: &[SocketAddr]) -> HostSets {
        let name = HostName::new(name, 80).unwrap();
        sets.with_host(&Arc::new(CachedHost::new(&name)), addresses, Rules::default()).unwrap()
    }

    fn shown(sets: &HostSets) -> Vec<String> {
        let show = |host: &crate::upstream::Host| {
            let more = host.additional_addresses.len();
            format!("{} {} +{more} at {}", host.hostname, host.address, host.slot)
        };
        sets.hosts().map(|host| show(host)).collect()
    }

    #[test]
    fn hosts_come_move_and_go_by_their_names() {
        let address = |last: u8| SocketAddr::from(([10, 0, 0, last], 80));
        let first = with(&HostSets::default(), "a", &[address(1), address(2)]);
        let both = with(&first, "b", &[address(1)]);
        assert_eq!(shown(&both), ["a:80 10.0.0.1:80 +1 at 0", "b:80 10.0.0.1:80 +0 at 1"]);
        let moved = with(&both, "a", &[address(3)]);
        assert_eq!(shown(&moved), ["a:80 10.0.0.3:80 +0 at 0", "b:80 10.0.0.1:80 +0 at 1"]);
        let same = both.hosts().zip(moved.hosts()).all(|(old, new)| old.same_endpoint(new));
        assert!(same && moved.without_host("c:80").is_none());
        let left = moved.without_host("a:80").unwrap();
        assert_eq!(
            shown(&with(&left, "c", &[address(4)])),
            ["b:80 10.0.0.1:80 +0 at 1", "c:80 10.0.0.4:80 +0 at 0"]
        );
    }
}
