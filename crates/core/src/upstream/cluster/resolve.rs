//! Hosts that requests name: the one that there is, or the wait for it.

use std::borrow::Cow;
use std::sync::Arc;

use super::Cluster;
use crate::lb::{LbContext, LoadBalancer};
use crate::upstream::dns_cache::{CacheFull, HostName, Loading, Lookup};
use crate::upstream::{Availability, Host};

/// What Envoy says where the name is no reason for there being no host.
const RESOLVED: &str = "cares_success:Successful_completion";

impl Cluster {
    /// Has the name of the host resolved which the context names, where the cluster's hosts are such: there may
    /// be one after it.
    ///
    /// # Errors
    /// Why there is no host, as `%RESPONSE_CODE_DETAILS%` has it.
    pub fn resolve(&self, context: &LbContext<'_>) -> Result<Loading, Cow<'static, str>> {
        let forward = self.shared().forward().ok_or("no_healthy_upstream")?;
        let name = forward.name(context).ok_or("empty_host_header")?;
        let lookup = match forward.cache.look_up(&name) {
            Lookup::Usable if self.has(&name) => return Err(RESOLVED.into()),
            // The cluster does not know yet.
            Lookup::Usable => forward.cache.load(&name),
            other => other,
        };
        match lookup {
            Lookup::Loading(loading) => Ok(loading),
            Lookup::Failed(found) => Err(found.details.to_string().into()),
            Lookup::TooManyHosts => Err(CacheFull::DETAILS.into()),
            Lookup::TooManyPending => Err("dns_cache_pending_requests_overflow".into()),
            Lookup::Usable => Err(RESOLVED.into()),
        }
    }

    /// Whether there is a host of this name, well or not.
    fn has(&self, name: &HostName) -> bool {
        self.balancer.borrow().prepared().host(name.as_str()).is_some()
    }
}

/// The host of this name, unless it is known to be unwell.
pub(super) fn host(balancer: &LoadBalancer, name: &HostName) -> Option<Arc<Host>> {
    let host = balancer.prepared().host(name.as_str())?;
    host.cached.as_ref().inspect(|cached| cached.touch());
    (host.availability() != Availability::Unhealthy).then(|| host.clone())
}
