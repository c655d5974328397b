//! Hosts that discovery does not name any more, and that stay as long as they pass their health checks.

use std::sync::Arc;

use super::{HostSets, LocalityHosts, PriorityHosts, Update};
use crate::upstream::{CheckFlags, Health, Host};

impl HostSets {
    /// The same without hosts that were removed and fail their health checks, and in how many priorities there
    /// were such.
    pub fn without_failed(&self) -> (Self, u64) {
        let gone = |host: &Host| {
            host.stats.checks.load().contains(CheckFlags::REMOVED | CheckFlags::FAILED)
        };
        let mut changed = 0;
        let priorities = self.priorities.iter().map(|priority| {
            changed += u64::from(priority.hosts().any(|host| gone(host)));
            let localities = priority.localities.iter().map(|locality| LocalityHosts {
                locality: locality.locality.clone(),
                weight: locality.weight,
                hosts: locality.hosts.iter().filter(|host| !gone(host)).cloned().collect(),
            });
            let localities = localities.filter(|locality| !locality.hosts.is_empty()).collect();
            PriorityHosts { localities }
        });
        let left = Self { priorities: priorities.collect(), ..*self };
        (left, changed)
    }
}

impl Update<'_> {
    /// Lets hosts stay that nobody names any more, as long as they pass their health checks.
    pub(super) fn keep_passing(&mut self, priorities: &mut Vec<PriorityHosts>) {
        let failing = CheckFlags::FAILED;
        for host in self.previous.hosts().filter(|host| host.is_checked()) {
            let left = self.old.get(&host.address);
            let is_left =
                left.is_some_and(|left| left.iter().any(|other| Arc::ptr_eq(other, host)));
            let well = host.health() != Health::Unhealthy && host.health() != Health::Timeout;
            if is_left && well && !host.stats.checks.load().contains(failing) {
                host.stats.checks.set(CheckFlags::REMOVED);
                put_back(priorities, host);
            }
        }
    }
}

/// Puts a host back where it was.
fn put_back(priorities: &mut Vec<PriorityHosts>, host: &Arc<Host>) {
    let priority = host.priority as usize;
    if priorities.len() <= priority {
        priorities.resize_with(priority + 1, PriorityHosts::default);
    }
    let localities = &mut priorities[priority].localities;
    match localities.iter_mut().find(|found| found.locality == host.locality) {
        Some(found) => found.hosts = found.hosts.iter().chain([host]).cloned().collect(),
        None => localities.push(LocalityHosts {
            locality: host.locality.clone(),
            weight: 0,
            hosts: [host.clone()].into(),
        }),
    }
}
