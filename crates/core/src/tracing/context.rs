//! Where a span stands: the ids that upstreams are told.

use crate::random::Random;

/// Sixteen hex digits.
pub fn hex(number: u64) -> String {
    format!("{number:016x}")
}

/// A number of at most sixteen hex digits and nothing else.
pub fn parse_hex(text: &[u8]) -> Option<u64> {
    let fits = (1..=16).contains(&text.len()) && text.iter().all(u8::is_ascii_hexdigit);
    let text = std::str::from_utf8(text).ok().filter(|_| fits)?;
    u64::from_str_radix(text, 16).ok()
}

/// The trace of a span, its place in it, and whether it is reported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpanContext {
    /// The upper half of the trace's id; 0 where it has 64 bits.
    pub trace_high: u64,
    pub trace_low: u64,
    pub span: u64,
    /// 0: it is the first of its trace.
    pub parent: u64,
    pub sampled: bool,
    /// The parent is another process's.
    pub remote_parent: bool,
    /// `tracestate`, which is passed on as it came.
    pub state: Box<[u8]>,
    /// It came by the single header of B3, and goes on by it.
    pub single_header: bool,
}

impl SpanContext {
    /// A span within this one, of this process.
    pub fn child(&self, random: &Random) -> Self {
        Self { span: random.next(), parent: self.span, remote_parent: false, ..self.clone() }
    }

    /// The trace's id in 128 bits.
    pub fn trace_bytes(&self) -> Vec<u8> {
        [self.trace_high, self.trace_low].map(u64::to_be_bytes).concat()
    }

    /// As many hex digits as the id has.
    pub fn trace_id(&self) -> String {
        match self.trace_high {
            0 => hex(self.trace_low),
            high => format!("{high:016x}{:016x}", self.trace_low),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{parse_hex, SpanContext};
    use crate::random::Random;

    #[test]
    fn ids_are_hex_digits_alone() {
        assert_eq!(parse_hex(b"00fF"), Some(255));
        assert_eq!(parse_hex(b"ffffffffffffffff"), Some(u64::MAX));
        for bad in [&b""[..], b"+1", b"0x1", b"g", b"00000000000000001"] {
            assert_eq!(parse_hex(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_child_stands_in_the_trace_of_its_parent() {
        let parent = SpanContext {
            trace_low: 7,
            span: 9,
            sampled: true,
            remote_parent: true,
            ..SpanContext::default()
        };
        let child = parent.child(&Random::seeded(1));
        assert_eq!((child.trace_low, child.parent, child.sampled), (7, 9, true));
        assert_ne!(child.span, 9);
        assert!(!child.remote_parent);
        assert_eq!(parent.trace_id(), "0000000000000007");
        let long = SpanContext { trace_high: 1, ..parent };
        assert_eq!(long.trace_id(), "00000000000000010000000000000007");
        assert_eq!(long.trace_bytes(), [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7]);
    }
}
