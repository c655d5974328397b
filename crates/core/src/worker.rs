//! One worker: a thread with a single-threaded loop that owns its sockets, pools and counters.

use std::cell::{Cell, OnceCell, Ref, RefCell};
use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use ahash::AHashMap;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::access_log::{Loggers, WorkerLogBuffers};
use crate::clock;
use crate::filters::router::client::OwnRequests;
use crate::filters::Filter;
use crate::headers::SpareHeaders;
use crate::http::date::DateCache;
use crate::listener::{Directory, ListenerUpdate, Listeners};
use crate::mesh::PeerCache;
use crate::on_demand::{Ask, Asks, Waiting};
use crate::overload::Overload;
use crate::proto;
use crate::random::Random;
use crate::route::{RouteScopes, RouteTable};
use crate::runtime::Runtime;
use crate::scripts::Scripts;
use crate::stats::{Block, BlockKind, Registry, PROCESS_BLOCK};
use crate::telemetry::deliveries::Deliveries;
use crate::timer::Timers;
use crate::tracing::Tracers;
use crate::upstream::dns_cache::DnsCaches;
use crate::upstream::internal::Doors;
use crate::upstream::{ClusterShared, Clusters, UpstreamContext};

/// Where a connection manager finds its route table; empty until the table arrives.
pub type RouteSlot = RefCell<Option<Arc<RouteTable>>>;

/// The place of a route table for each scope key; see `RouteScopes`.
pub type ScopeSlots = HashMap<Arc<[u8]>, Rc<RouteSlot>>;

/// Where a connection manager finds its scopes.
pub type ScopesSlot = RefCell<ScopeSlots>;

/// What the workers of a process share.
pub struct Shared {
    pub registry: Arc<Registry>,
    /// The next connection's or stream's id.
    pub ids: Arc<AtomicU64>,
    /// Downstream connections from outside of the process, open now.
    pub connections: AtomicU64,
    /// Of those, the ones of listeners whose connections are limited together.
    pub limited_connections: AtomicU64,
    /// What connections have to end when their listener or filter chain goes.
    pub drain_time: Duration,
    /// Over which their responses come to end them; zero: with the next one.
    pub drain_over: Duration,
    /// What requests wait for.
    pub asks: Asks,
    pub dns_caches: DnsCaches,
    pub scripts: Scripts,
}

/// What the main thread asks of a worker.
pub enum Command {
    Cluster(Arc<ClusterShared>),
    RemoveCluster(String),
    RouteTable(Arc<RouteTable>),
    RemoveRouteTable(String),
    RouteScopes(Arc<RouteScopes>),
    RemoveRouteScopes(String),
    DiscoveredFilter(Arc<str>, Arc<Filter>),
    RemoveDiscoveredFilter(String),
    Listener(ListenerUpdate),
    /// With what is dropped once the sockets are closed.
    RemoveListener(String, Arc<()>),
    Runtime(Arc<Runtime>),
    Overload(Arc<proto::Overload>),
    /// What requests wait for is in use, or there is no such thing.
    Answered(Arc<Ask>),
    Start,
    /// HTTP connections end over this time; zero: with their next response.
    Drain(Duration),
    /// Answers with every listening socket, by other descriptors.
    ExportSockets(std::sync::mpsc::Sender<std::io::Result<Vec<OwnedFd>>>),
    /// Responses tell clients to go elsewhere (`/healthcheck/fail`), or no more do.
    FailHealthCheck(bool),
    StopListeners {
        inbound_only: bool,
    },
    FlushLogs,
    Shutdown,
}

/// How often pools of clusters without traffic take notice of changed hosts.
const REFRESH: Duration = Duration::from_secs(2);

/// Most turns of the loop for connections to end in, when all were told to.
const CLOSING_TURNS: usize = 100_000;

pub struct Worker {
    pub index: usize,
    pub shared: Arc<Shared>,
    pub timers: Rc<Timers>,
    pub random: Rc<Random>,
    pub process: Arc<Block>,
    pub clusters: Clusters,
    pub date: DateCache,
    pub headers: SpareHeaders,
    pub logs: WorkerLogBuffers,
    /// Entries of access logs for services.
    pub loggers: Loggers,
    /// Entries and spans on their way.
    pub deliveries: Deliveries,
    /// Downstream connections of this worker.
    pub open_connections: Cell<usize>,
    /// Requests that wait for what the main thread is to bring.
    pub waiting: Waiting,
    /// Where a listener hands connections to another by the address to which they went.
    pub directory: Directory,
    /// Where clusters find internal listeners.
    pub doors: Rc<Doors>,
    pub overload: Rc<Overload>,
    /// Who is at the other end, as headers said lately.
    pub peers: PeerCache,
    /// Of listeners that bypass the other.
    calm: Rc<Overload>,
    /// Made with the first request of the proxy's own whose answer somebody waits for.
    pub own_requests: OnceCell<OwnRequests>,
    pub tracers: Tracers,
    runtime: RefCell<Arc<Runtime>>,
    routes: RefCell<HashMap<Arc<str>, Rc<RouteSlot>>>,
    route_scopes: RefCell<HashMap<Arc<str>, Rc<ScopesSlot>>>,
    discovered_filters: RefCell<HashMap<Arc<str>, Arc<Filter>>>,
    /// Of what requests count in beside their cluster.
    kept_blocks: RefCell<AHashMap<u32, Arc<Block>>>,
    drain: Cell<Option<(Instant, Duration)>>,
    health_failed: Cell<bool>,
}

impl Worker {
    pub fn new(index: usize, shared: Arc<Shared>, logs: WorkerLogBuffers) -> Rc<Self> {
        let timers = Timers::new();
        let random = Rc::new(Random::new());
        let doors = Rc::<Doors>::default();
        let overload = Rc::new(Overload::new(random.clone()));
        let calm = Rc::new(Overload::new(random.clone()));
        let upstream = Rc::new(UpstreamContext {
            thread: index,
            registry: shared.registry.clone(),
            timers: timers.clone(),
            random: random.clone(),
            connection_ids: shared.ids.clone(),
            doors: doors.clone(),
            overload: overload.clone(),
        });
        Rc::new(Self {
            index,
            process: shared.registry.block(index, PROCESS_BLOCK, BlockKind::Process),
            shared,
            timers,
            random,
            clusters: Clusters::new(upstream),
            date: DateCache::default(),
            headers: SpareHeaders::default(),
            logs,
            loggers: Loggers::default(),
            deliveries: Deliveries::default(),
            open_connections: Cell::new(0),
            waiting: Waiting::default(),
            directory: Directory::default(),
            doors,
            overload,
            peers: PeerCache::default(),
            calm,
            own_requests: OnceCell::new(),
            tracers: Tracers::default(),
            runtime: RefCell::default(),
            routes: RefCell::default(),
            route_scopes: RefCell::default(),
            discovered_filters: RefCell::default(),
            kept_blocks: RefCell::default(),
            drain: Cell::new(None),
            health_failed: Cell::new(false),
        })
    }

    /// The only worker of a process.
    #[cfg(test)]
    pub fn alone(registry: Arc<Registry>, sinks: crate::access_log::Sinks) -> Rc<Self> {
        Self::one_of(0, registry, sinks)
    }

    /// A worker that shares nothing with others but the statistics and the files of logs: for tests and examples.
    pub fn one_of(
        index: usize,
        registry: Arc<Registry>,
        sinks: crate::access_log::Sinks,
    ) -> Rc<Self> {
        let block = registry.block(index, PROCESS_BLOCK, BlockKind::Process);
        let shared = Shared {
            registry,
            ids: Arc::new(AtomicU64::new(1)),
            connections: AtomicU64::new(0),
            limited_connections: AtomicU64::new(0),
            drain_time: Duration::ZERO,
            drain_over: Duration::ZERO,
            asks: Asks::default(),
            dns_caches: DnsCaches::new(tokio::sync::mpsc::unbounded_channel().0),
            scripts: Scripts::default(),
        };
        Self::new(index, Arc::new(shared), WorkerLogBuffers::new(sinks, block))
    }

    /// A number that no other connection or stream of the process has.
    pub fn next_id(&self) -> u64 {
        self.shared.ids.fetch_add(1, Relaxed)
    }

    pub fn block(&self, number: u32, kind: BlockKind) -> Arc<Block> {
        self.shared.registry.block(self.index, number, kind)
    }

    /// The block of a virtual cluster or of an HTTP filter, kept so that a request takes no lock.
    pub fn kept_block(&self, number: u32, kind: BlockKind) -> Arc<Block> {
        let mut blocks = self.kept_blocks.borrow_mut();
        blocks.entry(number).or_insert_with(|| self.block(number, kind)).clone()
    }

    pub fn runtime(&self) -> Arc<Runtime> {
        self.runtime.borrow().clone()
    }

    /// The same for what is done at once.
    pub fn current_runtime(&self) -> Ref<'_, Arc<Runtime>> {
        self.runtime.borrow()
    }

    pub fn wall_clock(&self) -> SystemTime {
        clock::wall()
    }

    /// From when on every response ends its connection.
    pub fn drain_complete(&self) -> Option<Instant> {
        self.drain.get().map(|(start, over)| start + over)
    }

    /// Whether a response is to end its connection.
    pub fn is_drain_close(&self) -> bool {
        self.drain.get().is_some_and(|(start, over)| self.is_drained(start, over))
    }

    /// The more likely, the more of `over` has passed (Envoy's --drain-strategy gradual).
    pub fn is_drained(&self, start: Instant, over: Duration) -> bool {
        let elapsed = clock::since(start);
        elapsed >= over || self.random.below(over.as_millis() as u64) < elapsed.as_millis() as u64
    }

    /// Responses tell clients to go elsewhere.
    pub fn is_health_failed(&self) -> bool {
        self.health_failed.get()
    }

    /// The place of a route table, which exists before the table does.
    pub fn route_slot(&self, name: &Arc<str>) -> Rc<RouteSlot> {
        self.routes.borrow_mut().entry(name.clone()).or_default().clone()
    }

    /// The place of the scopes of that name, which exists before they do.
    pub fn scopes_slot(&self, name: &Arc<str>) -> Rc<ScopesSlot> {
        self.route_scopes.borrow_mut().entry(name.clone()).or_default().clone()
    }

    /// The places of the route tables of scopes.
    pub fn scope_slots(&self, scopes: &RouteScopes) -> ScopeSlots {
        scopes.iter().map(|(key, table)| (key.clone(), self.route_slot(table))).collect()
    }

    /// The present configuration of a filter that comes by itself.
    pub fn discovered_filter(&self, name: &str) -> Option<Arc<Filter>> {
        self.discovered_filters.borrow().get(name).cloned()
    }

    fn set_route_table(&self, table: Arc<RouteTable>) {
        let name: Arc<str> = table.name.as_str().into();
        *self.route_slot(&name).borrow_mut() = Some(table);
        self.forget_blocks();
    }

    /// Lets go of blocks that may be of something that has gone.
    fn forget_blocks(&self) {
        self.kept_blocks.borrow_mut().clear();
    }

    /// What is shed of a listener, which may `bypass` it.
    pub fn overload(&self, bypass: bool) -> &Rc<Overload> {
        if bypass {
            &self.calm
        } else {
            &self.overload
        }
    }

    fn set_overload(&self, message: &proto::Overload) {
        self.overload.set(message, &self.shared.registry, self.index);
        self.timers.wake_all();
    }

    fn drain(&self, over: Duration) {
        if self.drain.get().is_none_or(|(_, before)| over < before) {
            self.drain.set(Some((Instant::now(), over)));
            self.timers.wake_all();
        }
    }
}

/// Runs a worker until it is told to end. To be called in the thread's own runtime.
pub async fn run(worker: Rc<Worker>, mut commands: UnboundedReceiver<Command>) {
    crate::sys::spawn_here(worker.timers.clone().drive());
    let refresher = worker.clone();
    crate::sys::spawn_here(async move {
        let timer = refresher.timers.timer();
        loop {
            timer.until(Some(Instant::now() + REFRESH)).await;
            refresher.clusters.refresh();
        }
    });
    let flusher = worker.clone();
    crate::sys::spawn_here(async move {
        let timer = flusher.timers.timer();
        loop {
            timer.until(Some(Instant::now() + flusher.logs.interval())).await;
            flusher.logs.flush();
            flusher.loggers.sweep();
            flusher.tracers.sweep();
        }
    });
    let mut listeners = Listeners::new(&worker, worker.shared.drain_time);
    while let Some(command) = commands.recv().await {
        if !obey(&worker, &mut listeners, command) {
            break;
        }
    }
    listeners.close();
    for _ in 0..CLOSING_TURNS {
        if worker.open_connections.get() == 0 {
            break;
        }
        tokio::task::yield_now().await;
    }
    worker.logs.flush();
    worker.loggers.close();
    worker.tracers.close();
    worker.deliveries.finish(&worker.timers).await;
}

/// False when the worker is to end.
fn obey(worker: &Rc<Worker>, listeners: &mut Listeners, command: Command) -> bool {
    match command {
        Command::Cluster(cluster) => worker.clusters.set(cluster),
        Command::RemoveCluster(name) => {
            worker.clusters.remove(&name);
        }
        Command::RouteTable(table) => worker.set_route_table(table),
        Command::DiscoveredFilter(name, filter) => {
            filter.step.start(worker);
            worker.discovered_filters.borrow_mut().insert(name, filter);
            worker.forget_blocks();
        }
        Command::RemoveDiscoveredFilter(name) => {
            worker.discovered_filters.borrow_mut().remove(name.as_str());
            worker.forget_blocks();
        }
        Command::RouteScopes(scopes) => {
            let slots = worker.scope_slots(&scopes);
            *worker.scopes_slot(&scopes.name).borrow_mut() = slots;
        }
        Command::RemoveRouteScopes(name) => {
            worker.route_scopes.borrow_mut().remove(name.as_str());
        }
        Command::RemoveRouteTable(name) => {
            worker.routes.borrow_mut().remove(name.as_str());
            worker.forget_blocks();
        }
        Command::Listener(update) => {
            listeners.set(worker, update);
            worker.forget_blocks();
        }
        Command::RemoveListener(name, closing) => {
            listeners.remove(worker, &name, closing);
            worker.forget_blocks();
        }
        Command::Runtime(runtime) => *worker.runtime.borrow_mut() = runtime,
        Command::Overload(message) => worker.set_overload(&message),
        Command::Answered(ask) => worker.waiting.answer(&ask),
        Command::Start => listeners.start(worker),
        Command::Drain(over) => worker.drain(over),
        Command::ExportSockets(answer) => drop(answer.send(listeners.export())),
        Command::FailHealthCheck(failed) => worker.health_failed.set(failed),
        Command::StopListeners { inbound_only } => listeners.stop(inbound_only),
        Command::FlushLogs => worker.logs.flush(),
        Command::Shutdown => return false,
    }
    true
}
