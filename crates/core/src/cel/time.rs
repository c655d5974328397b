//! Durations and times: their ranges, and how they are read.

use super::value::Value;
use crate::formatter::{Civil, Zone};

pub const NANOSECONDS: i128 = 1_000_000_000;

/// Ten thousand years of 365.25 days.
const LONGEST_S: i128 = 315_576_000_000;
/// The first second of the year 1, and the one after the year 9999.
const FIRST_S: i128 = -62_135_596_800;
const END_S: i128 = 253_402_300_800;

const UNITS: &[(&str, i128)] = &[
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", NANOSECONDS),
    ("m", 60 * NANOSECONDS),
    ("h", 3600 * NANOSECONDS),
];

/// A time in its range.
pub fn timestamp<'a>(nanoseconds: i128) -> Option<Value<'a>> {
    let in_range = (FIRST_S * NANOSECONDS..END_S * NANOSECONDS).contains(&nanoseconds);
    in_range.then_some(Value::Timestamp(nanoseconds))
}

/// The calendar of a time, so many seconds east of UTC.
pub fn civil(nanoseconds: i128, offset_s: i64) -> Civil {
    let seconds = nanoseconds.div_euclid(NANOSECONDS) as i64;
    let nanos = nanoseconds.rem_euclid(NANOSECONDS) as u32;
    Civil::new(seconds, nanos, Zone::Local { offset_s, name: String::new() })
}

/// `-1h2m3.5s`: numbers with units; a zero needs none.
pub fn parse_duration(text: &str) -> Option<i128> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let mut rest = unsigned;
    let mut total = 0;
    while !rest.is_empty() && unsigned != "0" {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(end);
        let unit_end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let (_, nanoseconds) = UNITS.iter().find(|(name, _)| *name == unit)?;
        total += scaled(number, *nanoseconds)?;
        rest = after;
    }
    let total = if text.starts_with('-') { -total } else { total };
    let in_range = total.abs() <= LONGEST_S * NANOSECONDS;
    (in_range && !unsigned.is_empty()).then_some(total)
}

/// A decimal number of units.
fn scaled(number: &str, unit: i128) -> Option<i128> {
    const DIGITS: usize = 15;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if matches!(number, "" | ".") || fraction.contains('.') || whole.len() > DIGITS {
        return None;
    }
    let fraction = &fraction[..fraction.len().min(DIGITS)];
    let of = |digits: &str| if digits.is_empty() { Some(0) } else { digits.parse::<i128>().ok() };
    let part = of(fraction)? * unit / 10_i128.pow(fraction.len() as u32);
    Some(of(whole)? * unit + part)
}

/// RFC 3339, such as `2020-01-02T03:04:05.678+01:00`.
pub fn parse_timestamp<'a>(text: &str) -> Option<Value<'a>> {
    let (date, rest) = text.split_at_checked(10)?;
    let (time, rest) = rest.strip_prefix(['T', 't'])?.split_at_checked(8)?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    let zone_at = rest.find(['Z', 'z', '+', '-'])?;
    let (fraction, zone) = rest.split_at(zone_at);
    let nanoseconds = match fraction.strip_prefix('.') {
        Some(digits) if !digits.is_empty() => scaled(&format!("0.{digits}"), NANOSECONDS)?,
        Some(_) => return None,
        None if fraction.is_empty() => 0,
        None => return None,
    };
    let offset = match zone {
        "Z" | "z" => 0,
        zone => zone_offset(zone)?,
    };
    let days = Civil::days(year, month as u32, day as u32)?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset;
    timestamp(i128::from(seconds) * NANOSECONDS + nanoseconds)
}

/// Three numbers of so many digits.
fn numbers(text: &str, separator: char, digits: [usize; 3]) -> Option<[i64; 3]> {
    let mut found = [0; 3];
    let mut parts = text.split(separator);
    for (number, count) in found.iter_mut().zip(digits) {
        let part = parts.next().filter(|part| part.len() == count)?;
        *number = part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok())??;
    }
    parts.next().is_none().then_some(found)
}

/// Seconds east of UTC of `UTC`, `+01:30`, `-05:00` or `02:00`; none of a name.
pub fn zone_offset(zone: &str) -> Option<i64> {
    if matches!(zone, "UTC" | "Z" | "") {
        return Some(0);
    }
    let unsigned = zone.strip_prefix(['+', '-']).unwrap_or(zone);
    let (hours, minutes) = unsigned.split_once(':')?;
    let number = |text: &str| {
        let two = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        two.then(|| text.parse::<i64>().ok()).flatten()
    };
    let seconds = number(hours)? * 3600 + number(minutes).filter(|minutes| *minutes < 60)? * 60;
    Some(if zone.starts_with('-') { -seconds } else { seconds })
}
