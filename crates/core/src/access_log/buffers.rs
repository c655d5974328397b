//! A worker's lines before they are handed to the writer.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use super::sinks::{Batch, LogFile, Sinks};
use crate::proto::ProcessStat;
use crate::stats::Block;

/// A buffer of this size is handed over at once.
const FULL: usize = 64 << 10;

struct Buffer {
    file: Arc<LogFile>,
    bytes: Vec<u8>,
    lines: u64,
    /// The last lines were dropped, and that was logged.
    dropping: bool,
}

/// The buffers of one worker, one a file that it has written to.
pub struct WorkerLogBuffers {
    sinks: Sinks,
    /// By the file's index.
    buffers: RefCell<Vec<Option<Buffer>>>,
    block: Arc<Block>,
}

impl WorkerLogBuffers {
    /// `block` is the worker's own block of the process.
    pub fn new(sinks: Sinks, block: Arc<Block>) -> Self {
        Self { sinks, buffers: RefCell::default(), block }
    }

    /// How often [`Self::flush`] is to be called.
    pub fn interval(&self) -> Duration {
        self.sinks.interval()
    }

    /// Lets `line` append to the buffer of a file.
    pub(super) fn append(&self, file: &Arc<LogFile>, line: impl FnOnce(&mut Vec<u8>)) {
        let mut buffers = self.buffers.borrow_mut();
        if buffers.len() <= file.index {
            buffers.resize_with(file.index + 1, || None);
        }
        let buffer = buffers[file.index].get_or_insert_with(|| Buffer {
            file: file.clone(),
            bytes: Vec::new(),
            lines: 0,
            dropping: false,
        });
        let before = buffer.bytes.len();
        line(&mut buffer.bytes);
        buffer.lines += 1;
        self.block.inc(ProcessStat::ProcessFilesystemWriteBuffered);
        self.block.add(
            ProcessStat::ProcessFilesystemWriteTotalBuffered,
            (buffer.bytes.len() - before) as u64,
        );
        if buffer.bytes.len() >= FULL {
            self.hand_over(buffer);
        }
    }

    /// Hands over all that there is.
    pub fn flush(&self) {
        for buffer in self.buffers.borrow_mut().iter_mut().flatten() {
            if !buffer.bytes.is_empty() {
                self.block.inc(ProcessStat::ProcessFilesystemFlushedByTimer);
                self.hand_over(buffer);
            }
        }
    }

    fn hand_over(&self, buffer: &mut Buffer) {
        let full = buffer.bytes.len() >= FULL;
        let room = if full { FULL + FULL / 8 } else { 0 };
        let bytes = std::mem::replace(&mut buffer.bytes, Vec::with_capacity(room));
        let lines = std::mem::take(&mut buffer.lines);
        let Err(refused) = self.sinks.send(Batch { file: buffer.file.clone(), bytes }) else {
            buffer.dropping = false;
            return;
        };
        self.block.add(ProcessStat::ProcessAccessLogLinesDropped, lines);
        self.block.add(
            ProcessStat::ProcessFilesystemWriteTotalBuffered,
            (refused.bytes.len() as u64).wrapping_neg(),
        );
        if !std::mem::replace(&mut buffer.dropping, true) {
            let name = refused.file.target.name();
            crate::log!(File, Warning, "the access log {name} is not written: lines are dropped");
        }
    }
}

impl Drop for WorkerLogBuffers {
    fn drop(&mut self) {
        self.flush();
    }
}
