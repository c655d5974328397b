//! Integers with a prefix (RFC 7541 section 5.1).

/// Reads an integer whose first `prefix` bits (1 to 8) end the first byte. Returns it and the bytes used;
/// `None` when the input ends within it, or it is larger than 2^28 or so: nothing in HPACK is.
pub fn read(input: &[u8], prefix: u32) -> Option<(usize, usize)> {
    let mask = (1usize << prefix) - 1;
    let (&first, rest) = input.split_first()?;
    let mut value = usize::from(first) & mask;
    if value < mask {
        return Some((value, 1));
    }
    for (at, &byte) in rest.iter().take(4).enumerate() {
        value += usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((value, at + 2));
        }
    }
    None
}

/// Appends an integer; `pattern` is what stands before the prefix in the first byte.
pub fn write(out: &mut Vec<u8>, pattern: u8, prefix: u32, value: usize) {
    let mask = (1usize << prefix) - 1;
    if value < mask {
        return out.push(pattern | value as u8);
    }
    out.push(pattern | mask as u8);
    let mut rest = value - mask;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_rfc() {
        for (value, prefix, bytes) in
            [(10, 5, &b"\x0a"[..]), (1337, 5, b"\x1f\x9a\x0a"), (42, 8, b"\x2a")]
        {
            let mut out = Vec::new();
            write(&mut out, 0, prefix, value);
            assert_eq!(out, bytes);
            assert_eq!(read(&out, prefix), Some((value, bytes.len())));
        }
    }

    #[test]
    fn what_is_cut_or_too_long_is_refused() {
        assert_eq!(read(b"", 7), None);
        assert_eq!(read(b"\x7f\x80", 7), None);
        assert_eq!(read(b"\x7f\xff\xff\xff\xff\x01", 7), None);
        assert_eq!(read(b"\x7f\x80\x80\x80\x00", 7), Some((127, 5)));
    }
}
