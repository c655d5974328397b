//! Filters in Python: what they decide takes effect here. They run in the extension (`crate::scripts`).

mod call;

use std::sync::Arc;
use std::time::Instant;

use super::bodies::{attach, kept_request, replace_request, Whole};
use super::wait::{refuse_too_large, wait_for_body};
use super::{clear_route, Proceed};
use crate::headers::HeaderId;
use crate::http::downstream::Downstream;
use crate::http::stream::{Answer, Stream};
use crate::http1::BodyLength;
use crate::log::{Component, Level};
use crate::proto;
use crate::scripts::{Ran, Script, Verdict};
use crate::stats::{BlockKind, Family};
use crate::timer::Timer;

use call::Call;

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
    /// The request is over: with an answer, if there is still somebody to tell.
    pub async fn run(
        &self,
        place: usize,
        stream: &mut Stream,
        down: &mut dyn Downstream,
        timer: &Timer,
    ) -> Proceed {
        let Some(script) = stream.worker.shared.scripts.get(self.0.script) else {
            return self.0.failed(stream, "it was not loaded").map_err(Some);
        };
        let mut body = None;
        if script.wants().request_body {
            if stream.head.body != BodyLength::Empty {
                let limit = stream.buffer_limit();
                let whole = Box::pin(wait_for_body(stream, down, timer, limit)).await?;
                if whole == Whole::No {
                    return Err(Some(refuse_too_large(stream)));
                }
            }
            body = Some(kept_request(stream).to_vec());
        }
        self.request(place, stream, &*script, body).map_err(Some)
    }

    fn request(
        &self,
        place: usize,
        stream: &mut Stream,
        script: &dyn Script,
        mut body: Option<Vec<u8>>,
    ) -> Result<(), Answer> {
        let begun = Instant::now();
        let wants = script.wants();
        let (ran, call) = script.request(&mut stream.request, body.as_mut());
        let verdict = self.0.judge(stream, begun, ran)?;
        if let Some(body) = body.filter(|body| body != kept_request(stream)) {
            if stream.head.body == BodyLength::Empty {
                return self.0.failed(stream, "a request without a body cannot get one");
            }
            stream.request.set(HeaderId::ContentLength, body.len().to_string().as_bytes());
            replace_request(stream, body);
        }
        // Without a verdict the script has failed: it sees no more of this request.
        let Some(verdict) = verdict else { return Ok(()) };
        if let Some(call) = call {
            if wants.request_chunks {
                stream.request.remove(HeaderId::ContentLength);
            }
            attach(stream, place, Call::new(self.0.clone(), wants, call));
        }
        if verdict.clear_route {
            clear_route(stream);
        }
        Ok(())
    }
}

impl Settings {
    /// Counts a call; what is left of its verdict once it is not an answer. None: it failed, and may.
    fn judge(
        &self,
        stream: &mut Stream,
        begun: Instant,
        ran: Ran,
    ) -> Result<Option<Verdict>, Answer> {
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
            Err(reason) => return self.failed(stream, &reason).map(|()| None),
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
            None => Ok(Some(verdict)),
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
