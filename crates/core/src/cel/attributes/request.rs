//! `request.*`

use std::borrow::Cow;
use std::time::UNIX_EPOCH;

use super::{bytes_of, int, Table};
use crate::cel::container::Map;
use crate::cel::value::Value;
use crate::formatter::FormatContext;
use crate::headers::HeaderId;

pub const ATTRIBUTES: Table = &[
    ("duration", |c| {
        let spent = c.info.end?.saturating_duration_since(c.info.start);
        Some(Value::Duration(spent.as_nanos() as i128))
    }),
    ("headers", |c| Some(Value::Map(Map::Headers(c.request)))),
    ("headers_bytes", |c| int(bytes_of(c.request))),
    ("host", |c| header(c, HeaderId::Authority)),
    ("id", |c| header(c, HeaderId::XRequestId)),
    ("method", |c| header(c, HeaderId::Method)),
    ("path", |c| header(c, HeaderId::Path)),
    ("protocol", |c| c.info.protocol.map(|protocol| Value::text(protocol.name()))),
    ("query", |c| {
        let (_, query) = split_path(c)?;
        let end = memchr::memchr(b'#', query).unwrap_or(query.len());
        Some(Value::Text(Cow::Borrowed(&query[..end])))
    }),
    ("referer", |c| header(c, HeaderId::Referer)),
    ("scheme", |c| header(c, HeaderId::Scheme)),
    ("size", |c| {
        let length = c.request.and_then(|headers| headers.get(HeaderId::ContentLength));
        match length {
            Some(length) => Some(Value::Int(std::str::from_utf8(length).ok()?.parse().ok()?)),
            None => int(c.info.bytes_received),
        }
    }),
    ("time", |c| {
        let since = c.info.start_wall.duration_since(UNIX_EPOCH).unwrap_or_default();
        // Envoy's clock counts microseconds.
        Some(Value::Timestamp(since.as_micros() as i128 * 1000))
    }),
    ("total_size", |c| int(c.info.bytes_received + bytes_of(c.request))),
    ("url_path", |c| Some(Value::Text(Cow::Borrowed(split_path(c)?.0)))),
    ("useragent", |c| header(c, HeaderId::UserAgent)),
];

fn header<'a>(context: &FormatContext<'a>, id: HeaderId) -> Option<Value<'a>> {
    Some(Value::Text(Cow::Borrowed(context.request?.get(id)?)))
}

/// What stands before the question mark and what after it; a request without a path has an empty one.
fn split_path<'a>(context: &FormatContext<'a>) -> Option<(&'a [u8], &'a [u8])> {
    let path = context.request?.get(HeaderId::Path).unwrap_or_default();
    let mark = memchr::memchr(b'?', path);
    Some(mark.map_or((path, &[]), |mark| (&path[..mark], &path[mark + 1..])))
}
