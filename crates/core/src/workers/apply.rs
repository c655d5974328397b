//! Applying an update: each resource is compiled once, then every worker gets a pointer to it.

use std::collections::HashMap;
use std::sync::Arc;

use super::listeners::ListenerTable;
use super::retired::Retired;
use super::Workers;
use crate::compile::CompileError;
use crate::listener::ListenerConfig;
use crate::proto::{self, Discovery};
use crate::route::RouteTable;
use crate::runtime::Runtime;
use crate::upstream::ClusterShared;
use crate::worker::Command;

/// What is applied now.
#[derive(Default)]
pub struct Resources {
    clusters: HashMap<String, Arc<ClusterShared>>,
    route_tables: HashMap<String, Arc<RouteTable>>,
    listeners: ListenerTable,
    retired: Retired,
}

fn rejection(kind: &str, name: &str, error: CompileError) -> proto::Rejection {
    proto::Rejection {
        kind: kind.to_owned(),
        name: name.to_owned(),
        path: error.path,
        reason: error.reason,
    }
}

impl Resources {
    pub fn clusters(&self) -> impl Iterator<Item = &Arc<ClusterShared>> {
        self.clusters.values()
    }

    /// Every listener, and what of former ones is still draining.
    pub fn listeners(&mut self) -> proto::ListenerStatuses {
        let (listeners, chains) = self.draining();
        proto::ListenerStatuses {
            listeners: self.listeners.statuses(),
            listeners_draining: listeners as u32,
            filter_chains_draining: chains as u32,
        }
    }

    /// How many listeners, and filter chains of listeners that stay, are draining.
    pub fn draining(&mut self) -> (u64, u64) {
        self.retired.sweep();
        (self.retired.listeners() as u64, self.retired.chains() as u64)
    }

    /// Frees what no worker has any more; false when something is left.
    pub fn sweep(&mut self) -> bool {
        self.retired.sweep();
        self.retired.is_empty()
    }

    /// Clusters come before routes and routes before listeners, so that a listener finds what it needs.
    pub fn apply(
        &mut self,
        workers: &Workers,
        update: &proto::Update,
        dry: bool,
    ) -> proto::Rejections {
        let mut rejections = Vec::new();
        if let Some(runtime) = update.runtime.as_ref().filter(|_| !dry) {
            let runtime = Arc::new(Runtime::compile(runtime));
            workers.send_all(|_| Command::Runtime(runtime.clone()));
        }
        for cluster in &update.clusters {
            if let Err(error) = self.cluster(workers, cluster, dry) {
                rejections.push(rejection("cluster", &cluster.name, error));
            }
        }
        for endpoints in &update.endpoints {
            let result = match self.clusters.get(&endpoints.cluster) {
                Some(cluster) if !dry => cluster.set_endpoints(endpoints).map(drop),
                _ => Ok(()),
            };
            if let Err(error) = result {
                rejections.push(rejection("endpoints", &endpoints.cluster, error));
            }
        }
        for table in &update.route_tables {
            match RouteTable::compile(table) {
                Ok(_) if dry => {}
                Ok(table) => self.route_table(workers, table),
                Err(error) => rejections.push(rejection("route_table", &table.name, error)),
            }
        }
        for listener in &update.listeners {
            if let Err(error) = self.listener(workers, listener, update, dry) {
                rejections.push(rejection("listener", &listener.name, error));
            }
        }
        if !dry {
            self.remove(workers, update);
        }
        proto::Rejections { rejections }
    }

    fn cluster(
        &mut self,
        workers: &Workers,
        message: &proto::Cluster,
        dry: bool,
    ) -> Result<(), CompileError> {
        let cluster = ClusterShared::compile(message)?;
        if dry {
            return Ok(());
        }
        if matches!(message.discovery(), Discovery::StrictDns | Discovery::LogicalDns) {
            workers.endpoints.set_cluster(&cluster, message);
        }
        workers.send_all(|_| Command::Cluster(cluster.clone()));
        let old = self.clusters.insert(message.name.clone(), cluster);
        old.into_iter().for_each(|old| self.retired.cluster(old));
        Ok(())
    }

    fn route_table(&mut self, workers: &Workers, table: RouteTable) {
        let table = Arc::new(table);
        let old = self.route_tables.insert(table.name.clone(), table.clone());
        workers.send_all(|_| Command::RouteTable(table.clone()));
        old.into_iter().for_each(|old| self.retired.route_table(old));
    }

    fn listener(
        &mut self,
        workers: &Workers,
        message: &proto::Listener,
        update: &proto::Update,
        dry: bool,
    ) -> Result<(), CompileError> {
        if dry {
            return ListenerConfig::compile(message, &workers.sinks, None).map(drop);
        }
        self.listeners.set(workers, message, &update.removed_listeners, &mut self.retired)
    }

    fn remove(&mut self, workers: &Workers, update: &proto::Update) {
        for name in &update.removed_listeners {
            self.listeners.remove(workers, name, &mut self.retired);
        }
        for name in &update.removed_route_tables {
            let old = self.route_tables.remove(name);
            workers.send_all(|_| Command::RemoveRouteTable(name.clone()));
            old.into_iter().for_each(|old| self.retired.route_table(old));
        }
        for name in &update.removed_clusters {
            if let Some(cluster) = self.clusters.remove(name) {
                workers.endpoints.remove(name);
                workers.shared.registry.remove(cluster.config.stats_block);
                self.retired.cluster(cluster);
            }
            workers.send_all(|_| Command::RemoveCluster(name.clone()));
        }
    }
}
