//! What a host reports of its load in the head or the trailers of a response (ORCA).
//! <https://github.com/envoyproxy/envoy/issues/6614>

use std::collections::{BTreeMap, HashSet};

use prost::Message;

use crate::base64;
use crate::headers::{Headers, Key};
use crate::proto::service::OrcaLoadReport;

const HEADER: Key<'static> = Key::Other(b"endpoint-load-metrics");
const BINARY_HEADER: Key<'static> = Key::Other(b"endpoint-load-metrics-bin");

/// The report, if there is one that can be read.
pub fn read(headers: &Headers) -> Option<OrcaLoadReport> {
    if let Some(value) = headers.get(BINARY_HEADER) {
        return binary(value);
    }
    let value = headers.get(HEADER)?;
    if let Some(value) = value.strip_prefix(b"TEXT ") {
        return text(std::str::from_utf8(value).ok()?);
    }
    value.strip_prefix(b"JSON ").and_then(json).or_else(|| binary(value.strip_prefix(b"BIN ")?))
}

fn binary(value: &[u8]) -> Option<OrcaLoadReport> {
    let mut bytes = Vec::new();
    base64::decode(value, &mut bytes)?;
    OrcaLoadReport::decode(&bytes[..]).ok().filter(|_| !bytes.is_empty())
}

/// Metrics with commas between them, each a name, a colon and a number. As in Envoy, one that is wrong, unknown or
/// there twice makes the report none.
fn text(value: &str) -> Option<OrcaLoadReport> {
    let mut report = OrcaLoadReport::default();
    let mut seen = HashSet::new();
    for metric in value.split(',').map(str::trim).filter(|metric| !metric.is_empty()) {
        let (name, number) = metric.split_once(':')?;
        let number = number.trim().parse().ok().filter(|number: &f64| number.is_finite())?;
        if !seen.insert(name) {
            return None;
        }
        *place(&mut report, name)? = number;
    }
    Some(report)
}

/// The field of a metric.
fn place<'a>(report: &'a mut OrcaLoadReport, name: &str) -> Option<&'a mut f64> {
    Some(match name {
        "application_utilization" => &mut report.application_utilization,
        "cpu_utilization" => &mut report.cpu_utilization,
        "mem_utilization" => &mut report.mem_utilization,
        "eps" => &mut report.eps,
        "rps_fractional" => &mut report.rps_fractional,
        _ => {
            let (kind, name) = name.split_once('.').filter(|(_, name)| !name.is_empty())?;
            let metrics = match kind {
                "named_metrics" => &mut report.named_metrics,
                "utilization" => &mut report.utilization,
                _ => return None,
            };
            metrics.entry(name.to_owned()).or_default()
        }
    })
}

/// The JSON of the message, without unknown fields.
fn json(value: &[u8]) -> Option<OrcaLoadReport> {
    let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(value).ok()?;
    let mut report = OrcaLoadReport::default();
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
        match name.as_str() {
            "applicationUtilization" => report.application_utilization = as_number(value)?,
            "cpuUtilization" => report.cpu_utilization = as_number(value)?,
            "memUtilization" => report.mem_utilization = as_number(value)?,
            "rpsFractional" => report.rps_fractional = as_number(value)?,
            "namedMetrics" | "named_metrics" => report.named_metrics = as_numbers(value)?,
            "requestCost" | "request_cost" => report.request_cost = as_numbers(value)?,
            "utilization" => report.utilization = as_numbers(value)?,
            "rps" => _ = as_number(value)?,
            name if name.contains('.') => return None,
            name => *place(&mut report, name)? = as_number(value)?,
        }
    }
    Some(report)
}

fn as_numbers(value: &serde_json::Value) -> Option<BTreeMap<String, f64>> {
    let entries = value.as_object()?.iter();
    entries.map(|(name, value)| Some((name.clone(), as_number(value)?))).collect()
}

fn as_number(value: &serde_json::Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::{read, BINARY_HEADER, HEADER};
    use crate::headers::{Headers, Key};
    use crate::proto::service::OrcaLoadReport;

    fn of(name: Key<'_>, value: &str) -> Option<OrcaLoadReport> {
        let mut headers = Headers::new();
        headers.append(name, value.as_bytes());
        read(&headers)
    }

    #[test]
    fn a_report_comes_in_three_formats() {
        let text = of(HEADER, "TEXT cpu_utilization:0.5, rps_fractional:100,named_metrics.a:4");
        let json =
            r#"JSON {"cpuUtilization": 0.5, "rps_fractional": "100", "namedMetrics": {"a": 4}}"#;
        let report = text.expect("a report");
        assert_eq!((report.cpu_utilization, report.rps_fractional), (0.5, 100.0));
        assert_eq!(report.named_metrics.get("a"), Some(&4.0));
        assert_eq!(of(HEADER, json), Some(report.clone()));
        let binary = "CQAAAAAAAOA/MQAAAAAAAFlAQgwKAWERAAAAAAAAEEA=";
        assert_eq!(of(HEADER, &format!("BIN {binary}")), Some(report.clone()));
        assert_eq!(of(BINARY_HEADER, binary), Some(report));
    }

    #[test]
    fn what_cannot_be_read_is_no_report() {
        for value in [
            "",
            "cpu_utilization:1",
            "TEXT cpu_utilization",
            "TEXT cpu_utilization:a",
            "TEXT cpu_utilization:inf",
            "TEXT eps:1,eps:1",
            "TEXT none:1",
            "TEXT named_metrics.:1",
            "JSON [1]",
            r#"JSON {"eps": true}"#,
            r#"JSON {"none": 1}"#,
            r#"JSON {"named_metrics.a": 1}"#,
            "BIN =",
            "BIN ",
        ] {
            assert_eq!(of(HEADER, value), None, "{value}");
        }
        assert_eq!(of(BINARY_HEADER, "!"), None);
    }
}
