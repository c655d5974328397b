//! Lists and maps, wherever they come from.

use std::borrow::Cow;
use std::rc::Rc;

use serde_json::Value as Json;

use super::attributes::Group;
use super::compare::equal;
use super::value::Value;
use crate::formatter::FormatContext;
use crate::headers::{is_valid_name, HeaderName, Headers};

#[derive(Clone)]
pub enum List<'a> {
    Own(Rc<[Value<'a>]>),
    Json(&'a [Json]),
}

/// What has values by keys.
#[derive(Clone)]
pub enum Map<'a> {
    Own(Rc<[(Value<'a>, Value<'a>)]>),
    Json(Option<&'a serde_json::Map<String, Json>>),
    Headers(Option<&'a Headers>),
    Attributes(Group, FormatContext<'a>),
    FilterState(FormatContext<'a>),
}

impl<'a> List<'a> {
    pub fn len(&self) -> usize {
        match self {
            Self::Own(items) => items.len(),
            Self::Json(items) => items.len(),
        }
    }

    pub fn get(&self, index: usize) -> Option<Value<'a>> {
        match self {
            Self::Own(items) => items.get(index).cloned(),
            Self::Json(items) => items.get(index).map(Value::of_json),
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = Value<'a>> + '_ {
        (0..self.len()).filter_map(|index| self.get(index))
    }
}

impl<'a> Map<'a> {
    /// The value of a key; none when there is no such key.
    pub fn get(&self, key: &Value<'_>) -> Option<Value<'a>> {
        if let Self::Own(entries) = self {
            let found = entries.iter().find(|(known, _)| equal(known, key));
            return found.map(|(_, value)| value.clone());
        }
        let name = std::str::from_utf8(key.as_text()?).ok()?;
        match self {
            Self::Own(_) => None,
            Self::Json(fields) => fields.and_then(|it| it.get(name)).map(Value::of_json),
            Self::Headers(headers) => header((*headers)?, &HeaderName::new(name)),
            Self::Attributes(group, context) => group.find(name)?.value(context),
            Self::FilterState(context) => {
                let value = context.info.filter_state.as_deref()?.get(name)?;
                Some(Value::Bytes(Cow::Borrowed(value.as_str()?.as_bytes())))
            }
        }
    }

    /// How many keys; 0 for what cannot be listed.
    pub fn len(&self) -> usize {
        match self {
            Self::Own(entries) => entries.len(),
            Self::Json(fields) => fields.map_or(0, serde_json::Map::len),
            Self::Headers(headers) => headers.map_or(0, |headers| names(headers).count()),
            Self::Attributes(..) | Self::FilterState(_) => 0,
        }
    }

    /// The keys with their values; none for what cannot be listed.
    pub fn entries(&self) -> Option<Vec<(Value<'a>, Value<'a>)>> {
        Some(match self {
            Self::Own(entries) => entries.to_vec(),
            Self::Json(fields) => {
                let fields = fields.iter().flat_map(|fields| fields.iter());
                fields.map(|(key, value)| (Value::text(key), Value::of_json(value))).collect()
            }
            Self::Headers(headers) => {
                let names = headers.iter().flat_map(|headers| names(headers));
                names
                    .map(Cow::Borrowed)
                    .map(Value::Text)
                    .filter_map(|name| self.entry(name))
                    .collect()
            }
            Self::Attributes(..) | Self::FilterState(_) => return None,
        })
    }

    fn entry(&self, key: Value<'a>) -> Option<(Value<'a>, Value<'a>)> {
        let value = self.get(&key)?;
        Some((key, value))
    }
}

/// The value of a header, its lines joined; none of a name that no header can have.
pub fn header<'a>(headers: &'a Headers, name: &HeaderName) -> Option<Value<'a>> {
    let text = name.as_bytes();
    is_valid_name(text.strip_prefix(b":").unwrap_or(text)).then_some(())?;
    headers.joined(name.key()).map(Value::Text)
}

/// Each name once.
fn names(headers: &Headers) -> impl Iterator<Item = &[u8]> {
    let is_first = |at: usize, name: &[u8]| headers.iter().take(at).all(|(_, it, _)| it != name);
    let all = headers.iter().map(|(_, name, _)| name).enumerate();
    all.filter(move |(at, name)| is_first(*at, name)).map(|(_, name)| name)
}
