//! The fault injection filter: requests that wait, that fail at once, responses that come slowly.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/fault_filter>

mod settings;
mod share;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::Arc;
use std::task::Poll;

use super::bodies::{attach, slow_down, StreamFilter};
use super::wait::wait;
use super::{of_route, Proceed};
use crate::clock;
use crate::compile::{At, CompileError, Result};
use crate::headers::HeaderId;
use crate::http::downstream::Downstream;
use crate::http::flags::ResponseFlags;
use crate::http::stream::{Answer, Stream};
use crate::matcher::Regexes;
use crate::proto::{self, FaultStat};
use crate::route::FilterConfig;
use crate::stats::{Block, BlockKind, Family};
use crate::timer::Timer;

use settings::AbortStatus;
pub use settings::FaultSettings;
use share::Asked;

/// What is counted for a downstream cluster.
static OF_CLUSTER: Family =
    Family { counters: &["aborts_injected", "delays_injected"], histograms: &[] };
const ABORTS: usize = 0;
const DELAYS: usize = 1;

pub struct Fault {
    stats_block: u32,
    settings: FaultSettings,
    /// Requests of all workers that have a fault now.
    active: Arc<AtomicU64>,
}

/// A request that counts as one with a fault.
struct Active {
    count: Arc<AtomicU64>,
    block: Arc<Block>,
}

impl Drop for Active {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Relaxed);
        self.block.dec(FaultStat::FaultActiveFaults);
    }
}

impl StreamFilter for Active {}

impl Fault {
    /// # Errors
    /// A part that cannot be taken, with its path.
    pub fn compile(message: &proto::FaultFilter, regexes: &Regexes) -> Result<Self> {
        let settings = message.settings.as_ref();
        let settings = settings.ok_or_else(|| CompileError::new("the settings are missing"))?;
        Ok(Self {
            stats_block: message.stats_block,
            settings: FaultSettings::compile(settings, regexes).at("settings")?,
            active: Arc::default(),
        })
    }

    /// # Errors
    /// The request is over: with an answer, if there is still somebody to tell.
    pub async fn run(
        &self,
        place: usize,
        name: &str,
        stream: &mut Stream,
        down: &mut dyn Downstream,
        timer: &Timer,
    ) -> Proceed {
        let of_route = of_route(name, stream, |config| match config {
            FilterConfig::Fault(settings) => Some(settings),
            _ => None,
        });
        let settings = of_route.as_deref().unwrap_or(&self.settings);
        if !settings.concern(stream) {
            return Ok(());
        }
        let mut fault = Injection { filter: self, settings, name, active: None };
        let limited = fault.limit_response(stream);
        fault.delay(stream, down, timer).await?;
        let end = fault.abort(stream);
        if let (true, Some(active)) = (limited, fault.active) {
            attach(stream, place, active);
        }
        end.map_err(Some)
    }
}

/// The faults of one request.
struct Injection<'a> {
    filter: &'a Fault,
    settings: &'a FaultSettings,
    name: &'a str,
    active: Option<Active>,
}

impl Injection<'_> {
    /// Slows the response down; false when it is not to be.
    fn limit_response(&mut self, stream: &mut Stream) -> bool {
        let rate = ask(stream, |asked| self.settings.response_rate(asked));
        let Some(rate) = rate.filter(|_| self.begin(stream)) else { return false };
        self.block(stream).inc(FaultStat::FaultResponseRlInjected);
        slow_down(stream, rate);
        true
    }

    async fn delay(
        &mut self,
        stream: &mut Stream,
        down: &mut dyn Downstream,
        timer: &Timer,
    ) -> Proceed {
        let delay = ask(stream, |asked| self.settings.delay(asked));
        let Some(delay) = delay.filter(|_| self.begin(stream)) else { return Ok(()) };
        self.count(stream, FaultStat::FaultDelaysInjected, DELAYS);
        stream.info.merge_metadata(self.name, &self.settings.metadata);
        stream.info.flags |= ResponseFlags::DELAY_INJECTED;
        let until = Some(clock::now() + delay);
        wait(stream, down, timer, until, |_, _, _| Poll::<()>::Pending).await?;
        if !self.settings.limits_responses() {
            self.active = None;
        }
        Ok(())
    }

    fn abort(&mut self, stream: &mut Stream) -> std::result::Result<(), Answer> {
        let Some((status, body)) = ask(stream, |asked| self.settings.abort(asked)) else {
            return Ok(());
        };
        if !self.begin(stream) {
            return Ok(());
        }
        self.count(stream, FaultStat::FaultAbortsInjected, ABORTS);
        stream.info.merge_metadata(self.name, &self.settings.metadata);
        let mut answer = Answer::new(200, "", "fault_filter_abort");
        answer.body = body.to_owned().into_bytes().into();
        match status {
            AbortStatus::Http(status) => answer.status = status,
            AbortStatus::Grpc(status) => answer.grpc_status = Some(status),
        }
        Err(answer.flag(ResponseFlags::FAULT_INJECTED))
    }

    /// Counts the request as one with a fault; false when there are too many.
    fn begin(&mut self, stream: &Stream) -> bool {
        if self.active.is_some() {
            return true;
        }
        let block = self.block(stream);
        let most = self.settings.max_active(&stream.worker.current_runtime());
        let count = &self.filter.active;
        if count.fetch_add(1, Relaxed) >= most {
            count.fetch_sub(1, Relaxed);
            block.inc(FaultStat::FaultFaultsOverflow);
            return false;
        }
        block.inc(FaultStat::FaultActiveFaults);
        self.active = Some(Active { count: count.clone(), block });
        true
    }

    fn count(&self, stream: &Stream, stat: FaultStat, place: usize) {
        let block = self.block(stream);
        block.inc(stat);
        let cluster = stream.request.get_str(HeaderId::XEnvoyDownstreamServiceCluster);
        let cluster =
            cluster.filter(|name| self.settings.counts_downstream_clusters && !name.is_empty());
        if let Some(group) = cluster.and_then(|name| block.group(&OF_CLUSTER, name)) {
            group.add(place, 1);
        }
    }

    fn block(&self, stream: &Stream) -> Arc<Block> {
        stream.worker.kept_block(self.filter.stats_block, BlockKind::Filter)
    }
}

fn ask<T>(stream: &Stream, with: impl FnOnce(&Asked<'_>) -> T) -> T {
    with(&Asked {
        headers: &stream.request,
        runtime: &stream.worker.current_runtime(),
        random: &stream.worker.random,
    })
}
