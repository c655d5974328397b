//! Base64 (RFC 4648 section 4).

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Appends the text for `bytes`, padded.
pub fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0u32, |bits, &byte| bits << 8 | u32::from(byte));
        let bits = bits << (8 * (3 - group.len()));
        for place in 0..4 {
            let six = (bits >> (18 - 6 * place)) & 63;
            out.push(if place <= group.len() { ALPHABET[six as usize] } else { b'=' });
        }
    }
}

fn value(letter: u8) -> Option<u32> {
    Some(
        match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        }
        .into(),
    )
}

/// Appends the bytes for `text`, which may be padded at its end. None: it is no base64.
pub fn decode(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let padding = text.iter().rev().take(2).take_while(|&&letter| letter == b'=').count();
    let letters = &text[..text.len() - padding];
    for group in letters.chunks(4) {
        let mut bits = 0;
        for &letter in group {
            bits = bits << 6 | value(letter)?;
        }
        let bits_of_bytes = group.len() * 6 / 8 * 8;
        let spare = group.len() * 6 - bits_of_bytes;
        if group.len() == 1 || bits & ((1 << spare) - 1) != 0 {
            return None;
        }
        let bytes = (bits >> spare).to_be_bytes();
        out.extend_from_slice(&bytes[4 - bits_of_bytes / 8..]);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};

    #[test]
    fn texts_of_the_rfc_go_both_ways() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("foobar", "Zm9vYmFy"),
        ] {
            let mut encoded = Vec::new();
            encode(bytes.as_bytes(), &mut encoded);
            assert_eq!(encoded, text.as_bytes());
            let mut decoded = Vec::new();
            decode(text.as_bytes(), &mut decoded).unwrap();
            assert_eq!(decoded, bytes.as_bytes());
        }
    }

    #[test]
    fn what_is_no_base64_is_refused() {
        for text in ["Zm9=Zm9v", "Z===", "Zh==", "Zm9-", "Zg =", "===="] {
            assert!(decode(text.as_bytes(), &mut Vec::new()).is_none(), "{text}");
        }
    }
}
