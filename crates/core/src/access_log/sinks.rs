//! The files that access logs go to: opened once a path, written by one thread.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{channel, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use super::service::LogService;
use super::writer::{Order, Writer};
use crate::compile::{CompileError, Result};
use crate::stats::{BlockKind, Registry, PROCESS_BLOCK};

/// Bytes that may wait for the writer; what a stuck disk does not take beyond that is dropped and counted.
const MAX_WAITING_BYTES: usize = 16 << 20;

/// Where a log goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    File(PathBuf),
    Stdout,
    Stderr,
}

impl Target {
    /// Opens the target for appending.
    pub fn open(&self) -> io::Result<File> {
        match self {
            Self::File(path) => OpenOptions::new().create(true).append(true).mode(0o644).open(path),
            Self::Stdout => Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?)),
            Self::Stderr => Ok(File::from(io::stderr().as_fd().try_clone_to_owned()?)),
        }
    }

    pub fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Stdout => "standard output".to_owned(),
            Self::Stderr => "standard error".to_owned(),
        }
    }
}

/// An open log file. All logs of one path share it, and it stays open as long as the process.
pub struct LogFile {
    /// Where workers keep their buffers for it.
    pub(super) index: usize,
    pub(super) target: Target,
    /// Locked by the writer thread alone.
    pub(super) state: Mutex<FileState>,
}

pub(super) struct FileState {
    pub file: File,
    /// A write failed and that was logged.
    pub failing: bool,
}

impl LogFile {
    pub(super) fn lock(&self) -> MutexGuard<'_, FileState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lines on their way to a file.
pub(super) struct Batch {
    pub file: Arc<LogFile>,
    pub bytes: Vec<u8>,
}

struct Shared {
    files: Mutex<HashMap<Target, Arc<LogFile>>>,
    /// By their serialized configuration; those in use are held by access logs.
    services: Mutex<HashMap<Vec<u8>, Weak<LogService>>>,
    orders: Sender<Order>,
    waiting: Arc<AtomicUsize>,
    interval: Duration,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// All log files of the process and the thread that writes them.
#[derive(Clone)]
pub struct Sinks {
    shared: Arc<Shared>,
}

impl Sinks {
    /// Starts the writer thread, which counts as thread number `thread` in stats. Buffers are written when
    /// they are full and every `interval`.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn start(interval: Duration, registry: &Registry, thread: usize) -> io::Result<Self> {
        let (orders, inbox) = channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let block = registry.block(thread, PROCESS_BLOCK, BlockKind::Process);
        let writer = Writer::new(block, waiting.clone());
        let thread = std::thread::Builder::new()
            .name("log writer".to_owned())
            .spawn(move || writer.run(&inbox))?;
        let thread = Mutex::new(Some(thread));
        let (files, services) = (Mutex::default(), Mutex::default());
        let shared = Shared { files, services, orders, waiting, interval, thread };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The time between two writes of what waits in the buffers.
    pub fn interval(&self) -> Duration {
        self.shared.interval
    }

    /// The file of a target, opened on first use.
    pub(super) fn open(&self, target: Target) -> Result<Arc<LogFile>> {
        let mut files = self.shared.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = files.get(&target) {
            return Ok(file.clone());
        }
        let file = target.open().map_err(|error| {
            CompileError::new(format!(
                "unable to open file '{}': {}",
                target.name(),
                reason(&error)
            ))
        })?;
        let state = Mutex::new(FileState { file, failing: false });
        let file = Arc::new(LogFile { index: files.len(), target: target.clone(), state });
        files.insert(target, file.clone());
        Ok(file)
    }

    /// The service that is configured like this, which `compile` makes on first use.
    pub(super) fn service(
        &self,
        message: &impl prost::Message,
        compile: impl FnOnce() -> Result<LogService>,
    ) -> Result<Arc<LogService>> {
        let mut services = self.shared.services.lock().unwrap_or_else(PoisonError::into_inner);
        services.retain(|_, service| service.strong_count() > 0);
        let key = message.encode_to_vec();
        if let Some(service) = services.get(&key).and_then(Weak::upgrade) {
            return Ok(service);
        }
        let service = Arc::new(compile()?);
        services.insert(key, Arc::downgrade(&service));
        Ok(service)
    }

    /// Hands lines to the writer. Gives them back when too much waits for it already.
    pub(super) fn send(&self, batch: Batch) -> std::result::Result<(), Batch> {
        let length = batch.bytes.len();
        if self.shared.waiting.fetch_add(length, Relaxed) + length > MAX_WAITING_BYTES {
            self.shared.waiting.fetch_sub(length, Relaxed);
            return Err(batch);
        }
        // After the shutdown there is no writer, and nobody waits for these lines.
        _ = self.shared.orders.send(Order::Write(batch));
        Ok(())
    }

    /// Opens every file anew, after a rotation.
    pub fn reopen(&self) {
        let files = self.shared.files.lock().unwrap_or_else(PoisonError::into_inner);
        // Without a writer there is nothing to reopen.
        _ = self.shared.orders.send(Order::Reopen(files.values().cloned().collect()));
    }

    /// Writes what was handed over and ends the thread. Workers hand over what they have before. Idempotent.
    pub fn shutdown(&self) {
        let thread = self.shared.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        _ = self.shared.orders.send(Order::Stop);
        if let Some(thread) = thread {
            // A panic of the writer has been reported by the panic hook.
            _ = thread.join();
        }
    }
}

/// What the system says of an error, without its number.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}
