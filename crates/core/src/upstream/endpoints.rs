//! The endpoint thread: resolves the names of DNS clusters, and those that requests ask for, and publishes their
//! hosts; checks the health of hosts; lets outlier detection judge hosts, and settles what they weigh, an interval at a time.
//! <https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/service_discovery>

mod caches;
mod discovery;
mod hosts_file;
mod resolver;
mod schedule;
mod unready;
mod words;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{unbounded_channel, UnboundedReceiver, UnboundedSender};
use tokio::task::{spawn_local, AbortHandle, LocalSet};

use self::caches::Caches;
use self::discovery::Discovery;
use self::resolver::Resolvers;
use self::unready::Unready;
use super::dns_cache::Question;
use super::health_check::check_hosts;
use super::{CheckContext, ClusterShared};
use crate::compile::CompileError;
use crate::proto;
use crate::random::Random;
use crate::stats::{BlockKind, Registry, PROCESS_BLOCK};
use crate::timer::Timers;

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

/// The thread; it ends when this is dropped.
pub struct EndpointThread {
    unready: Arc<Unready>,
    /// None after `shutdown`.
    running: Mutex<Option<(UnboundedSender<Command>, JoinHandle<()>)>>,
}

impl EndpointThread {
    /// Starts the thread, which counts as thread number `thread` in stats. `resolve` comes before hosts file and
    /// DNS; host names are compared without regard to case. `questions` are those of DNS caches.
    ///
    /// # Errors
    /// The system has no thread or no event loop to give.
    pub fn start(
        resolve: Vec<Resolve>,
        registry: Arc<Registry>,
        thread: usize,
        questions: UnboundedReceiver<Question>,
    ) -> io::Result<Self> {
        let entry = |r: Resolve| ((r.host.to_ascii_lowercase(), r.port), r.address);
        let table = resolve.into_iter().map(entry).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (commands, queue) = unbounded_channel();
        let unready = Arc::new(Unready::default());
        let told = unready.clone();
        let thread = std::thread::Builder::new().name("endpoints".into()).spawn(move || {
            let block = registry.block(thread, PROCESS_BLOCK, BlockKind::Process);
            let resolvers = Rc::new(Resolvers::new(table, block));
            let random = Rc::new(Random::new());
            let tools = Tools {
                caches: Caches::new(resolvers.clone(), random.clone()),
                resolvers,
                checks: Rc::new(CheckContext { registry, thread, timers: Timers::new(), random }),
                unready: told,
            };
            LocalSet::new().block_on(&runtime, serve(queue, questions, tools));
        })?;
        Ok(Self { unready, running: Mutex::new(Some((commands, thread))) })
    }

    /// Resolves the endpoints of `message` from now on, if it is a DNS cluster, checks and watches its hosts, if it
    /// has health checks or outlier detection, and follows the local cluster, in place of a former cluster of that name.
    pub fn set_cluster(&self, shared: &Arc<ClusterShared>, message: &proto::Cluster) {
        use proto::Discovery::{LogicalDns, StrictDns};
        let by_name = matches!(message.discovery(), StrictDns | LogicalDns);
        self.unready.forget(shared.name());
        if (by_name || shared.health_checker().is_some()) && !shared.is_ready() {
            self.unready.add(shared.clone());
        }
        let endpoints = message.endpoints.clone().unwrap_or_default();
        let dns = message.dns.clone().unwrap_or_default();
        let names = by_name.then(|| Box::new((endpoints, dns)));
        self.send(Command::Set(shared.clone(), names));
    }

    /// Does nothing more for the cluster of that name.
    pub fn remove(&self, name: &str) {
        self.unready.forget(name);
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

    /// Whether a cluster waits for its first answer of DNS, or for the first health checks of its hosts.
    pub fn warming(&self, name: &str) -> bool {
        self.unready.has(name)
    }

    /// Waits until no cluster is warming; false when `limit` passed before.
    pub fn wait_ready(&self, limit: Duration) -> bool {
        self.unready.wait(limit)
    }
}

impl Drop for EndpointThread {
    fn drop(&mut self) {
        self.shutdown();
    }
}

/// What the thread works with.
struct Tools {
    caches: Caches,
    resolvers: Rc<Resolvers>,
    checks: Rc<CheckContext>,
    unready: Arc<Unready>,
}

impl Tools {
    /// Starts what there is to do for a cluster.
    fn begin(&self, shared: Arc<ClusterShared>, names: Option<Box<Names>>) -> Vec<AbortHandle> {
        let mut tasks = Vec::new();
        self.caches.attach(&shared);
        if shared.outlier().is_some() {
            tasks.push(spawn_local(sweep_outliers(shared.clone())).abort_handle());
            let placing = shared.clone();
            let renew = async move { placing.renew_on_ejection().await };
            tasks.push(spawn_local(renew).abort_handle());
        }
        if shared.config.load_weights.is_some() {
            tasks.push(spawn_local(settle_weights(shared.clone())).abort_handle());
        }
        if shared.health_checker().is_some() {
            let unready = self.unready.clone();
            let checks = check_hosts(shared.clone(), self.checks.clone(), move || unready.look());
            tasks.push(spawn_local(checks).abort_handle());
        }
        if shared.follows_local() {
            let following = shared.clone();
            let follow = async move { following.follow_local().await };
            tasks.push(spawn_local(follow).abort_handle());
        }
        if let Some((endpoints, dns)) = names.map(|names| *names) {
            let unready = self.unready.clone();
            let on_first = Box::new(move || unready.look());
            let discovery = Discovery::new(shared, endpoints, &dns, on_first);
            tasks.extend(discovery.start(&dns, &self.resolvers, &self.checks.random));
        }
        tasks
    }
}

async fn serve(
    mut queue: UnboundedReceiver<Command>,
    mut questions: UnboundedReceiver<Question>,
    tools: Tools,
) {
    spawn_local(tools.checks.timers.clone().drive());
    let mut running: HashMap<Arc<str>, Vec<AbortHandle>> = HashMap::new();
    let mut repeating: Option<AbortHandle> = None;
    let stop = |tasks: Option<Vec<AbortHandle>>| {
        tasks.into_iter().flatten().for_each(|task| task.abort());
    };
    loop {
        // A cluster is known before anybody can ask for one of its hosts.
        let command = tokio::select! {
            biased;
            command = queue.recv() => command,
            Some(question) = questions.recv() => {
                tools.caches.answer(question);
                continue;
            }
        };
        let Some(command) = command else { return };
        match command {
            Command::Set(shared, names) => {
                let name = shared.name().clone();
                stop(running.insert(name, tools.begin(shared, names)));
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

async fn settle_weights(shared: Arc<ClusterShared>) {
    while let Some(weights) = &shared.config.load_weights {
        tokio::time::sleep(weights.update).await;
        shared.settle_weights(weights, Instant::now());
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
