//! The log writer thread.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::Receiver;
use std::sync::Arc;

use super::sinks::{Batch, LogFile};
use crate::proto::ProcessStat;
use crate::stats::Block;

/// What the writer is told.
pub(super) enum Order {
    Write(Batch),
    Reopen(Vec<Arc<LogFile>>),
    Stop,
}

pub(super) struct Writer {
    block: Arc<Block>,
    /// Bytes in orders that are not done.
    waiting: Arc<AtomicUsize>,
}

impl Writer {
    pub fn new(block: Arc<Block>, waiting: Arc<AtomicUsize>) -> Self {
        Self { block, waiting }
    }

    /// Obeys until it is told to stop or nobody is left to tell it anything.
    pub fn run(self, inbox: &Receiver<Order>) {
        while let Ok(order) = inbox.recv() {
            match order {
                Order::Write(batch) => self.write(batch),
                Order::Reopen(files) => files.iter().for_each(|file| self.reopen(file)),
                Order::Stop => return,
            }
        }
    }

    fn write(&self, batch: Batch) {
        let length = batch.bytes.len();
        let mut state = batch.file.lock();
        match state.file.write_all(&batch.bytes) {
            Ok(()) => {
                state.failing = false;
                self.block.inc(ProcessStat::ProcessFilesystemWriteCompleted);
            }
            Err(error) => {
                self.block.inc(ProcessStat::ProcessFilesystemWriteFailed);
                if !std::mem::replace(&mut state.failing, true) {
                    let name = batch.file.target.name();
                    crate::log!(File, Error, "writing the access log {name} failed: {error}");
                }
            }
        }
        self.block
            .add(ProcessStat::ProcessFilesystemWriteTotalBuffered, (length as u64).wrapping_neg());
        self.waiting.fetch_sub(length, Relaxed);
    }

    /// Keeps the open file when a new one cannot be had.
    fn reopen(&self, file: &LogFile) {
        match file.target.open() {
            Ok(opened) => file.lock().file = opened,
            Err(error) => {
                self.block.inc(ProcessStat::ProcessFilesystemReopenFailed);
                let name = file.target.name();
                crate::log!(File, Error, "opening the access log {name} anew failed: {error}");
            }
        }
    }
}
