//! B3: how Zipkin's own libraries tell each other of spans, by several headers or by one.
//! <https://github.com/openzipkin/b3-propagation>

use super::super::context::{hex, parse_hex, SpanContext};
use super::super::w3c::put;
use crate::headers::{Headers, Key};

const SINGLE: Key<'static> = Key::Other(b"b3");
const TRACE_ID: Key<'static> = Key::Other(b"x-b3-traceid");
const SPAN_ID: Key<'static> = Key::Other(b"x-b3-spanid");
const PARENT_ID: Key<'static> = Key::Other(b"x-b3-parentspanid");
const SAMPLED: Key<'static> = Key::Other(b"x-b3-sampled");

/// Hex digits of an id of 64 bits.
const ID: usize = 16;

/// The headers cannot be understood.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed;

/// What a request says of its trace.
#[derive(Debug, PartialEq, Eq)]
pub struct Told {
    /// None: it is the first of its trace.
    pub context: Option<SpanContext>,
    pub sampled: bool,
    pub single_header: bool,
}

/// The ids of a trace came by B3.
pub fn is_present(headers: &Headers) -> bool {
    headers.contains(SINGLE) || (headers.contains(TRACE_ID) && headers.contains(SPAN_ID))
}

/// Reads the headers of a request, which is sampled if they do not say: `traced`.
///
/// # Errors
/// They make no sense.
pub fn extract(headers: &Headers, traced: bool) -> Result<Told, Malformed> {
    if let Some(value) = headers.get(SINGLE) {
        return single(value, traced).ok_or(Malformed);
    }
    let sampled = headers.get(SAMPLED).map_or(traced, |it| matches!(it, b"1" | b"true"));
    let ids = headers.get(TRACE_ID).zip(headers.get(SPAN_ID));
    let Some((trace, span)) = ids else {
        return Ok(Told { context: None, sampled, single_header: false });
    };
    let parent = headers.get(PARENT_ID).filter(|parent| !parent.is_empty());
    let context = several(trace, span, parent).ok_or(Malformed)?;
    let context = Some(SpanContext { sampled, ..context });
    Ok(Told { context, sampled, single_header: false })
}

fn several(trace: &[u8], span: &[u8], parent: Option<&[u8]>) -> Option<SpanContext> {
    let (trace_high, trace_low) = trace_id(trace)?;
    Some(SpanContext {
        trace_high,
        trace_low,
        span: parse_hex(span)?,
        parent: parent.map_or(Some(0), parse_hex)?,
        ..SpanContext::default()
    })
}

fn trace_id(text: &[u8]) -> Option<(u64, u64)> {
    match text.len() == 2 * ID {
        true => Some((parse_hex(&text[..ID])?, parse_hex(&text[ID..])?)),
        false => Some((0, parse_hex(text)?)),
    }
}

/// `TRACE-SPAN[-SAMPLED[-PARENT]]`, or SAMPLED alone.
fn single(value: &[u8], traced: bool) -> Option<Told> {
    let flag = |text: &[u8]| match text {
        b"0" => Some(false),
        b"1" | b"d" => Some(true),
        _ => None,
    };
    if value.len() == 1 {
        return Some(Told { context: None, sampled: flag(value)?, single_header: true });
    }
    let parts: Vec<&[u8]> = value.split(|&byte| byte == b'-').collect();
    let [trace, span, rest @ ..] = &*parts else { return None };
    let whole = (trace.len() == ID || trace.len() == 2 * ID) && span.len() == ID;
    let (sampled, parent) = match rest {
        [] => (traced, None),
        [sampled] => (flag(sampled)?, None),
        [sampled, parent] if parent.len() == ID => (flag(sampled)?, Some(*parent)),
        _ => return None,
    };
    let context = several(trace, span, parent).filter(|_| whole)?;
    let context = Some(SpanContext { sampled, single_header: true, ..context });
    Some(Told { context, sampled, single_header: true })
}

/// Tells an upstream of a span, in the form in which its trace came.
pub fn inject(context: &SpanContext, headers: &mut Headers) {
    let sampled = if context.sampled { "1" } else { "0" };
    let parent = (context.parent != 0).then(|| hex(context.parent));
    let (trace, span) = (context.trace_id(), hex(context.span));
    if context.single_header {
        let parent = parent.map_or_else(String::new, |parent| format!("-{parent}"));
        return put(headers, SINGLE, format!("{trace}-{span}-{sampled}{parent}").as_bytes());
    }
    put(headers, TRACE_ID, trace.as_bytes());
    put(headers, SPAN_ID, span.as_bytes());
    if let Some(parent) = parent {
        put(headers, PARENT_ID, parent.as_bytes());
    }
    put(headers, SAMPLED, sampled.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::{
        extract, inject, Malformed, SpanContext, Told, PARENT_ID, SINGLE, SPAN_ID, TRACE_ID,
    };
    use crate::headers::{Headers, Key};

    const LONG: &str = "463ac35c9f6413ad48485a3953bb6124";
    const SPAN: &str = "a2fb4a1d1a96d312";

    fn of(fields: &[(Key<'static>, &str)]) -> Result<Told, Malformed> {
        let mut headers = Headers::new();
        for (key, value) in fields {
            headers.append(*key, value.as_bytes());
        }
        extract(&headers, true)
    }

    fn told_on(context: &SpanContext) -> Vec<String> {
        let mut headers = Headers::new();
        inject(context, &mut headers);
        let line = |(_, name, value): (_, &[u8], &[u8])| {
            format!("{}: {}", String::from_utf8_lossy(name), String::from_utf8_lossy(value))
        };
        headers.iter().map(line).collect()
    }

    #[test]
    fn several_headers_are_read_and_written() {
        let told = of(&[(TRACE_ID, LONG), (SPAN_ID, SPAN), (PARENT_ID, "01")]).unwrap();
        let context = told.context.unwrap();
        assert!(told.sampled && context.sampled);
        assert_eq!(
            told_on(&context),
            [
                format!("x-b3-traceid: {LONG}"),
                format!("x-b3-spanid: {SPAN}"),
                "x-b3-parentspanid: 0000000000000001".into(),
                "x-b3-sampled: 1".into(),
            ]
        );
        assert_eq!(of(&[(TRACE_ID, LONG)]).unwrap().context, None);
        assert_eq!(of(&[(TRACE_ID, "xyz"), (SPAN_ID, SPAN)]), Err(Malformed));
        assert_eq!(of(&[(TRACE_ID, LONG), (SPAN_ID, "")]), Err(Malformed));
    }

    #[test]
    fn one_header_is_read_and_written() {
        let line = format!("{LONG}-{SPAN}-d-0020000000000001");
        let context = of(&[(SINGLE, &line)]).unwrap().context.unwrap();
        let written = format!("b3: {LONG}-{SPAN}-1-0020000000000001");
        assert_eq!(told_on(&context), [written]);
        let flag = of(&[(SINGLE, "0")]).unwrap();
        assert!(!flag.sampled && flag.single_header && flag.context.is_none());
        assert!(of(&[(SINGLE, &line[..49])]).unwrap().sampled);
        for bad in ["", "x", "abc", &line[..50], &line[..52], &line[..40], &line[3..]] {
            assert_eq!(of(&[(SINGLE, bad)]), Err(Malformed), "{bad}");
        }
    }
}
