//! What `istio.stats` tells of a connection: when it opens, while it lasts, at its end.
//! Source: `contrib/istio/filters/http/istio_stats` of Envoy.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::clock;
use crate::formatter::short_flags;
use crate::http::stream_info::StreamInfo;
use crate::mesh::metrics::{Ends, Metric, Metrics, Names, Reporter, Tags};
use crate::mesh::Found;
use crate::worker::Worker;

/// What one filter has told of one connection.
pub struct Telling {
    metrics: Arc<Metrics>,
    /// Once it has told of the connection at all.
    names: Option<Names>,
    sent: u64,
    received: u64,
}

impl Telling {
    pub fn new(metrics: &Arc<Metrics>) -> Self {
        Self { metrics: metrics.clone(), names: None, sent: 0, received: 0 }
    }

    pub fn interval(&self) -> Option<Duration> {
        self.metrics.interval
    }

    /// Tells of what has happened since the last time, once it is known who is at the other end or the connection
    /// has come to its `end`.
    pub fn tell(&mut self, worker: &Worker, info: &StreamInfo, end: bool) {
        let mut values = Vec::with_capacity(4);
        if self.names.is_none() {
            self.names = names(&self.metrics, info, end);
            values.push((Metric::ConnectionsOpened, 1));
        }
        let Some(names) = &self.names else { return };
        values.push((Metric::SentBytes, info.wire_bytes_sent - self.sent));
        values.push((Metric::ReceivedBytes, info.wire_bytes_received - self.received));
        (self.sent, self.received) = (info.wire_bytes_sent, info.wire_bytes_received);
        if end {
            values.push((Metric::ConnectionsClosed, 1));
        }
        self.metrics.record(worker, names, &values);
    }
}

fn names(metrics: &Metrics, info: &StreamInfo, end: bool) -> Option<Names> {
    let reporter = metrics.reporter(info);
    let connection = info.connection.state.borrow();
    let said = match reporter {
        Reporter::Source => &info.upstream.said,
        Reporter::Destination | Reporter::Gateway => &connection.said,
    };
    if *said == Found::NotYet && !end {
        return None;
    }
    let peer = said.peer().map(|peer| &**peer);
    let mut tags = Tags::of(metrics, reporter, &Ends { info, host: None, peer, endpoint: None });
    tags.push("request_protocol", "tcp");
    tags.push_security(short_flags(info));
    Some(metrics.names(&tags))
}

/// When the next of them tells, after now.
pub fn next(tellings: &[Telling]) -> Option<Instant> {
    tellings.iter().filter_map(Telling::interval).min().map(|interval| clock::now() + interval)
}
