//! Which hosts of a priority are placed, and with what share of its places.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;

use crate::upstream::{Availability, Host, PriorityHosts};

/// A host and its share; the shares of a priority sum to 1.
pub(super) struct Placement {
    pub host: Arc<Host>,
    pub share: f64,
}

impl Placement {
    /// What the host is known by: its metadata `hash_key`, or else its name or its address.
    pub fn key(&self, use_hostname: bool) -> Cow<'_, str> {
        let metadata = self.host.metadata.as_deref();
        let key = metadata.and_then(|all| all.get("envoy.lb")?.get("hash_key"));
        match key.and_then(Value::as_str).filter(|key| !key.is_empty()) {
            Some(key) => key.into(),
            None if use_hostname => (&*self.host.hostname).into(),
            None => self.host.address.to_string().into(),
        }
    }
}

/// The healthy hosts of a priority, or all if it panics. `locality_weighted`: localities share the places
/// by their weight, whatever their health; one without weight has none.
pub(super) fn placements(
    priority: &PriorityHosts,
    panics: bool,
    locality_weighted: bool,
) -> Vec<Placement> {
    let placed = |host: &&Arc<Host>| panics || host.availability() == Availability::Healthy;
    let mut out = Vec::new();
    if !locality_weighted {
        add(priority.hosts().filter(placed), 1.0, &mut out);
        return out;
    }
    let total: u64 = priority.localities.iter().map(|locality| u64::from(locality.weight)).sum();
    for locality in priority.localities.iter().filter(|locality| locality.weight > 0) {
        let share = f64::from(locality.weight) / total as f64;
        add(locality.hosts.iter().filter(placed), share, &mut out);
    }
    out
}

fn add<'a>(hosts: impl Iterator<Item = &'a Arc<Host>>, share: f64, out: &mut Vec<Placement>) {
    let hosts: Vec<_> = hosts.collect();
    let total: u64 = hosts.iter().map(|host| u64::from(host.weight)).sum();
    out.extend(hosts.into_iter().map(|host| Placement {
        host: host.clone(),
        share: f64::from(host.weight) * share / total as f64,
    }));
}

/// Whether two lists place the same hosts in the same way.
pub(super) fn same(old: &[Placement], new: &[Placement]) -> bool {
    let pairs = || old.iter().zip(new);
    old.len() == new.len()
        && pairs().all(|(old, new)| Arc::ptr_eq(&old.host, &new.host) && old.share == new.share)
}
