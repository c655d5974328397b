//! How spans get to their receiver: many together, and never more of them wait than there is room for.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use super::tracer::{Protocol, TracerConfig};
use crate::runtime::{Number, Runtime};
use crate::stats::{Block, BlockKind};
use crate::telemetry::batch::{Batch, Batcher, Limits, Receiver};
use crate::worker::Worker;

/// Most reports of a worker that wait for an answer; spans that end meanwhile wait in the batch.
const MOST_UNDER_WAY: usize = 64;

/// What a protocol's reports are made of.
pub struct Reporting {
    pub stats_block: u32,
    /// Most spans that wait to be reported.
    pub limit: u64,
    /// A report is made with so many spans.
    pub enough: Number,
    pub interval_ms: Number,
    /// Counters of spans that were sent, of what was dropped, and of intervals that have passed.
    pub sent: i32,
    pub dropped: i32,
    pub timer_flushed: i32,
}

/// Reports of one worker.
pub struct Reporter {
    batcher: Batcher<Outbox>,
}

impl Reporter {
    pub fn new(config: &Arc<TracerConfig>, worker: &Worker) -> Self {
        let reporting = config.protocol.reporting();
        let limits = Limits { bytes: usize::MAX, items: reporting.limit, interval: Duration::ZERO };
        let outbox = Outbox {
            block: worker.block(reporting.stats_block, BlockKind::Filter),
            config: config.clone(),
            worker: RefCell::default(),
            under_way: Rc::default(),
        };
        Self { batcher: Batcher::new(limits, outbox) }
    }

    /// Adds a span, which `write` appends.
    pub fn add(&self, worker: &Rc<Worker>, runtime: &Runtime, write: impl FnOnce(&mut Vec<u8>)) {
        let outbox = self.batcher.receiver();
        if outbox.worker.borrow().strong_count() == 0 {
            *outbox.worker.borrow_mut() = Rc::downgrade(worker);
        }
        let reporting = outbox.config.protocol.reporting();
        if !self.batcher.add(write) {
            return outbox.block.inc(reporting.dropped);
        }
        if self.batcher.items() >= reporting.enough.of(runtime) {
            self.flush();
        }
    }

    /// The time until what there is is reported.
    pub fn interval(&self, runtime: &Runtime) -> Duration {
        let reporting = self.batcher.receiver().config.protocol.reporting();
        Duration::from_millis(reporting.interval_ms.of(runtime).max(1))
    }

    pub fn flush_at_interval(&self) {
        let outbox = self.batcher.receiver();
        outbox.block.inc(outbox.config.protocol.reporting().timer_flushed);
        self.flush();
    }

    pub fn flush(&self) {
        self.batcher.flush();
    }
}

/// Sends reports, as many at a time as may be under way.
struct Outbox {
    config: Arc<TracerConfig>,
    block: Arc<Block>,
    worker: RefCell<Weak<Worker>>,
    under_way: Rc<Cell<usize>>,
}

impl Receiver for Outbox {
    fn send(&self, batch: Batch) -> Result<(), Batch> {
        let Some(worker) = self.worker.borrow().upgrade() else { return Err(batch) };
        if self.under_way.get() >= MOST_UNDER_WAY {
            return Err(batch);
        }
        self.block.add(self.config.protocol.reporting().sent, batch.items);
        let (config, block) = (self.config.clone(), self.block.clone());
        let under_way = self.under_way.clone();
        under_way.set(under_way.get() + 1);
        let delivery = worker.deliveries.begin();
        crate::sys::spawn_here(async move {
            match &config.protocol {
                Protocol::OpenTelemetry(it) => it.send(&worker, &batch.bytes).await,
                Protocol::Zipkin(it) => it.send(&worker, &block, &batch.bytes).await,
            }
            under_way.set(under_way.get() - 1);
            drop(delivery);
        });
        Ok(())
    }
}
