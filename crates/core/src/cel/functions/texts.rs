//! The functions that `enable_string_functions` adds. Places are counted in characters.
//! <https://github.com/google/cel-go/blob/master/ext/README.md#strings>

use std::rc::Rc;

use super::{Entry, Style};
use crate::cel::container::List;
use crate::cel::value::{Value, LONGEST};

pub const EXTENSION: &[Entry] = &[
    ("lowerAscii", Style::Method, 1, |v| Some(Value::owned(text(&v[0])?.to_ascii_lowercase()))),
    ("upperAscii", Style::Method, 1, |v| Some(Value::owned(text(&v[0])?.to_ascii_uppercase()))),
    ("trim", Style::Method, 1, |v| Some(Value::owned(text(&v[0])?.trim()))),
    ("reverse", Style::Method, 1, |v| {
        Some(Value::owned(text(&v[0])?.chars().rev().collect::<String>()))
    }),
    ("charAt", Style::Method, 2, |v| {
        let (text, at) = (text(&v[0])?, place(&v[1])?);
        part(text, at, (at + 1).min(length(text)))
    }),
    ("substring", Style::Method, 2, |v| {
        let text = text(&v[0])?;
        part(text, place(&v[1])?, length(text))
    }),
    ("substring", Style::Method, 3, |v| part(text(&v[0])?, place(&v[1])?, place(&v[2])?)),
    ("indexOf", Style::Method, 2, |v| found(text(&v[0])?, text(&v[1])?, 0)),
    ("indexOf", Style::Method, 3, |v| found(text(&v[0])?, text(&v[1])?, place(&v[2])?)),
    ("lastIndexOf", Style::Method, 2, |v| {
        let text_of = text(&v[0])?;
        found_last(text_of, text(&v[1])?, length(text_of))
    }),
    ("lastIndexOf", Style::Method, 3, |v| found_last(text(&v[0])?, text(&v[1])?, place(&v[2])?)),
    ("split", Style::Method, 2, |v| split(text(&v[0])?, text(&v[1])?, -1)),
    ("split", Style::Method, 3, |v| split(text(&v[0])?, text(&v[1])?, number(&v[2])?)),
    ("join", Style::Method, 1, |v| join(&v[0], "")),
    ("join", Style::Method, 2, |v| join(&v[0], text(&v[1])?)),
    ("replace", Style::Method, 3, |v| replace(text(&v[0])?, text(&v[1])?, text(&v[2])?, -1)),
    ("replace", Style::Method, 4, |v| {
        replace(text(&v[0])?, text(&v[1])?, text(&v[2])?, number(&v[3])?)
    }),
];

fn text<'v>(value: &'v Value<'_>) -> Option<&'v str> {
    std::str::from_utf8(value.as_text()?).ok()
}

fn number(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        _ => None,
    }
}

fn place(value: &Value<'_>) -> Option<usize> {
    usize::try_from(number(value)?).ok()
}

fn length(text: &str) -> usize {
    text.chars().count()
}

/// The byte at which a character begins; the end for the one after the last.
fn offset(text: &str, place: usize) -> Option<usize> {
    text.char_indices().map(|(at, _)| at).chain([text.len()]).nth(place)
}

fn part<'a>(text: &str, start: usize, end: usize) -> Option<Value<'a>> {
    let (start, end) = (offset(text, start)?, offset(text, end)?);
    text.get(start..end).map(Value::owned)
}

fn found<'a>(text: &str, part: &str, from: usize) -> Option<Value<'a>> {
    let start = offset(text, from)?;
    let at = text[start..].find(part);
    Some(Value::Int(at.map_or(-1, |at| (from + length(&text[start..start + at])) as i64)))
}

/// The last place that is not after `to`.
fn found_last<'a>(text: &str, part: &str, to: usize) -> Option<Value<'a>> {
    let end = (offset(text, to)? + part.len()).min(text.len());
    // A cut character at the end is in no match.
    let at = memchr::memmem::rfind(&text.as_bytes()[..end], part.as_bytes());
    Some(Value::Int(at.map_or(-1, |at| length(&text[..at]) as i64)))
}

/// At most `limit` parts, all when it is negative.
fn split<'a>(text: &str, separator: &str, limit: i64) -> Option<Value<'a>> {
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let parts: Vec<Value<'a>> = match (text, separator) {
        _ if text.len() > LONGEST => return None,
        _ if most == 0 => Vec::new(),
        ("", _) => vec![Value::text("")],
        (_, "") => {
            let last = offset(text, most.saturating_sub(1)).unwrap_or(text.len());
            let single = text[..last].chars().map(Value::owned);
            single.chain((last < text.len()).then(|| Value::owned(&text[last..]))).collect()
        }
        _ => text.splitn(most, separator).map(Value::owned).collect(),
    };
    Some(Value::List(List::Own(Rc::from(parts))))
}

fn join<'a>(list: &Value<'_>, separator: &str) -> Option<Value<'a>> {
    let Value::List(list) = list else { return None };
    let mut joined = String::new();
    for (index, item) in list.iter().enumerate() {
        if index > 0 {
            joined.push_str(separator);
        }
        joined.push_str(text(&item)?);
        if joined.len() > LONGEST {
            return None;
        }
    }
    Some(Value::owned(joined))
}

/// The first `limit` places replaced, all when it is negative.
fn replace<'a>(text: &str, from: &str, to: &str, limit: i64) -> Option<Value<'a>> {
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let places = text.matches(from).take(most).count();
    if places.saturating_mul(to.len()).saturating_add(text.len()) > LONGEST {
        return None;
    }
    Some(Value::owned(text.replacen(from, to, most)))
}
