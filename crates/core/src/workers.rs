//! The main thread's handle on the workers of one proxy.

mod apply;
mod listeners;
mod retired;

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::mpsc::{unbounded_channel, UnboundedSender};

use crate::access_log::{Sinks, WorkerLogBuffers};
use crate::on_demand::{Ask, Asks};
use crate::proto::{self, ProcessStat};
use crate::runtime::SharedRuntime;
use crate::scripts::{Script, Scripts};
use crate::stats::{BlockKind, Registry, PROCESS_BLOCK};
use crate::tls::Contexts;
use crate::upstream::dns_cache::DnsCaches;
use crate::upstream::endpoints::{EndpointThread, Resolve};
use crate::upstream::LocalNode;
use crate::worker::{run, Command, Shared, Worker};

use apply::Resources;

/// How long a worker may take to name its listening sockets.
const EXPORT_LIMIT: Duration = Duration::from_secs(2);

/// How a process of workers is made.
pub struct Options {
    pub concurrency: usize,
    pub resolve: Vec<Resolve>,
    pub file_flush_interval: Duration,
    /// What connections have to end when their listener or filter chain goes.
    pub drain_time: Duration,
    /// Their responses end them the more likely, the more of that time has passed; false: the next one does.
    pub gradual_drain: bool,
    /// Bind worker N to the N-th core that the process may use.
    pub pin: bool,
}

struct Handle {
    commands: UnboundedSender<Command>,
    thread: Option<JoinHandle<()>>,
}

pub struct Workers {
    handles: Mutex<Vec<Handle>>,
    shared: Arc<Shared>,
    sinks: Sinks,
    /// TLS of listeners and clusters.
    contexts: Contexts,
    runtime: SharedRuntime,
    /// This proxy among others, once it is known.
    node: ArcSwapOption<LocalNode>,
    endpoints: EndpointThread,
    resources: Arc<Mutex<Resources>>,
    concurrency: usize,
}

impl Workers {
    /// Starts the threads.
    ///
    /// # Errors
    /// A thread or its loop cannot be made.
    pub fn start(options: Options) -> std::io::Result<Self> {
        let concurrency = options.concurrency.max(1);
        let registry = Arc::new(Registry::default());
        let (questions, asked) = unbounded_channel();
        let shared = Arc::new(Shared {
            registry: registry.clone(),
            ids: Arc::new(AtomicU64::new(1)),
            connections: AtomicU64::new(0),
            limited_connections: AtomicU64::new(0),
            drain_time: options.drain_time,
            drain_over: if options.gradual_drain { options.drain_time } else { Duration::ZERO },
            asks: Asks::default(),
            dns_caches: DnsCaches::new(questions),
            scripts: Scripts::default(),
        });
        let sinks = Sinks::start(options.file_flush_interval, &registry, concurrency)?;
        let cores = crate::sys::allowed_cores();
        let handles = (0..concurrency)
            .map(|index| {
                let core = cores.get(index % cores.len().max(1)).copied();
                spawn(index, shared.clone(), sinks.clone(), core.filter(|_| options.pin))
            })
            .collect::<std::io::Result<_>>()?;
        Ok(Self {
            handles: Mutex::new(handles),
            shared,
            sinks,
            // The number after that of the log writer, which is also the one for what is counted on demand.
            endpoints: EndpointThread::start(options.resolve, registry, concurrency + 1, asked)?,
            contexts: Contexts::default(),
            runtime: SharedRuntime::default(),
            node: ArcSwapOption::default(),
            resources: Arc::default(),
            concurrency,
        })
    }

    fn send_all(&self, command: impl Fn(usize) -> Command) {
        let handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        for (index, handle) in handles.iter().enumerate() {
            let _ = handle.commands.send(command(index));
        }
    }

    /// Takes an update, resource by resource. Nothing of a rejected resource is applied.
    pub fn apply(&self, update: &proto::Update) -> proto::Rejections {
        let mut resources = self.resources.lock().unwrap_or_else(PoisonError::into_inner);
        let rejections = resources.apply(self, update, false);
        if !resources.sweep() {
            let resources = self.resources.clone();
            self.endpoints.repeat_until(Box::new(move || {
                resources.lock().unwrap_or_else(PoisonError::into_inner).sweep()
            }));
        }
        rejections
    }

    /// Compiles an update and says what would be rejected. Nothing is bound or changed.
    pub fn check(&self, update: &proto::Update) -> proto::Rejections {
        Resources::default().apply(self, update, true)
    }

    /// Lets filters with this number run `script` from now on.
    pub fn put_script(&self, number: u32, script: Arc<dyn Script>) {
        self.shared.scripts.put(number, script);
    }

    /// Waits for what requests wait for; `None` after the timeout, or when woken.
    pub fn next_ask(&self, timeout: Duration) -> Option<Ask> {
        self.shared.asks.next(timeout)
    }

    /// Ends the wait in `next_ask`.
    pub fn wake_asks(&self) {
        self.shared.asks.wake();
    }

    /// Lets the listeners accept.
    pub fn accept(&self) {
        self.send_all(|_| Command::Start);
    }

    /// HTTP connections end over a time; zero: with their next response.
    pub fn drain(&self, over: Duration) {
        self.send_all(|_| Command::Drain(over));
    }

    /// Takes in listening sockets of the process that this one replaces, by duplicates of their
    /// descriptors: listeners of their addresses use them instead of binding.
    ///
    /// # Errors
    /// A descriptor is no listening socket, or there are no descriptors left.
    pub fn adopt_sockets(&self, descriptors: &[i32]) -> std::io::Result<()> {
        let mut resources = self.resources.lock().unwrap_or_else(PoisonError::into_inner);
        let inherited = resources.inherited();
        descriptors.iter().try_for_each(|&each| inherited.add(crate::sys::duplicate(each)?))
    }

    /// Closes the adopted sockets that no listener has.
    pub fn release_sockets(&self) {
        let mut resources = self.resources.lock().unwrap_or_else(PoisonError::into_inner);
        resources.inherited().clear();
    }

    /// Every listening socket of every worker once, by other descriptors, in the order of workers.
    ///
    /// # Errors
    /// There are no descriptors left, or a worker does not answer.
    pub fn listening_sockets(&self) -> std::io::Result<Vec<OwnedFd>> {
        let mut found = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for receiver in self.ask_sockets() {
            let sockets = receiver.recv_timeout(EXPORT_LIMIT);
            for descriptor in sockets.map_err(|_| std::io::ErrorKind::TimedOut)?? {
                let cookie = socket2::SockRef::from(&descriptor).cookie()?;
                if seen.insert(cookie) {
                    found.push(descriptor);
                }
            }
        }
        Ok(found)
    }

    fn ask_sockets(&self) -> Vec<std::sync::mpsc::Receiver<std::io::Result<Vec<OwnedFd>>>> {
        let receivers = std::cell::RefCell::new(Vec::new());
        self.send_all(|_| {
            let (sender, receiver) = std::sync::mpsc::channel();
            receivers.borrow_mut().push(receiver);
            Command::ExportSockets(sender)
        });
        receivers.into_inner()
    }

    pub fn fail_health_check(&self, failed: bool) {
        self.send_all(|_| Command::FailHealthCheck(failed));
    }

    pub fn stop_listeners(&self, inbound_only: bool) {
        if !inbound_only {
            let mut resources = self.resources.lock().unwrap_or_else(PoisonError::into_inner);
            resources.stop_listening();
        }
        self.send_all(|_| Command::StopListeners { inbound_only });
    }

    pub fn active_connections(&self) -> u64 {
        self.shared.connections.load(Relaxed)
    }

    pub fn reopen_logs(&self) {
        self.send_all(|_| Command::FlushLogs);
        self.sinks.reopen();
    }

    pub fn registry(&self) -> &Registry {
        &self.shared.registry
    }

    /// Counts that secrets have changed a context; the caller holds the resources.
    fn count_tls_update(&self, context: &proto::TlsContext) {
        for &number in &context.count_update_in {
            let block = self.registry().block(self.concurrency, number, BlockKind::Ssl);
            block.inc(proto::SslStat::SslContextUpdateBySds);
        }
    }

    /// Writes what is counted for the whole process (clusters, draining listeners) into the blocks of the endpoint thread.
    pub fn refresh_stats(&self) {
        let mut resources = self.resources.lock().unwrap_or_else(PoisonError::into_inner);
        let process = self.registry().block(self.concurrency, PROCESS_BLOCK, BlockKind::Process);
        let (listeners, chains) = resources.draining();
        process.set(ProcessStat::ProcessListenerManagerTotalListenersDraining, listeners);
        process.set(ProcessStat::ProcessListenerManagerTotalFilterChainsDraining, chains);
        for cluster in resources.clusters() {
            let number = cluster.config.stats_block;
            let block = self.registry().block(self.concurrency, number, BlockKind::Cluster);
            // The workers, and the main thread.
            cluster.write_stats(&block, self.concurrency as u64 + 1);
            if let Some(detector) = cluster.outlier() {
                let number = detector.stats_block();
                let block = self.registry().block(self.concurrency, number, BlockKind::Outlier);
                detector.write_stats(&cluster.host_sets(), &block);
            }
            if let Some(checker) = cluster.health_checker() {
                let kind = BlockKind::HealthCheck;
                let block = |number| self.registry().block(self.concurrency, number, kind);
                checker.write_stats(&cluster.host_sets(), block);
            }
        }
        for cache in self.shared.dns_caches.all() {
            let number = cache.settings.number;
            cache.write_stats(&self.registry().block(self.concurrency, number, BlockKind::Filter));
        }
    }

    /// Sets counters to 0. `is_gauge` tells what to leave.
    pub fn reset_counters(&self, is_gauge: impl Fn(BlockKind, usize) -> bool) {
        let resources = self.resources.lock().unwrap_or_else(PoisonError::into_inner);
        resources.clusters().for_each(|cluster| cluster.reset_counters());
        self.shared.dns_caches.all().iter().for_each(|cache| cache.reset_counters());
        for (_, _, kind, block) in self.registry().all() {
            block.reset(|index| !is_gauge(kind, index));
        }
    }

    pub fn clusters(&self) -> proto::ClusterStatuses {
        let resources = self.resources.lock().unwrap_or_else(PoisonError::into_inner);
        proto::ClusterStatuses { clusters: resources.clusters().map(|c| c.status()).collect() }
    }

    /// Whether a cluster, in use or not yet, waits for its first answer of DNS or the first checks of its hosts.
    pub fn warming(&self, cluster: &str) -> bool {
        self.endpoints.warming(cluster)
    }

    pub fn listeners(&self) -> proto::ListenerStatuses {
        self.resources.lock().unwrap_or_else(PoisonError::into_inner).listeners()
    }

    /// Ends the threads; access logs are written out. Idempotent.
    pub fn shutdown(&self) {
        self.send_all(|_| Command::Shutdown);
        let mut handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        for thread in handles.iter_mut().filter_map(|handle| handle.thread.take()) {
            let _ = thread.join();
        }
        self.endpoints.shutdown();
        self.sinks.shutdown();
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.shutdown();
    }
}

fn spawn(
    index: usize,
    shared: Arc<Shared>,
    sinks: Sinks,
    core: Option<usize>,
) -> std::io::Result<Handle> {
    let (commands, receiver) = unbounded_channel();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .event_interval(61)
        .on_thread_unpark(crate::clock::advance)
        .build()?;
    let thread =
        std::thread::Builder::new().name(format!("wrk:worker_{index}")).spawn(move || {
            if let Some(core) = core {
                crate::sys::pin_to_core(core);
            }
            crate::clock::hold();
            runtime.block_on(async move {
                let block = shared.registry.block(index, PROCESS_BLOCK, BlockKind::Process);
                let logs = WorkerLogBuffers::new(sinks, block);
                let worker = Worker::new(index, shared, logs);
                run(worker, receiver).await;
            });
        })?;
    Ok(Handle { commands, thread: Some(thread) })
}
