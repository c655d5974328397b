//! Keys that are fetched: by the first request that needs them, or ahead of all. One fetch serves all workers.

use std::future::Future;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use tokio::sync::watch;

use crate::clock;
use crate::compile::{At, CompileError, Result};
use crate::filters::router::client::{Client, Request};
use crate::headers::{HeaderId, Headers};
use crate::jwt::KeySet;
use crate::proto::{self, JwtAuthnStat};
use crate::stats::BlockKind;
use crate::worker::Worker;

/// How long before their end keys are fetched anew.
const AHEAD: Duration = Duration::from_secs(5);

/// Envoy's, as some servers of keys refuse clients that are no browsers.
const USER_AGENT: &[u8] = b"Go-browser";

/// None: in vain.
type Outcome = Option<Arc<KeySet>>;
/// Empty until the fetch is over.
type Pending = watch::Receiver<Option<Outcome>>;

pub struct RemoteKeys {
    /// Of the provider.
    name: String,
    client: Client,
    head: Headers,
    cache_duration: Duration,
    /// How long after a failure they are fetched again; None: when a request needs them.
    refetch: Option<Duration>,
    stats_block: u32,
    fetched: ArcSwapOption<Fetched>,
    running: Mutex<Option<Pending>>,
    started: AtomicBool,
}

struct Fetched {
    keys: Arc<KeySet>,
    /// None: until there are others.
    until: Option<Instant>,
}

impl RemoteKeys {
    /// # Errors
    /// A retry policy that cannot be.
    pub fn compile(name: &str, message: &proto::RemoteJwks, stats_block: u32) -> Result<Self> {
        let client = message.client.as_ref().ok_or_else(|| CompileError::new("no client"))?;
        let mut head = Headers::new();
        head.append(HeaderId::Method, b"GET");
        head.append(HeaderId::Path, message.path.as_bytes());
        head.append(HeaderId::Scheme, message.scheme.as_bytes());
        head.append(HeaderId::Authority, message.authority.as_bytes());
        head.append(HeaderId::UserAgent, USER_AGENT);
        Ok(Self {
            name: name.to_owned(),
            client: Client::compile(client).at("client")?,
            head,
            cache_duration: Duration::from_millis(message.cache_duration_ms),
            refetch: message.refetch_after_failure_ms.map(Duration::from_millis),
            stats_block,
            fetched: ArcSwapOption::empty(),
            running: Mutex::new(None),
            started: AtomicBool::new(false),
        })
    }

    /// The keys, if they may still be used.
    pub fn current(&self, now: Instant) -> Option<Arc<KeySet>> {
        let fetched = self.fetched.load();
        let fetched = fetched.as_ref().filter(|it| it.until.is_none_or(|until| now < until))?;
        Some(fetched.keys.clone())
    }

    /// The keys that were fetched last.
    pub fn latest(&self) -> Option<Arc<KeySet>> {
        self.fetched.load().as_ref().map(|fetched| fetched.keys.clone())
    }

    /// Begins to fetch the keys ahead of requests, if that is wanted and no worker does.
    pub fn start(self: &Arc<Self>, worker: &Rc<Worker>) {
        let Some(refetch) = self.refetch else { return };
        if self.started.swap(true, Relaxed) {
            return;
        }
        let after_success = match self.cache_duration {
            long if long > AHEAD => long - AHEAD,
            short => short,
        };
        let (keys, worker) = (Arc::downgrade(self), worker.clone());
        crate::sys::spawn_here(async move {
            let timer = worker.timers.timer();
            // They are gone with the configuration.
            while let Some(keys) = keys.upgrade() {
                let outcome = keys.fetch(&worker).await;
                drop(keys);
                let pause = if outcome.is_some() { after_success } else { refetch };
                timer.until(Some(Instant::now() + pause)).await;
            }
        });
    }

    /// Waits for a fetch: the one that is under way, or one that begins now.
    pub fn fetch(self: &Arc<Self>, worker: &Rc<Worker>) -> impl Future<Output = Outcome> {
        let mut pending = self.pending(worker);
        async move {
            // Without an outcome if the worker that fetches ends.
            let outcome = pending.wait_for(Option::is_some).await.ok();
            outcome.and_then(|outcome| outcome.clone().flatten())
        }
    }

    fn pending(self: &Arc<Self>, worker: &Rc<Worker>) -> Pending {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pending) = running.as_ref().filter(|it| it.has_changed().is_ok()) {
            return pending.clone();
        }
        let (sender, pending) = watch::channel(None);
        *running = Some(pending.clone());
        let (keys, worker) = (self.clone(), worker.clone());
        crate::sys::spawn_here(async move {
            let outcome = keys.get(&worker).await.map(Arc::new);
            keys.keep(&worker, outcome.as_ref());
            // Who comes from here on begins another one.
            *keys.running.lock().unwrap_or_else(PoisonError::into_inner) = None;
            sender.send_replace(Some(outcome));
        });
        pending
    }

    fn keep(&self, worker: &Worker, outcome: Option<&Arc<KeySet>>) {
        let block = worker.kept_block(self.stats_block, BlockKind::Filter);
        let Some(keys) = outcome else {
            block.inc(JwtAuthnStat::JwtAuthnJwksFetchFailed);
            return;
        };
        block.inc(JwtAuthnStat::JwtAuthnJwksFetchSuccess);
        let until = match self.refetch {
            Some(_) => None,
            None => Some(clock::now() + self.cache_duration),
        };
        self.fetched.store(Some(Arc::new(Fetched { keys: keys.clone(), until })));
    }

    async fn get(&self, worker: &Rc<Worker>) -> Option<KeySet> {
        let request = Request { headers: self.head.clone(), ..Request::default() };
        let fault = match self.client.send(worker, request).await {
            Ok(response) if response.status != 200 => format!("status {}", response.status),
            Ok(response) => match KeySet::read(&response.body) {
                Ok(keys) => return Some(keys),
                Err(fault) => fault,
            },
            Err(fault) => format!("{fault:?}"),
        };
        crate::log!(Filter, Warning, "keys of the JWT provider {} not fetched: {fault}", self.name);
        None
    }
}
