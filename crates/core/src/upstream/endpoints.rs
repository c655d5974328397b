//! The endpoint thread: resolves the names of DNS clusters and publishes their hosts; lets outlier detection
//! judge hosts an interval at a time.
//! <https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/service_discovery>

mod discovery;
mod hosts_file;
mod resolver;
mod schedule;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{unbounded_channel, UnboundedReceiver, UnboundedSender};
use tokio::task::{spawn_local, AbortHandle, LocalSet};

use self::discovery::Discovery;
use self::resolver::Resolvers;
use super::ClusterShared;
use crate::compile::CompileError;
use crate::proto;
use crate::random::Random;
use crate::stats::Block;

/// One answer that replaces DNS, as curl's `--resolve` has it.
#[derive(Clone, Debug)]
pub struct Resolve {
    host: String,
    port: u16,
    address: SocketAddr,
}

impl Resolve {
    /// `host` and `port`, as a cluster names them, stand for `address` and `to_port`.
    ///
    /// # Errors
    /// `address` is not an IP address.
    pub fn new(host: String, port: u16, address: &str, to_port: u16) -> Result<Self, CompileError> {
        let ip = address.trim_matches(['[', ']']).parse().map_err(|_| {
            let reason = format!("{address:?} is not an IP address");
            CompileError::new(reason).at(format_args!("resolve {host}:{port}"))
        })?;
        Ok(Self { host, port, address: SocketAddr::new(ip, to_port) })
    }
}

/// What to answer for a lower-case host name and a port.
type ResolveTable = HashMap<(String, u16), SocketAddr>;

enum Command {
    /// With the names to resolve, if it has any.
    Set(Arc<ClusterShared>, Option<Box<Names>>),
    Remove(Arc<str>),
    Repeat(Repeated),
}

/// Endpoints with names for addresses, and how these are resolved.
type Names = (proto::Endpoints, proto::Dns);

/// Work that is done again until it returns true.
type Repeated = Box<dyn Fn() -> bool + Send>;

/// How often.
const REPEAT: Duration = Duration::from_secs(1);

/// Clusters whose first answer is awaited.
#[derive(Default)]
struct Unresolved {
    clusters: Mutex<Vec<Arc<ClusterShared>>>,
    changed: Condvar,
}

impl Unresolved {
    fn lock(&self) -> MutexGuard<'_, Vec<Arc<ClusterShared>>> {
        self.clusters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets clusters of that name and what is resolved, and tells who waits.
    fn forget(&self, name: &str) {
        self.lock().retain(|cluster| !cluster.resolved() && &**cluster.name() != name);
        self.changed.notify_all();
    }
}

/// The thread; it ends when this is dropped.
pub struct EndpointThread {
    unresolved: Arc<Unresolved>,
    /// None after `shutdown`.
    running: Mutex<Option<(UnboundedSender<Command>, JoinHandle<()>)>>,
}

impl EndpointThread {
    /// Starts the thread. `resolve` comes before hosts file and DNS; host names are compared without
    /// regard to case. `block` is a block of the process that no other thread writes.
    ///
    /// # Errors
    /// The system has no thread or no event loop to give.
    pub fn start(resolve: Vec<Resolve>, block: Arc<Block>) -> io::Result<Self> {
        let entry = |r: Resolve| ((r.host.to_ascii_lowercase(), r.port), r.address);
        let table = resolve.into_iter().map(entry).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (commands, queue) = unbounded_channel();
        let unresolved = Arc::new(Unresolved::default());
        let told = unresolved.clone();
        let thread = std::thread::Builder::new().name("endpoints".into()).spawn(move || {
            let local = LocalSet::new();
            local.block_on(&runtime, serve(queue, Resolvers::new(table, block), told));
        })?;
        Ok(Self { unresolved, running: Mutex::new(Some((commands, thread))) })
    }

    /// Resolves the endpoints of `message` from now on, if it is a DNS cluster, and watches its hosts, if it has
    /// outlier detection, in place of a former cluster of that name.
    pub fn set_cluster(&self, shared: &Arc<ClusterShared>, message: &proto::Cluster) {
        use proto::Discovery::{LogicalDns, StrictDns};
        let by_name = matches!(message.discovery(), StrictDns | LogicalDns);
        if !by_name {
            self.unresolved.forget(shared.name());
        } else if !shared.resolved() {
            self.unresolved.lock().push(shared.clone());
        }
        let endpoints = message.endpoints.clone().unwrap_or_default();
        let dns = message.dns.clone().unwrap_or_default();
        let names = by_name.then(|| Box::new((endpoints, dns)));
        self.send(Command::Set(shared.clone(), names));
    }

    /// Does nothing more for the cluster of that name.
    pub fn remove(&self, name: &str) {
        self.unresolved.forget(name);
        self.send(Command::Remove(name.into()));
    }

    /// Does `work` every second until it returns true, or until other work is given.
    pub fn repeat_until(&self, work: Box<dyn Fn() -> bool + Send>) {
        self.send(Command::Repeat(work));
    }

    /// Ends the thread. Idempotent.
    pub fn shutdown(&self) {
        let running = self.running().take();
        if let Some((commands, thread)) = running {
            drop(commands);
            // A panic of the thread was reported when it happened.
            let _ = thread.join();
        }
    }

    fn running(&self) -> MutexGuard<'_, Option<(UnboundedSender<Command>, JoinHandle<()>)>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, command: Command) {
        if let Some((commands, _)) = &*self.running() {
            // It fails only when the thread has ended, and then there is nothing to tell.
            let _ = commands.send(command);
        }
    }

    /// Whether a DNS cluster waits for its first answer.
    pub fn resolving(&self, name: &str) -> bool {
        self.unresolved.lock().iter().any(|cluster| &**cluster.name() == name)
    }

    /// Waits until each DNS cluster has an answer, good or bad; false when `limit` passed before.
    pub fn wait_first_resolution(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        let mut clusters = self.unresolved.lock();
        loop {
            clusters.retain(|cluster| !cluster.resolved());
            let left = deadline.saturating_duration_since(Instant::now());
            if clusters.is_empty() || left.is_zero() {
                return clusters.is_empty();
            }
            let changed = &self.unresolved.changed;
            clusters =
                changed.wait_timeout(clusters, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for EndpointThread {
    fn drop(&mut self) {
        self.shutdown();
    }
}

async fn serve(
    mut queue: UnboundedReceiver<Command>,
    resolvers: Resolvers,
    unresolved: Arc<Unresolved>,
) {
    let resolvers = Rc::new(resolvers);
    let random = Rc::new(Random::new());
    let mut running: HashMap<Arc<str>, Vec<AbortHandle>> = HashMap::new();
    let mut repeating: Option<AbortHandle> = None;
    let stop = |tasks: Option<Vec<AbortHandle>>| {
        tasks.into_iter().flatten().for_each(|task| task.abort());
    };
    while let Some(command) = queue.recv().await {
        match command {
            Command::Set(shared, names) => {
                let name = shared.name().clone();
                let mut tasks = Vec::new();
                if shared.outlier().is_some() {
                    tasks.push(spawn_local(sweep_outliers(shared.clone())).abort_handle());
                    let placing = shared.clone();
                    let renew = async move { placing.renew_on_ejection().await };
                    tasks.push(spawn_local(renew).abort_handle());
                }
                if let Some((endpoints, dns)) = names.map(|names| *names) {
                    let unresolved = unresolved.clone();
                    let on_first = move |cluster: &ClusterShared| unresolved.forget(cluster.name());
                    let discovery = Discovery::new(shared, endpoints, &dns, Box::new(on_first));
                    tasks.extend(discovery.start(&dns, &resolvers, &random));
                }
                stop(running.insert(name, tasks));
            }
            Command::Remove(name) => stop(running.remove(&name)),
            Command::Repeat(work) => {
                let task = spawn_local(repeat(work)).abort_handle();
                stop(repeating.replace(task).map(|old| vec![old]));
            }
        }
    }
}

async fn sweep_outliers(shared: Arc<ClusterShared>) {
    while let Some(detector) = shared.outlier() {
        tokio::time::sleep(detector.interval()).await;
        shared.sweep_outliers(detector, Instant::now());
    }
}

async fn repeat(work: Repeated) {
    loop {
        tokio::time::sleep(REPEAT).await;
        if work() {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
