//! The grpc-timeout header, where a route takes its limit from it.
//! <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#requests>

use std::time::Duration;

use crate::headers::{HeaderId, Headers};
use crate::route::{is_grpc, Forward, GrpcTimeout};

/// The longest number that the header may hold.
const LONGEST: u128 = 99_999_999;

/// How long a request may take from its start: as long as it asks for, as far as its route lets it; where it
/// does not ask, or the route does not listen, what the route says, or `of_manager`. A route that says anything of
/// it has gRPC requests tell their upstream.
pub fn limit(
    forward: &Forward,
    headers: &mut Headers,
    of_manager: Option<Duration>,
) -> Option<Duration> {
    let limit = match asked(forward, headers) {
        Some(limit) => limit,
        None => forward.max_stream_duration.unwrap_or(of_manager)?,
    };
    let told = forward.max_stream_duration.is_some() || forward.grpc_timeout_max.is_some();
    if told && is_grpc(headers) {
        headers.set(HeaderId::GrpcTimeout, write(limit).as_bytes());
    }
    Some(limit)
}

/// How long the response may take, where the route has its limit from the request; None: as long as it wants.
pub fn of_response(limit: &GrpcTimeout, headers: &Headers) -> Option<Duration> {
    let asked = headers.get(HeaderId::GrpcTimeout).and_then(parse).unwrap_or_default();
    let asked = asked.checked_sub(limit.offset).filter(|rest| !rest.is_zero()).unwrap_or(asked);
    let limited = match limit.most {
        Some(most) if asked.is_zero() || asked > most => most,
        _ => asked,
    };
    (!limited.is_zero()).then_some(limited)
}

fn asked(forward: &Forward, headers: &Headers) -> Option<Duration> {
    let most = forward.grpc_timeout_max?;
    let asked = parse(headers.get(HeaderId::GrpcTimeout)?)?;
    let capped = most.map_or(asked, |most| asked.min(most));
    Some(match forward.grpc_timeout_offset {
        Some(offset) if !capped.is_zero() => capped.saturating_sub(offset),
        _ => capped,
    })
}

fn parse(value: &[u8]) -> Option<Duration> {
    let (unit, digits) = value.split_last()?;
    if digits.is_empty() || digits.len() > 8 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let ms = match unit {
        b'H' => number * 3_600_000,
        b'M' => number * 60_000,
        b'S' => number * 1000,
        b'm' => number,
        b'u' => number.div_ceil(1000),
        b'n' => number.div_ceil(1_000_000),
        _ => return None,
    };
    Some(Duration::from_millis(ms))
}

pub fn write(timeout: Duration) -> String {
    match timeout.as_millis() {
        ms if ms <= LONGEST => format!("{ms}m"),
        ms if ms / 1000 <= LONGEST => format!("{}S", ms / 1000),
        ms => format!("{}M", ms / 60_000),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{of_response, parse, write};
    use crate::headers::{HeaderId, Headers};
    use crate::route::GrpcTimeout;

    #[test]
    fn a_response_has_what_its_request_asks_for_within_limits() {
        let ms = |most: u64, offset: u64, asked: &str| {
            let mut headers = Headers::new();
            headers.append(HeaderId::GrpcTimeout, asked.as_bytes());
            let most = (most > 0).then(|| Duration::from_millis(most));
            let limit = GrpcTimeout { most, offset: Duration::from_millis(offset) };
            of_response(&limit, &headers).map(|timeout| timeout.as_millis())
        };
        assert_eq!(ms(2000, 0, "1S"), Some(1000));
        assert_eq!(ms(500, 0, "1S"), Some(500));
        assert_eq!(ms(0, 0, "1S"), Some(1000));
        assert_eq!(ms(2000, 0, "x"), Some(2000));
        assert_eq!(ms(2000, 0, "0m"), Some(2000));
        assert_eq!(ms(0, 0, "0m"), None);
        // The offset never leaves nothing, and comes before the limit.
        assert_eq!(ms(2000, 200, "1S"), Some(800));
        assert_eq!(ms(2000, 1000, "1S"), Some(1000));
        assert_eq!(ms(900, 200, "1S"), Some(800));
        assert_eq!(ms(500, 200, "1S"), Some(500));
    }

    #[test]
    fn units_and_bad_values() {
        let ms = |value: &str| parse(value.as_bytes()).map(|timeout| timeout.as_millis());
        assert_eq!(ms("5S"), Some(5000));
        assert_eq!(ms("2H"), Some(7_200_000));
        assert_eq!(ms("1500u"), Some(2));
        assert_eq!(ms("1n"), Some(1));
        for bad in ["", "S", "5", "5x", "123456789S", "-1S"] {
            assert_eq!(ms(bad), None, "{bad}");
        }
        assert_eq!(write(Duration::from_millis(1800)), "1800m");
        assert_eq!(write(Duration::from_secs(100_000)), "100000S");
    }
}
