//! Logs of what happens to the proxy's surroundings, not to requests: rare lines, from any thread.

use std::sync::Arc;

use super::sinks::{Batch, LogFile, Sinks, Target};
use crate::compile::Result;

/// A file that lines are appended to.
pub struct EventLog {
    file: Arc<LogFile>,
    sinks: Sinks,
}

impl EventLog {
    /// # Errors
    /// The file cannot be opened.
    pub fn open(path: &str, sinks: &Sinks) -> Result<Self> {
        Ok(Self { file: sinks.open(Target::File(path.into()))?, sinks: sinks.clone() })
    }

    /// Writes a line, of which `bytes` has the newline.
    pub fn write(&self, bytes: Vec<u8>) {
        // A disk that takes nothing costs lines of access logs, too; those are counted.
        _ = self.sinks.send(Batch { file: self.file.clone(), bytes });
    }
}
