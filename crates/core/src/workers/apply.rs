//! Applying an update: each resource is compiled once, then every worker gets a pointer to it.

use std::collections::HashMap;
use std::sync::Arc;

use super::Workers;
use crate::address::Address;
use crate::compile::CompileError;
use crate::listener::socket::bind;
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
    listeners: HashMap<String, Vec<Address>>,
}

fn rejection(kind: &str, name: &str, error: CompileError) -> proto::Rejection {
    proto::Rejection {
        kind: kind.to_owned(),
        name: name.to_owned(),
        path: error.path,
        reason: error.reason,
    }
}

/// The kernel's words without the number.
fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

impl Resources {
    pub fn clusters(&self) -> impl Iterator<Item = &Arc<ClusterShared>> {
        self.clusters.values()
    }

    pub fn listeners(&self) -> Vec<proto::ListenerStatus> {
        self.listeners
            .iter()
            .map(|(name, addresses)| proto::ListenerStatus {
                name: name.clone(),
                addresses: addresses.iter().map(Address::to_message).collect(),
            })
            .collect()
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
                Ok(table) => {
                    let table = Arc::new(table);
                    if !dry {
                        workers.send_all(|_| Command::RouteTable(table.clone()));
                    }
                }
                Err(error) => rejections.push(rejection("route_table", &table.name, error)),
            }
        }
        for listener in &update.listeners {
            if let Err(error) = self.listener(workers, listener, dry) {
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
        self.clusters.insert(message.name.clone(), cluster);
        Ok(())
    }

    fn listener(
        &mut self,
        workers: &Workers,
        message: &proto::Listener,
        dry: bool,
    ) -> Result<(), CompileError> {
        let config = Arc::new(ListenerConfig::compile(message, &workers.sinks)?);
        if dry {
            return Ok(());
        }
        let mut per_worker: Vec<Vec<_>> = (0..workers.concurrency).map(|_| Vec::new()).collect();
        let mut bound = Vec::new();
        for address in config.addresses.iter().filter(|_| message.bind_to_port) {
            let (address, sockets) =
                bind(address, message, workers.concurrency).map_err(|error| {
                    CompileError::new(format!("cannot bind '{address}': {}", reason(&error)))
                })?;
            bound.push(address);
            for (mine, socket) in per_worker.iter_mut().zip(sockets) {
                mine.push(socket);
            }
        }
        self.listeners.insert(message.name.clone(), bound);
        let sockets = std::cell::RefCell::new(per_worker);
        workers.send_all(|index| {
            let mine = sockets.borrow_mut().get_mut(index).map(std::mem::take).unwrap_or_default();
            Command::Listener(config.clone(), mine)
        });
        Ok(())
    }

    fn remove(&mut self, workers: &Workers, update: &proto::Update) {
        for name in &update.removed_listeners {
            self.listeners.remove(name);
            workers.send_all(|_| Command::RemoveListener(name.clone()));
        }
        for name in &update.removed_route_tables {
            workers.send_all(|_| Command::RemoveRouteTable(name.clone()));
        }
        for name in &update.removed_clusters {
            if let Some(cluster) = self.clusters.remove(name) {
                workers.endpoints.remove(name);
                workers.shared.registry.remove(cluster.config.stats_block);
            }
            workers.send_all(|_| Command::RemoveCluster(name.clone()));
        }
    }
}
