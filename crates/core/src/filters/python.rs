//! Filters in Python: what they decide takes effect here. They run in the extension (`crate::scripts`).

use std::sync::Arc;
use std::time::Instant;

use super::bodies::{attach, StreamFilter};
use super::{clear_route, Head};
use crate::headers::Headers;
use crate::http::stream::{Answer, Stream};
use crate::log::{Component, Level};
use crate::proto;
use crate::scripts::{Ran, ScriptCall, Verdict};
use crate::stats::{BlockKind, Family};

/// What is counted for each filter, by its name.
static OF_FILTER: Family = Family {
    counters: &["answered", "calls", "errors", "failure_mode_allowed"],
    histograms: &["call_us", "gil_wait_us"],
};
const ANSWERED: usize = 0;
const CALLS: usize = 1;
const ERRORS: usize = 2;
const ALLOWED: usize = 3;
const CALL_US: usize = 0;
const GIL_WAIT_US: usize = 1;

pub struct Python(Arc<Settings>);

struct Settings {
    stats_block: u32,
    script: u32,
    /// For stats and logs.
    name: String,
    /// Requests pass when the script fails.
    allow: bool,
}

impl Python {
    pub fn compile(message: &proto::PythonFilter) -> Self {
        Self(Arc::new(Settings {
            stats_block: message.stats_block,
            script: message.script,
            name: message.name.clone(),
            allow: message.failure_mode_allow,
        }))
    }

    /// # Errors
    /// The answer of the script, or that of its failure.
    pub fn request(&self, place: usize, stream: &mut Stream) -> Result<(), Answer> {
        let begun = Instant::now();
        let Some(script) = stream.worker.shared.scripts.get(self.0.script) else {
            return self.0.failed(stream, "it was not loaded");
        };
        let (ran, call) = script.request(&mut stream.request);
        let verdict = self.0.judge(stream, begun, ran)?;
        if let Some(call) = call {
            attach(stream, place, Call { settings: self.0.clone(), call });
        }
        if verdict.clear_route {
            clear_route(stream);
        }
        Ok(())
    }
}

impl Settings {
    /// Counts a call; what is left of its verdict once it is not an answer.
    fn judge(&self, stream: &mut Stream, begun: Instant, ran: Ran) -> Result<Verdict, Answer> {
        let block = stream.worker.kept_block(self.stats_block, BlockKind::Filter);
        let group = block.group(&OF_FILTER, &self.name);
        if let Some(group) = &group {
            let whole = begun.elapsed().saturating_sub(ran.waited);
            group.add(CALLS, 1);
            group.record(CALL_US, whole.as_micros() as u64);
            group.record(GIL_WAIT_US, ran.waited.as_micros() as u64);
        }
        let mut verdict = match ran.outcome {
            Ok(verdict) => verdict,
            Err(reason) => return self.failed(stream, &reason).map(|()| Verdict::default()),
        };
        for (namespace, key, value) in verdict.metadata.drain(..) {
            stream.info.merge_metadata(&namespace, &[(key, value)].into_iter().collect());
        }
        match verdict.answer.take() {
            Some(answer) => {
                if let Some(group) = &group {
                    group.add(ANSWERED, 1);
                }
                Err(answer)
            }
            None => Ok(verdict),
        }
    }

    fn failed(&self, stream: &Stream, reason: &str) -> Result<(), Answer> {
        let block = stream.worker.kept_block(self.stats_block, BlockKind::Filter);
        if let Some(group) = block.group(&OF_FILTER, &self.name) {
            group.add(ERRORS, 1);
            if self.allow {
                group.add(ALLOWED, 1);
            }
        }
        let text = format!("python filter {}: {reason}", self.name);
        crate::log::send(Component::Filter, Level::Error, text);
        match self.allow {
            true => Ok(()),
            false => Err(Answer::new(500, "", "python_filter_failed")),
        }
    }
}

/// A script that sees the response of its request.
struct Call {
    settings: Arc<Settings>,
    call: Box<dyn ScriptCall>,
}

impl StreamFilter for Call {
    fn response_head(&mut self, stream: &mut Stream, _end: bool) -> Result<Head, Box<Answer>> {
        let begun = Instant::now();
        let mut head: Headers = std::mem::take(&mut stream.response);
        let ran = self.call.response(&mut head);
        stream.response = head;
        self.settings.judge(stream, begun, ran)?;
        Ok(Head::Pass)
    }
}
