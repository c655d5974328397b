//! What may stand in a header, where it did not come from the network (RFC 9110 section 5.5 and 5.6.2).

/// A token in lower case. Names of pseudo headers are none.
pub fn is_valid_name(name: &[u8]) -> bool {
    let of_token = |byte: &u8| match byte {
        b'a'..=b'z' | b'0'..=b'9' => true,
        byte => b"!#$%&'*+-.^_`|~".contains(byte),
    };
    !name.is_empty() && name.iter().all(of_token)
}

/// No control characters but tabs.
pub fn is_valid_value(value: &[u8]) -> bool {
    value.iter().all(|&byte| byte == b'\t' || byte >= b' ' && byte != 0x7f)
}

#[cfg(test)]
mod tests {
    use super::{is_valid_name, is_valid_value};

    #[test]
    fn names_are_tokens_and_values_are_lines() {
        assert!(is_valid_name(b"x-a_1.b") && is_valid_name(b"!~"));
        for name in [&b""[..], b"X", b"a b", b":path", b"a:", b"\xc3\xbc", b"a\n"] {
            assert!(!is_valid_name(name), "{name:?}");
        }
        assert!(is_valid_value(b"") && is_valid_value(b" a\tb\xff"));
        for value in [&b"\r"[..], b"a\nb", b"\0", b"\x7f"] {
            assert!(!is_valid_value(value), "{value:?}");
        }
    }
}
