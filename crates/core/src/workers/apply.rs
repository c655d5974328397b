//! Applying an update: each resource is compiled once, then every worker gets a pointer to it.

use std::collections::HashMap;
use std::sync::Arc;

use super::listeners::{check_system, ListenerTable};
use super::retired::Retired;
use super::Workers;
use crate::compile::{CompileError, Result};
use crate::filters::Filter;
use crate::listener::{Inherited, ListenerConfig};
use crate::matcher::Regexes;
use crate::on_demand::Ask;
use crate::proto::{self, Discovery};
use crate::route::{RouteScopes, RouteTable};
use crate::runtime::Runtime;
use crate::upstream::{load_assignment, ClusterShared, LocalNode, Surroundings};
use crate::worker::Command;

/// What is applied now.
#[derive(Default)]
pub struct Resources {
    clusters: HashMap<String, Arc<ClusterShared>>,
    /// Clusters that are not used yet.
    warming: HashMap<String, Arc<ClusterShared>>,
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

fn discovered_filter(
    workers: &Workers,
    message: &proto::DiscoveredFilter,
    dry: bool,
) -> Result<()> {
    let filter = message.filter.clone().unwrap_or_default();
    let filter = Arc::new(Filter::compile(&filter, &workers.sinks, &Regexes::default())?);
    if !dry {
        let name: Arc<str> = message.name.as_str().into();
        workers.send_all(|_| Command::DiscoveredFilter(name.clone(), filter.clone()));
    }
    Ok(())
}

fn set_endpoints(
    cluster: Option<&Arc<ClusterShared>>,
    endpoints: &proto::Endpoints,
    dry: bool,
) -> Result<()> {
    if let Some(cluster) = cluster.filter(|_| !dry) {
        cluster.set_endpoints(endpoints)?;
        cluster.set_resolved();
    }
    Ok(())
}

impl Resources {
    pub fn clusters(&self) -> impl Iterator<Item = &Arc<ClusterShared>> {
        self.clusters.values()
    }

    /// Listeners that come or change from now on bind nothing.
    pub fn stop_listening(&mut self) {
        self.listeners.is_stopped = true;
    }

    /// Sockets of the process that this one replaces.
    pub fn inherited(&mut self) -> &mut Inherited {
        &mut self.listeners.inherited
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
        self.apply_clusters(workers, update, dry, &mut rejections);
        self.apply_routes(workers, update, dry, &mut rejections);
        for listener in &update.listeners {
            if let Err(error) = self.listener(workers, listener, update, dry) {
                rejections.push(rejection("listener", &listener.name, error));
            }
        }
        if !dry {
            for message in &update.answered {
                let ask = Arc::new(Ask::of(message));
                workers.send_all(|_| Command::Answered(ask.clone()));
            }
            self.remove(workers, update);
            workers.contexts.sweep();
        }
        proto::Rejections { rejections }
    }

    /// Clusters and their endpoints, and what they need.
    fn apply_clusters(
        &mut self,
        workers: &Workers,
        update: &proto::Update,
        dry: bool,
        rejections: &mut Vec<proto::Rejection>,
    ) {
        if let Some(runtime) = update.runtime.as_ref().filter(|_| !dry) {
            let runtime = Arc::new(Runtime::compile(runtime));
            workers.runtime.store(runtime.clone());
            workers.send_all(|_| Command::Runtime(runtime.clone()));
        }
        if let Some(overload) = update.overload.as_ref().filter(|_| !dry) {
            let overload = Arc::new(overload.clone());
            workers.send_all(|_| Command::Overload(overload.clone()));
        }
        if let Some(node) = update.node.as_ref().filter(|_| !dry) {
            workers.node.store(Some(Arc::new(LocalNode::compile(node))));
        }
        for context in &update.tls_contexts {
            if let Err(error) = workers.contexts.set(context, dry) {
                rejections.push(rejection("tls_context", &context.name, error));
            } else if !dry {
                workers.count_tls_update(context);
            }
        }
        for cluster in &update.clusters {
            if let Err(error) = self.cluster(workers, cluster, dry) {
                rejections.push(rejection("cluster", &cluster.name, error));
            }
        }
        for name in update.activated_clusters.iter().filter(|_| !dry) {
            if let Some(cluster) = self.warming.remove(name) {
                self.activate(workers, cluster);
            }
        }
        for endpoints in &update.endpoints {
            let cluster = self.with_endpoints(&endpoints.cluster, endpoints.warming);
            if let Err(error) = set_endpoints(cluster, endpoints, dry) {
                rejections.push(rejection("endpoints", &endpoints.cluster, error));
            }
        }
        for item in &update.load_assignments {
            let cluster = self.with_endpoints(&item.cluster, item.warming);
            let result = load_assignment::compile(&item.assignment)
                .and_then(|endpoints| set_endpoints(cluster, &endpoints, dry));
            if let Err(error) = result {
                rejections.push(rejection("load_assignment", &item.cluster, error));
            }
        }
    }

    /// What listeners need beside clusters.
    fn apply_routes(
        &mut self,
        workers: &Workers,
        update: &proto::Update,
        dry: bool,
        rejections: &mut Vec<proto::Rejection>,
    ) {
        for table in &update.route_tables {
            match RouteTable::compile(table) {
                Ok(_) if dry => {}
                Ok(table) => self.route_table(workers, table),
                Err(error) => rejections.push(rejection("route_table", &table.name, error)),
            }
        }
        for message in update.route_scopes.iter().filter(|_| !dry) {
            let scopes = Arc::new(RouteScopes::compile(&message.name, &message.scopes));
            workers.send_all(|_| Command::RouteScopes(scopes.clone()));
        }
        for message in &update.discovered_filters {
            if let Err(error) = discovered_filter(workers, message, dry) {
                rejections.push(rejection("discovered_filter", &message.name, error));
            }
        }
    }

    fn cluster(&mut self, workers: &Workers, message: &proto::Cluster, dry: bool) -> Result<()> {
        let surroundings = Surroundings {
            contexts: &workers.contexts,
            runtime: &workers.runtime,
            sinks: Some(&workers.sinks),
            dns_caches: &workers.shared.dns_caches,
            node: workers.node.load_full(),
        };
        let cluster = ClusterShared::compile_with(message, &surroundings)?;
        if dry {
            return Ok(());
        }
        let name = &message.name;
        let watched = cluster.outlier().is_some()
            || cluster.health_checker().is_some()
            || cluster.config.load_weights.is_some()
            || cluster.forward().is_some()
            || cluster.follows_local()
            || matches!(message.discovery(), Discovery::StrictDns | Discovery::LogicalDns);
        if watched {
            workers.endpoints.set_cluster(&cluster, message);
        } else if self.clusters.contains_key(name) {
            workers.endpoints.remove(name);
        }
        if message.warm {
            self.warming.insert(name.clone(), cluster);
        } else {
            self.warming.remove(name);
            self.activate(workers, cluster);
        }
        Ok(())
    }

    fn activate(&mut self, workers: &Workers, cluster: Arc<ClusterShared>) {
        if let Some(old) = self.clusters.get(&**cluster.name()) {
            cluster.count_on(old);
        }
        cluster.introduce();
        workers.send_all(|_| Command::Cluster(cluster.clone()));
        let old = self.clusters.insert(cluster.name().to_string(), cluster);
        old.into_iter().for_each(|old| self.retired.cluster(old));
    }

    /// The cluster that endpoints are for; `warming`: the version that is not used yet.
    fn with_endpoints(&self, name: &str, warming: bool) -> Option<&Arc<ClusterShared>> {
        if warming { &self.warming } else { &self.clusters }.get(name)
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
    ) -> Result<()> {
        check_system(message)?;
        if dry {
            return ListenerConfig::compile(message, &workers.sinks, &workers.contexts, None)
                .map(drop);
        }
        self.listeners.set(workers, message, &update.removed_listeners, &mut self.retired)
    }

    fn remove(&mut self, workers: &Workers, update: &proto::Update) {
        for name in &update.removed_listeners {
            self.listeners.remove(workers, name, &mut self.retired);
        }
        for name in &update.removed_route_scopes {
            workers.send_all(|_| Command::RemoveRouteScopes(name.clone()));
        }
        for name in &update.removed_route_tables {
            let old = self.route_tables.remove(name);
            workers.send_all(|_| Command::RemoveRouteTable(name.clone()));
            old.into_iter().for_each(|old| self.retired.route_table(old));
        }
        for name in &update.removed_discovered_filters {
            workers.send_all(|_| Command::RemoveDiscoveredFilter(name.clone()));
        }
        for name in &update.removed_clusters {
            self.warming.remove(name);
            if let Some(cluster) = self.clusters.remove(name) {
                workers.send_all(|_| Command::RemoveCluster(name.clone()));
                self.retired.cluster(cluster);
            }
            workers.endpoints.remove(name);
        }
        for number in &update.released_stats_blocks {
            workers.shared.registry.remove(*number);
        }
    }
}
