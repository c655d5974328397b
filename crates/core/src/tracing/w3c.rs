//! Trace Context of the W3C: `traceparent` and `tracestate`.
//! <https://www.w3.org/TR/trace-context/>

use super::context::{hex, parse_hex, SpanContext};
use crate::headers::{Headers, Key};

const PARENT: Key<'static> = Key::Other(b"traceparent");
const STATE: Key<'static> = Key::Other(b"tracestate");

/// What a request says of the trace that it goes on with.
#[derive(Debug, PartialEq, Eq)]
pub enum Parent {
    Absent,
    Malformed,
    /// The span of who sent it.
    Of(SpanContext),
}

/// Reads the headers of a request. As in Envoy, every version is read as version 00 is.
pub fn extract(headers: &Headers) -> Parent {
    let Some(parent) = headers.get(PARENT) else { return Parent::Absent };
    let Some(context) = parse(parent) else { return Parent::Malformed };
    let state = headers.joined(STATE).unwrap_or_default().into();
    Parent::Of(SpanContext { state, ..context })
}

fn parse(parent: &[u8]) -> Option<SpanContext> {
    let mut parts = parent.split(|&byte| byte == b'-');
    let [version, trace, span, flags] = [(); 4].map(|()| parts.next().unwrap_or_default());
    let lengths = [version, trace, span, flags].map(<[u8]>::len);
    if lengths != [2, 32, 16, 2] || parts.next().is_some() {
        return None;
    }
    parse_hex(version)?;
    let (trace_high, trace_low) = (parse_hex(&trace[..16])?, parse_hex(&trace[16..])?);
    let (span, flags) = (parse_hex(span)?, parse_hex(flags)?);
    let known = (trace_high, trace_low) != (0, 0) && span != 0;
    let sampled = flags & 1 == 1;
    known.then(|| SpanContext { trace_high, trace_low, span, sampled, ..SpanContext::default() })
}

/// Tells an upstream of a span by `traceparent`.
pub fn inject_parent(context: &SpanContext, headers: &mut Headers) {
    let SpanContext { trace_high, trace_low, sampled, .. } = context;
    let flags = u8::from(*sampled);
    let span = hex(context.span);
    let value = format!("00-{trace_high:016x}{trace_low:016x}-{span}-{flags:02x}");
    put(headers, PARENT, value.as_bytes());
}

/// Passes `tracestate` on, also where there is none.
pub fn inject_state(context: &SpanContext, headers: &mut Headers) {
    put(headers, STATE, &context.state);
}

/// Puts a header last, in place of what there is.
pub fn put(headers: &mut Headers, key: Key<'static>, value: &[u8]) {
    headers.remove(key);
    headers.append(key, value);
}

#[cfg(test)]
mod tests {
    use super::{extract, inject_parent, inject_state, Parent, PARENT, STATE};
    use crate::headers::Headers;

    const IDS: &str = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331";

    fn of(parent: &str) -> Parent {
        let mut headers = Headers::new();
        headers.append(PARENT, parent.as_bytes());
        headers.append(STATE, b"a=b");
        headers.append(STATE, b"c=d");
        extract(&headers)
    }

    #[test]
    fn a_parent_is_read_and_written() {
        let Parent::Of(context) = of(&format!("00-{IDS}-01")) else { unreachable!() };
        assert_eq!(&*context.state, b"a=b,c=d");
        assert!(context.sampled && !context.remote_parent);
        let mut headers = Headers::new();
        headers.append(PARENT, b"old");
        inject_parent(&context, &mut headers);
        inject_state(&context, &mut headers);
        assert_eq!(headers.get_str(PARENT), Some(format!("00-{IDS}-01").as_str()));
        assert_eq!(headers.get_str(STATE), Some("a=b,c=d"));
        assert!(matches!(of(&format!("00-{IDS}-02")), Parent::Of(it) if !it.sampled));
        assert!(
            matches!(of(&format!("07-{}-03", IDS.to_uppercase())), Parent::Of(it) if it.sampled)
        );
        assert_eq!(extract(&Headers::new()), Parent::Absent);
    }

    #[test]
    fn what_is_no_parent_is_malformed() {
        let zero_span = format!("{}0000000000000000", &IDS[..33]);
        let zero_trace = format!("{:032}{}", 0, &IDS[32..]);
        for ids in [IDS[..48].to_owned(), zero_span, zero_trace, IDS.replace('f', "g")] {
            assert_eq!(of(&format!("00-{ids}-01")), Parent::Malformed, "{ids}");
        }
        for parent in [format!("00-{IDS}-01-x"), format!("0g-{IDS}-01"), "".into(), "---".into()] {
            assert_eq!(of(&parent), Parent::Malformed, "{parent}");
        }
    }
}
