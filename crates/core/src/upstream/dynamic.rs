//! Hosts that the configuration does not name: those of ORIGINAL_DST clusters, and hosts whose connections begin
//! with what is their client's own. Each has pools of its own, and is forgotten when it is not used.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::pool::Pool;
use super::{Health, Host, Opening};
use crate::address::Address;
use crate::clock;

type Key = (Address, Option<Arc<Opening>>);

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

    /// The host of an address whose connections begin with `opening`; `like` is what it is made of.
    pub fn host(
        &self,
        address: Address,
        opening: Option<Arc<Opening>>,
        like: Option<&Arc<Host>>,
    ) -> Arc<Host> {
        self.clean();
        let mut entries = self.entries.borrow_mut();
        let key = (address.clone(), opening.clone());
        let entry = entries.entry(key).or_insert_with(|| {
            let host = match like {
                Some(host) => host.with_opening(opening),
                None => {
                    let mut host = Host::new(address, "".into(), Arc::default(), 0);
                    host.opening = opening;
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
        let key = (host.address.clone(), host.opening.clone());
        match entries.get_mut(&key) {
            Some(entry) => entry.pools[priority][protocol].get_or_insert_with(make).clone(),
            None => {
                let pool = make();
                pool.drain();
                pool
            }
        }
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

    use super::DynamicHosts;
    use crate::address::Address;
    use crate::upstream::Opening;

    #[test]
    fn a_host_stays_as_long_as_it_is_used() {
        let hosts = DynamicHosts::new(Duration::ZERO);
        let address = || Address::Ip(([127, 0, 0, 1], 80).into());
        let one = hosts.host(address(), None, None);
        assert!(Arc::ptr_eq(&one, &hosts.host(address(), None, None)));
        let opening = Opening { preamble: b"PROXY".into(), ..Opening::default() };
        let other = hosts.host(address(), Some(Arc::new(opening)), None);
        assert!(!Arc::ptr_eq(&one, &other));
        drop((one, other));
        hosts.clean();
        assert!(hosts.entries.borrow().is_empty());
    }
}
