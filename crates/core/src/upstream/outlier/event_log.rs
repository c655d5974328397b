//! A line of JSON about each ejection and its end: envoy.data.cluster.v3.OutlierDetectionEvent.

use std::time::{Duration, Instant, SystemTime};

use serde_json::{json, Map, Value};

use super::ejection::Ejection;
use super::monitor::{History, Origin};
use super::rates::Averages;
use super::Host;
use crate::formatter::iso_time;

pub enum Event {
    /// `averages` by [`Origin`].
    Ejected {
        ejection: Ejection,
        enforced: bool,
        averages: [Averages; 2],
    },
    Unejected,
}

impl Event {
    pub fn line(&self, cluster: &str, host: &Host) -> Vec<u8> {
        let history = host.stats.monitor().history();
        let mut fields = Map::new();
        let ejection = match self {
            Self::Ejected { ejection, .. } => *ejection,
            // Envoy leaves the first of the reasons there.
            Self::Unejected => Ejection::Consecutive5xx,
        };
        fields.insert("type".into(), ejection.name().into());
        fields.insert("timestamp".into(), iso_time(SystemTime::now()).into());
        if let Some(seconds) = self.since_last(&history) {
            fields.insert("secs_since_last_action".into(), seconds.as_secs().to_string().into());
        }
        fields.insert("cluster_name".into(), cluster.into());
        fields.insert("upstream_url".into(), host.address.to_string().into());
        let action = if matches!(self, Self::Unejected) { "UNEJECT" } else { "EJECT" };
        fields.insert("action".into(), action.into());
        fields.insert("num_ejections".into(), history.ejections.into());
        let enforced = matches!(self, Self::Ejected { enforced: true, .. });
        fields.insert("enforced".into(), enforced.into());
        if let Self::Ejected { ejection, averages, .. } = self {
            let (name, value) = details(*ejection, averages, &history);
            fields.insert(name.into(), value);
        }
        let mut line = Value::from(fields).to_string().into_bytes();
        line.push(b'\n');
        line
    }

    /// Since the host's state last changed the other way.
    fn since_last(&self, history: &History) -> Option<Duration> {
        let last = match self {
            Self::Ejected { .. } => history.unejected,
            Self::Unejected => history.ejected,
        };
        last.map(|last| Instant::now().saturating_duration_since(last))
    }
}

fn details(
    ejection: Ejection,
    averages: &[Averages; 2],
    history: &History,
) -> (&'static str, Value) {
    let by_average = |origin: Origin| {
        let Averages { average, threshold } = averages[origin as usize];
        let details = json!({
            "host_success_rate": history.rates[origin as usize] as u32,
            "cluster_average_success_rate": average as u32,
            "cluster_success_rate_ejection_threshold": threshold as u32,
        });
        ("eject_success_rate_event", details)
    };
    let by_share = |origin: Origin| {
        let details = json!({ "host_success_rate": history.rates[origin as usize] as u32 });
        ("eject_failure_percentage_event", details)
    };
    match ejection {
        Ejection::SuccessRate => by_average(Origin::Answers),
        Ejection::SuccessRateLocalOrigin => by_average(Origin::Connections),
        Ejection::FailurePercentage => by_share(Origin::Answers),
        Ejection::FailurePercentageLocalOrigin => by_share(Origin::Connections),
        _ => ("eject_consecutive_event", json!({})),
    }
}
