//! Parts of times and durations.

use super::{Entry, Style};
use crate::cel::time::{civil, zone_offset, NANOSECONDS};
use crate::cel::value::Value;
use crate::compile::{CompileError, Result};
use crate::formatter::Civil;

type Part = fn(&Civil) -> i64;

const FULL_YEAR: Part = |civil| civil.year;
const MONTH: Part = |civil| i64::from(civil.month) - 1;
const DATE: Part = |civil| civil.day.into();
const DAY_OF_MONTH: Part = |civil| i64::from(civil.day) - 1;
const DAY_OF_WEEK: Part = |civil| civil.weekday.into();
const DAY_OF_YEAR: Part = |civil| civil.year_day.into();
const HOURS: Part = |civil| civil.hour.into();
const MINUTES: Part = |civil| civil.minute.into();
const SECONDS: Part = |civil| civil.second.into();
const MILLISECONDS: Part = |civil| (civil.nanos / 1_000_000).into();

pub const FUNCTIONS: &[Entry] = &[
    ("getFullYear", Style::Method, 1, |v| of_time(v, FULL_YEAR)),
    ("getFullYear", Style::Method, 2, |v| of_time(v, FULL_YEAR)),
    ("getMonth", Style::Method, 1, |v| of_time(v, MONTH)),
    ("getMonth", Style::Method, 2, |v| of_time(v, MONTH)),
    ("getDate", Style::Method, 1, |v| of_time(v, DATE)),
    ("getDate", Style::Method, 2, |v| of_time(v, DATE)),
    ("getDayOfMonth", Style::Method, 1, |v| of_time(v, DAY_OF_MONTH)),
    ("getDayOfMonth", Style::Method, 2, |v| of_time(v, DAY_OF_MONTH)),
    ("getDayOfWeek", Style::Method, 1, |v| of_time(v, DAY_OF_WEEK)),
    ("getDayOfWeek", Style::Method, 2, |v| of_time(v, DAY_OF_WEEK)),
    ("getDayOfYear", Style::Method, 1, |v| of_time(v, DAY_OF_YEAR)),
    ("getDayOfYear", Style::Method, 2, |v| of_time(v, DAY_OF_YEAR)),
    ("getHours", Style::Method, 1, |v| of_either(v, 3600 * NANOSECONDS, HOURS)),
    ("getHours", Style::Method, 2, |v| of_time(v, HOURS)),
    ("getMinutes", Style::Method, 1, |v| of_either(v, 60 * NANOSECONDS, MINUTES)),
    ("getMinutes", Style::Method, 2, |v| of_time(v, MINUTES)),
    ("getSeconds", Style::Method, 1, |v| of_either(v, NANOSECONDS, SECONDS)),
    ("getSeconds", Style::Method, 2, |v| of_time(v, SECONDS)),
    ("getMilliseconds", Style::Method, 1, |v| match v[0] {
        Value::Duration(span) => Some(Value::Int((span % NANOSECONDS / 1_000_000) as i64)),
        _ => of_time(v, MILLISECONDS),
    }),
    ("getMilliseconds", Style::Method, 2, |v| of_time(v, MILLISECONDS)),
];

/// A function of a time and a zone.
pub fn takes_zone(name: &str) -> bool {
    FUNCTIONS.iter().any(|(known, ..)| *known == name)
}

/// # Errors
/// A zone that is called by its name: there is no table of these.
pub fn check_zone(zone: Option<&str>) -> Result<()> {
    match zone {
        Some(zone) if zone_offset(zone).is_none() => Err(CompileError::new(format!(
            "the time zone {zone:?} is not implemented; write UTC or an offset such as +01:00"
        ))),
        _ => Ok(()),
    }
}

/// A part of a time, in UTC or in the zone that comes second.
fn of_time<'a>(values: &[Value<'_>], part: Part) -> Option<Value<'a>> {
    let Value::Timestamp(time) = values[0] else { return None };
    let offset = match values.get(1) {
        Some(zone) => zone_offset(std::str::from_utf8(zone.as_text()?).ok()?)?,
        None => 0,
    };
    Some(Value::Int(part(&civil(time, offset))))
}

/// Of a duration, how often `unit` is in it.
fn of_either<'a>(values: &[Value<'_>], unit: i128, part: Part) -> Option<Value<'a>> {
    match values[0] {
        Value::Duration(span) => i64::try_from(span / unit).ok().map(Value::Int),
        _ => of_time(values, part),
    }
}
