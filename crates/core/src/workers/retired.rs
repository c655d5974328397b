//! What was replaced or removed and may still be in use: it is freed here, on the main thread, once no
//! worker has it. To free a large route table takes longer than a worker may pause.

use std::sync::Arc;

use crate::listener::{FilterChain, ListenerConfig};
use crate::route::RouteTable;
use crate::upstream::ClusterShared;

enum Item {
    Cluster(Arc<ClusterShared>),
    RouteTable(Arc<RouteTable>),
    /// All of it drains.
    Listener(Arc<ListenerConfig>),
    /// The rest of its listener stays.
    Chain(Arc<FilterChain>),
    /// Only the list of chains; those that went are items of their own.
    Chains(Arc<ListenerConfig>),
}

impl Item {
    fn is_in_use(&self) -> bool {
        match self {
            Self::Cluster(cluster) => Arc::strong_count(cluster) > 1,
            Self::RouteTable(table) => Arc::strong_count(table) > 1,
            Self::Listener(config) => {
                Arc::strong_count(config) > 1 || Arc::strong_count(&config.settings) > 1
            }
            Self::Chain(chain) => Arc::strong_count(chain) > 1,
            Self::Chains(config) => Arc::strong_count(config) > 1,
        }
    }
}

/// What workers may still use although it is not current.
#[derive(Default)]
pub struct Retired {
    items: Vec<Item>,
}

impl Retired {
    pub fn cluster(&mut self, old: Arc<ClusterShared>) {
        self.items.push(Item::Cluster(old));
    }

    pub fn route_table(&mut self, old: Arc<RouteTable>) {
        self.items.push(Item::RouteTable(old));
    }

    /// Takes a listener that went, or that `new` replaces.
    pub fn listener(&mut self, old: Arc<ListenerConfig>, new: Option<&ListenerConfig>) {
        let Some(new) = new.filter(|new| Arc::ptr_eq(&new.settings, &old.settings)) else {
            return self.items.push(Item::Listener(old));
        };
        let kept: std::collections::HashSet<_> = new.chains.iter().map(Arc::as_ptr).collect();
        let gone = old.chains.iter().filter(|chain| !kept.contains(&Arc::as_ptr(chain)));
        self.items.extend(gone.cloned().map(Item::Chain));
        self.items.push(Item::Chains(old));
    }

    /// Frees what no worker has any more.
    pub fn sweep(&mut self) {
        // A list of chains holds chains: it goes first.
        self.items.retain(|item| !matches!(item, Item::Chains(_)) || item.is_in_use());
        self.items.retain(Item::is_in_use);
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Listeners whose connections are on their way out.
    pub fn listeners(&self) -> usize {
        self.items.iter().filter(|item| matches!(item, Item::Listener(_))).count()
    }

    /// The same of filter chains whose listeners stay.
    pub fn chains(&self) -> usize {
        self.items.iter().filter(|item| matches!(item, Item::Chain(_))).count()
    }
}
