//! Istio's standard metrics: `istio_requests_total` and the like, each with a set of tags.
//! <https://istio.io/latest/docs/reference/config/metrics/>

mod ends;
mod tags;

use std::sync::Arc;
use std::time::Duration;

use crate::compile::{CompileError, Result};
use crate::http::stream_info::StreamInfo;
use crate::proto::istio_stats_filter::{Metric as Change, Workload};
use crate::proto::IstioStatsFilter;
use crate::stats::{BlockKind, Family, Group};
use crate::worker::Worker;

pub use ends::Ends;
pub use tags::Tags;

/// The metrics; the numbers are places in [`FAMILY`], counters first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    Requests,
    RequestMessages,
    ResponseMessages,
    ConnectionsOpened,
    ConnectionsClosed,
    SentBytes,
    ReceivedBytes,
    RequestDuration,
    RequestBytes,
    ResponseBytes,
}

static FAMILY: Family = Family {
    counters: &[
        "istio_requests_total",
        "istio_request_messages_total",
        "istio_response_messages_total",
        "istio_tcp_connections_opened_total",
        "istio_tcp_connections_closed_total",
        "istio_tcp_sent_bytes_total",
        "istio_tcp_received_bytes_total",
    ],
    histograms: &[
        "istio_request_duration_milliseconds",
        "istio_request_bytes",
        "istio_response_bytes",
    ],
};

const METRICS: usize = 10;

/// The names of the groups of counters of a request or connection, one for each change of the tags.
pub struct Names(Box<[String]>);

/// Who tells of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reporter {
    Source,
    Destination,
    Gateway,
}

/// What a filter tells of requests or connections. Immutable, shared by all workers.
pub struct Metrics {
    stats_block: u32,
    workload: Workload,
    gateway: bool,
    host_fallback: bool,
    /// How often connections and calls that go on are told of.
    pub interval: Option<Duration>,
    /// What metrics have in place of the standard tags; the first stands for no change.
    changes: Vec<Change>,
    /// The change of each metric; none where it is dropped.
    change_of: [Option<usize>; METRICS],
}

impl Metrics {
    /// # Errors
    /// A metric that there is not.
    pub fn compile(message: &IstioStatsFilter) -> Result<Self> {
        let mut changes = vec![Change::default()];
        let mut change_of = [Some(0); METRICS];
        for metric in &message.metrics {
            let place = place_of(&metric.name)
                .ok_or_else(|| CompileError::new(format!("there is no metric {}", metric.name)))?;
            let same =
                |known: &Change| known.removed == metric.removed && known.tags == metric.tags;
            change_of[place] = match (metric.drop, changes.iter().position(same)) {
                (true, _) => None,
                (false, Some(known)) => Some(known),
                (false, None) => {
                    changes.push(metric.clone());
                    Some(changes.len() - 1)
                }
            };
        }
        Ok(Self {
            stats_block: message.stats_block,
            workload: message.workload.clone().unwrap_or_default(),
            gateway: message.gateway,
            host_fallback: !message.disable_host_header_fallback,
            interval: (message.reporting_interval_ms > 0)
                .then(|| Duration::from_millis(message.reporting_interval_ms)),
            changes,
            change_of,
        })
    }

    /// On which side of the request this proxy is.
    pub fn reporter(&self, info: &StreamInfo) -> Reporter {
        match info.connection.traffic_direction {
            _ if self.gateway => Reporter::Gateway,
            "INBOUND" => Reporter::Destination,
            _ => Reporter::Source,
        }
    }

    /// Under which names values with these tags count.
    pub fn names(&self, tags: &Tags<'_>) -> Names {
        Names(self.changes.iter().map(|change| tags.name(change)).collect())
    }

    /// Counts or measures `values`.
    pub fn record(&self, worker: &Worker, names: &Names, values: &[(Metric, u64)]) {
        let block = worker.kept_block(self.stats_block, BlockKind::Filter);
        let mut last: Option<(usize, Option<Arc<Group>>)> = None;
        for &(metric, value) in values {
            let place = metric as usize;
            let Some(change) = self.change_of[place] else { continue };
            if last.as_ref().is_none_or(|(of, _)| *of != change) {
                last = Some((change, block.group(&FAMILY, &names.0[change])));
            }
            let Some((_, Some(group))) = &last else { continue };
            match place.checked_sub(FAMILY.counters.len()) {
                None => group.add(place, value),
                Some(place) => group.record(place, value),
            }
        }
    }
}

fn place_of(name: &str) -> Option<usize> {
    let names = FAMILY.counters.iter().chain(FAMILY.histograms);
    let mut names = names.map(|known| known.strip_prefix("istio_"));
    names.position(|known| known == Some(name))
}

#[cfg(test)]
mod tests {
    use super::{place_of, Change, Metric, Metrics, METRICS};
    use crate::proto::IstioStatsFilter;

    fn changed(name: &str, removed: &[&str], drop: bool) -> Change {
        let removed = removed.iter().map(|tag| (*tag).to_owned()).collect();
        Change { name: name.into(), removed, drop, ..Change::default() }
    }

    #[test]
    fn metrics_are_known_by_their_names() {
        assert_eq!(place_of("requests_total"), Some(Metric::Requests as usize));
        assert_eq!(place_of("response_bytes"), Some(METRICS - 1));
        assert_eq!(place_of("istio_requests_total"), None);
        let message =
            IstioStatsFilter { metrics: vec![changed("x", &[], false)], ..Default::default() };
        assert!(Metrics::compile(&message).is_err());
    }

    #[test]
    fn the_same_change_is_kept_once() {
        let message = IstioStatsFilter {
            metrics: vec![
                changed("requests_total", &["source_app"], false),
                changed("request_bytes", &["source_app"], false),
                changed("response_bytes", &[], true),
            ],
            ..Default::default()
        };
        let metrics = Metrics::compile(&message).unwrap();
        assert_eq!(metrics.changes.len(), 2);
        let of = |metric: Metric| metrics.change_of[metric as usize];
        assert_eq!((of(Metric::Requests), of(Metric::RequestBytes)), (Some(1), Some(1)));
        assert_eq!((of(Metric::ResponseBytes), of(Metric::RequestDuration)), (None, Some(0)));
    }
}
