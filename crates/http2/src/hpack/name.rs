//! What a name or a value is to the rules of messages, found once: entries of the dynamic table keep it.

/// What a name means to the rules of messages (RFC 9113 section 8).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NameKind {
    Regular,
    /// Empty, upper-case, or with a character that no name has.
    Invalid,
    Method,
    Scheme,
    Authority,
    Path,
    Status,
    Protocol,
    UnknownPseudo,
    /// `connection` and its like, which HTTP/2 forbids.
    ConnectionSpecific,
    Te,
    ContentLength,
    Host,
}

/// Of a field: how it came, and what its bytes are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Flags(u8);

impl Flags {
    /// Came as a literal that is never indexed; must go on as one (RFC 7541 section 6.2.3).
    pub const NEVER_INDEX: Self = Self(1);
    /// The value has a control character.
    pub const BAD_VALUE: Self = Self(2);
    /// The value starts or ends with a space or a tab.
    pub const SPACE_AROUND: Self = Self(4);
    /// The name has an underscore.
    pub const UNDERSCORE: Self = Self(8);

    pub const NONE: Self = Self(0);

    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

const TOKEN: u8 = 1;
const UNDERSCORE: u8 = 2;

/// Of each byte: whether a lower-case token may have it (RFC 9110 section 5.6.2).
const CHARACTERS: [u8; 256] = {
    let mut table = [0; 256];
    let allowed = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz";
    let mut at = 0;
    while at < allowed.len() {
        table[allowed[at] as usize] = TOKEN;
        at += 1;
    }
    table[b'_' as usize] = TOKEN | UNDERSCORE;
    table
};

impl NameKind {
    /// The kind of a name as it came, and what is to be noted of its bytes.
    pub fn of(name: &[u8]) -> (Self, Flags) {
        let rest = match name {
            [] => return (Self::Invalid, Flags::NONE),
            [b':', ..] => return (Self::pseudo(name), Flags::NONE),
            rest => rest,
        };
        let (mut every, mut any) = (TOKEN, 0);
        for &byte in rest {
            let class = CHARACTERS[usize::from(byte)];
            every &= class;
            any |= class;
        }
        if every == 0 {
            return (Self::Invalid, Flags::NONE);
        }
        let flags = if any & UNDERSCORE == 0 { Flags::NONE } else { Flags::UNDERSCORE };
        (Self::regular(name), flags)
    }

    fn pseudo(name: &[u8]) -> Self {
        match name {
            b":method" => Self::Method,
            b":scheme" => Self::Scheme,
            b":authority" => Self::Authority,
            b":path" => Self::Path,
            b":status" => Self::Status,
            b":protocol" => Self::Protocol,
            _ => Self::UnknownPseudo,
        }
    }

    fn regular(name: &[u8]) -> Self {
        match name {
            b"connection" | b"keep-alive" | b"proxy-connection" | b"transfer-encoding"
            | b"upgrade" => Self::ConnectionSpecific,
            b"te" => Self::Te,
            b"content-length" => Self::ContentLength,
            b"host" => Self::Host,
            _ => Self::Regular,
        }
    }
}

/// What is to be noted of a value's bytes. Envoy's library refuses every control character but the tab, and
/// DEL; RFC 9113 section 8.2.1 would have it refuse NUL, CR and LF at least.
pub fn value_flags(value: &[u8]) -> Flags {
    let bad = value
        .iter()
        .fold(false, |bad, &byte| bad | (byte < b' ' && byte != b'\t') | (byte == 0x7f));
    let space = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    let mut flags = if bad { Flags::BAD_VALUE } else { Flags::NONE };
    if space(value.first()) || space(value.last()) {
        flags = flags.with(Flags::SPACE_AROUND);
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_case_tokens() {
        assert_eq!(NameKind::of(b"x-a").0, NameKind::Regular);
        assert_eq!(NameKind::of(b"x_a"), (NameKind::Regular, Flags::UNDERSCORE));
        for bad in [&b""[..], b"X-a", b"a b", b"a:", b"a\0", b"caf\xc3\xa9", b"a\r"] {
            assert_eq!(NameKind::of(bad).0, NameKind::Invalid, "{bad:?}");
        }
        assert_eq!(NameKind::of(b":x").0, NameKind::UnknownPseudo);
        assert_eq!(NameKind::of(b"upgrade").0, NameKind::ConnectionSpecific);
    }

    #[test]
    fn control_characters_are_noted() {
        for bad in [&b"a\r"[..], b"\n", b"a\0b", b"\x7f", b"\x1f"] {
            assert!(value_flags(bad).has(Flags::BAD_VALUE), "{bad:?}");
        }
        assert_eq!(value_flags(b"a\tb \xff"), Flags::NONE);
        assert!(value_flags(b" a").has(Flags::SPACE_AROUND));
        assert!(value_flags(b"a\t").has(Flags::SPACE_AROUND));
    }
}
