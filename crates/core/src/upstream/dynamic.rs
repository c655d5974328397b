//! Hosts that the configuration does not name: those of ORIGINAL_DST clusters, hosts whose connections begin with
//! what is their client's own, and hosts whose TLS is for the name of a request. Each has pools of its own, and is
//! forgotten when it is not used.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::pool::{self, Pool};
use super::{Health, Host, Opening};
use crate::address::Address;
use crate::clock;
use crate::tls::TlsNames;

/// What sets the connections to a host apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Apart {
    pub opening: Option<Arc<Opening>>,
    pub names: TlsNames,
}

/// The name of the host sets it apart where many have one address.
type Key = (Address, Arc<str>, Apart);

struct Entry {
    host: Arc<Host>,
    /// By priority, then by protocol.
    pools: [[Option<Rc<Pool>>; 2]; 2],
    used: Instant,
}

/// The dynamic hosts of a cluster in one worker.
pub struct DynamicHosts {
    entries: RefCell<HashMap<Key, Entry>>,
    /// How long a host stays that is not used.
    interval: Duration,
    cleaned: Cell<Instant>,
}

impl DynamicHosts {
    pub fn new(interval: Duration) -> Self {
        Self { entries: RefCell::default(), interval, cleaned: Cell::new(clock::now()) }
    }

    pub fn count(&self) -> usize {
        self.entries.borrow().len()
    }

    /// The host of an address whose connections are set apart so; `like` is what it is made of.
    pub fn host(&self, address: Address, apart: Apart, like: Option<&Arc<Host>>) -> Arc<Host> {
        self.clean();
        let mut entries = self.entries.borrow_mut();
        let hostname = like.map(|host| host.hostname.clone()).unwrap_or_default();
        let entry = entries.entry(key(&address, hostname, &apart)).or_insert_with(|| {
            let host = match like {
                Some(host) => host.variant(apart.opening, apart.names),
                None => {
                    let mut host = Host::new(address, "".into(), Arc::default(), 0);
                    host.opening = apart.opening;
                    host.names = apart.names;
                    host.dynamic = true;
                    host.set_health(Health::Healthy);
                    host
                }
            };
            Entry { host: Arc::new(host), pools: Default::default(), used: clock::now() }
        });
        entry.used = clock::now();
        entry.host.clone()
    }

    /// The pool of a host, made when there is none; a host that is forgotten already gets one for itself.
    pub fn pool(
        &self,
        host: &Arc<Host>,
        (priority, protocol): (usize, usize),
        make: impl Fn() -> Rc<Pool>,
    ) -> Rc<Pool> {
        let mut entries = self.entries.borrow_mut();
        let apart = Apart { opening: host.opening.clone(), names: host.names.clone() };
        match entries.get_mut(&key(&host.address, host.hostname.clone(), &apart)) {
            Some(entry) => entry.pools[priority][protocol].get_or_insert_with(make).clone(),
            None => {
                let pool = make();
                pool.drain();
                pool
            }
        }
    }

    /// Follows an update: `find` has the host that one is made of, if there is still such.
    pub fn follow<'h>(&self, find: impl Fn(&Host) -> Option<&'h Arc<Host>>) {
        self.entries.borrow_mut().retain(|_, entry| {
            let known = find(&entry.host).filter(|known| known.same_endpoint(&entry.host));
            if let Some(known) = known {
                let (opening, names) = (entry.host.opening.clone(), entry.host.names.clone());
                entry.host = Arc::new(known.variant(opening, names));
            }
            let host = known.map(|_| &entry.host);
            entry.pools.iter_mut().flatten().for_each(|place| pool::follow(place, host));
            known.is_some()
        });
    }

    /// Forgets hosts that were not used for the interval.
    fn clean(&self) {
        let now = clock::now();
        if now < self.cleaned.get() + self.interval {
            return;
        }
        self.cleaned.set(now);
        self.entries.borrow_mut().retain(|_, entry| {
            let stays = now < entry.used + self.interval
                || Arc::strong_count(&entry.host) > 1 + entry.pooled();
            if !stays {
                entry.pools.iter().flatten().flatten().for_each(|pool| pool.drain());
            }
            stays
        });
    }

    pub fn drain(&self) {
        for entry in self.entries.borrow_mut().drain() {
            entry.1.pools.iter().flatten().flatten().for_each(|pool| pool.drain());
        }
    }
}

/// Names that differ in case alone are the same.
fn key(address: &Address, hostname: Arc<str>, apart: &Apart) -> Key {
    let names = apart.names.lowered();
    (address.clone(), hostname, Apart { opening: apart.opening.clone(), names })
}

impl Entry {
    /// How many of its pools hold the host.
    fn pooled(&self) -> usize {
        self.pools.iter().flatten().flatten().count()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::{Apart, DynamicHosts, Host};
    use crate::address::Address;
    use crate::tls::TlsNames;
    use crate::upstream::Opening;

    #[test]
    fn a_host_stays_as_long_as_it_is_used() {
        let hosts = DynamicHosts::new(Duration::ZERO);
        let address = || Address::Ip(([127, 0, 0, 1], 80).into());
        let none = Apart::default;
        let one = hosts.host(address(), none(), None);
        assert!(Arc::ptr_eq(&one, &hosts.host(address(), none(), None)));
        let opening = Opening { preamble: b"PROXY".into(), ..Opening::default() };
        let headed = Apart { opening: Some(Arc::new(opening)), ..none() };
        let other = hosts.host(address(), headed, None);
        assert!(!Arc::ptr_eq(&one, &other));
        drop((one, other));
        hosts.clean();
        assert!(hosts.entries.borrow().is_empty());
    }

    #[test]
    fn hosts_follow_those_that_they_are_made_of() {
        let hosts = DynamicHosts::new(Duration::from_secs(60));
        let address = || Address::Ip(([127, 0, 0, 1], 80).into());
        let known = Arc::new(Host::new(address(), "h".into(), Arc::default(), 0));
        let names = TlsNames { sni: Some("a.test".into()), ..TlsNames::default() };
        let apart = || Apart { names: names.clone(), ..Apart::default() };
        let host = hosts.host(address(), apart(), Some(&known));
        hosts.follow(|_| Some(&known));
        let updated = hosts.host(address(), apart(), Some(&known));
        assert!(!Arc::ptr_eq(&host, &updated));
        assert_eq!(updated.names, names);
        hosts.follow(|_| None);
        assert_eq!(hosts.count(), 0);
    }

    #[test]
    fn hosts_are_kept_apart_by_names_but_not_by_their_case() {
        let hosts = DynamicHosts::new(Duration::from_secs(60));
        let host = |name: &str| {
            let names = TlsNames { sni: Some(name.into()), ..TlsNames::default() };
            let address = Address::Ip(([127, 0, 0, 1], 80).into());
            hosts.host(address, Apart { names, ..Apart::default() }, None)
        };
        assert!(Arc::ptr_eq(&host("a.test"), &host("A.TEST")));
        assert!(!Arc::ptr_eq(&host("a.test"), &host("b.test")));
    }
}
