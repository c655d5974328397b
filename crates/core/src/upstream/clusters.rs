//! The clusters of one worker, by name.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use super::{Cluster, ClusterShared, UpstreamContext};

struct Entry {
    shared: Arc<ClusterShared>,
    /// Made when a request first uses the cluster.
    cluster: OnceCell<Rc<Cluster>>,
}

pub struct Clusters {
    upstream: Rc<UpstreamContext>,
    entries: RefCell<HashMap<Arc<str>, Entry, ahash::RandomState>>,
}

impl Clusters {
    pub fn new(upstream: Rc<UpstreamContext>) -> Self {
        Self { upstream, entries: RefCell::default() }
    }

    pub fn get(&self, name: &str) -> Option<Rc<Cluster>> {
        let entries = self.entries.borrow();
        let entry = entries.get(name)?;
        let make = || Cluster::new(entry.shared.clone(), self.upstream.clone());
        Some(entry.cluster.get_or_init(make).clone())
    }

    /// Adds a cluster, or replaces the one of that name. The old one's idle connections close; requests
    /// that use it finish with it.
    pub fn set(&self, shared: Arc<ClusterShared>) {
        let entry = Entry { shared: shared.clone(), cluster: OnceCell::new() };
        let old = self.entries.borrow_mut().insert(shared.name().clone(), entry);
        drain(old);
    }

    /// Removes a cluster; true if there was one.
    pub fn remove(&self, name: &str) -> bool {
        let old = self.entries.borrow_mut().remove(name);
        let found = old.is_some();
        drain(old);
        found
    }

    /// Lets the clusters in use take notice of changed hosts although they have no traffic. To be called
    /// every few seconds.
    pub fn refresh(&self) {
        let used: Vec<_> =
            self.entries.borrow().values().filter_map(|e| e.cluster.get().cloned()).collect();
        used.iter().for_each(|cluster| cluster.refresh());
    }

    pub fn len(&self) -> usize {
        self.entries.borrow().len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.borrow().is_empty()
    }
}

fn drain(old: Option<Entry>) {
    if let Some(cluster) = old.as_ref().and_then(|entry| entry.cluster.get()) {
        cluster.drain();
    }
}

#[cfg(test)]
mod tests;
