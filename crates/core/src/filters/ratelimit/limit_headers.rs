//! What a client is told of its limits, from the answer of the service.
//! <https://www.ietf.org/archive/id/draft-polli-ratelimit-headers-03.html>

use std::fmt::Write;

use crate::headers::{HeaderName, Headers};
use crate::proto::service::rate_limit_response::{Code, Limit, Status};
use crate::proto::service::Unit;

/// Adds the limit that is nearest, and the quotas of all.
pub fn add(statuses: &[Status], headers: &mut Headers) {
    let limited = || statuses.iter().filter_map(|it| Some((it, it.current_limit.as_ref()?)));
    // Of several that are as near, the first.
    let nearest = limited().min_by_key(|(status, _)| status.limit_remaining);
    let Some((status, limit)) = nearest else { return };
    let mut text = limit.requests_per_unit.to_string();
    limited().for_each(|(_, limit)| quota(limit, &mut text));
    let mut set =
        |name: &str, value: &str| headers.append(&HeaderName::new(name), value.as_bytes());
    set("x-ratelimit-limit", &text);
    set("x-ratelimit-remaining", &status.limit_remaining.to_string());
    let reset = status.duration_until_reset.as_ref().map_or(0, |duration| duration.seconds);
    set("x-ratelimit-reset", &reset.to_string());
}

/// Tells how long the limits last that were reached.
pub fn add_retry_after(statuses: &[Status], headers: &mut Headers) {
    let reached = statuses.iter().filter(|status| status.code() == Code::OverLimit);
    let longest =
        reached.filter_map(|status| Some(status.duration_until_reset.as_ref()?.seconds)).max();
    if let Some(seconds) = longest.filter(|seconds| *seconds > 0) {
        headers.append(&HeaderName::new("retry-after"), seconds.to_string().as_bytes());
    }
}

fn quota(limit: &Limit, text: &mut String) {
    let Some(window) = seconds(limit) else { return };
    _ = write!(text, ", {};w={window}", limit.requests_per_unit);
    if !limit.name.is_empty() {
        _ = write!(text, ";name=\"{}\"", limit.name);
    }
}

fn seconds(limit: &Limit) -> Option<u64> {
    let unit = match limit.unit() {
        Unit::Unknown => return None,
        Unit::Second => 1,
        Unit::Minute => 60,
        Unit::Hour => 3600,
        Unit::Day => 24 * 3600,
        Unit::Week => 7 * 24 * 3600,
        Unit::Month => 30 * 24 * 3600,
        Unit::Year => 365 * 24 * 3600,
    };
    Some(unit * limit.unit_multiplier.as_ref().map_or(1, |multiplier| multiplier.value.max(1)))
}

#[cfg(test)]
mod tests {
    use super::add;
    use crate::headers::Headers;
    use crate::proto::service::rate_limit_response::{Limit, Status};
    use crate::proto::service::{Duration, Unit};

    fn status(requests_per_unit: u32, unit: Unit, name: &str, limit_remaining: u32) -> Status {
        let name = name.to_owned();
        let limit = Limit { requests_per_unit, unit: unit.into(), name, unit_multiplier: None };
        let duration_until_reset = Some(Duration { seconds: i64::from(requests_per_unit) + 1 });
        Status { current_limit: Some(limit), limit_remaining, duration_until_reset, code: 1 }
    }

    fn told(statuses: &[Status]) -> Vec<String> {
        let mut headers = Headers::new();
        add(statuses, &mut headers);
        let lines = headers.iter().map(|(_, name, value)| {
            format!("{}: {}", String::from_utf8_lossy(name), String::from_utf8_lossy(value))
        });
        lines.collect()
    }

    #[test]
    fn the_nearest_limit_counts_and_all_quotas_are_told() {
        let statuses = [
            status(10, Unit::Minute, "", 5),
            status(4, Unit::Second, "burst", 2),
            status(9, Unit::Unknown, "", 2),
        ];
        let expected = [
            "x-ratelimit-limit: 4, 10;w=60, 4;w=1;name=\"burst\"",
            "x-ratelimit-remaining: 2",
            "x-ratelimit-reset: 5",
        ];
        assert_eq!(told(&statuses), expected);
    }

    #[test]
    fn without_a_limit_nothing_is_told() {
        assert!(told(&[Status::default()]).is_empty());
    }
}
