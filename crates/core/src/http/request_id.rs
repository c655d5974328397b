//! Request ids: random UUIDs (RFC 9562 version 4).

use crate::random::Random;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// A new request id, 36 characters.
pub fn generate(random: &Random) -> [u8; 36] {
    let mut bytes = [0u8; 16];
    bytes[..8].copy_from_slice(&random.next().to_le_bytes());
    bytes[8..].copy_from_slice(&random.next().to_le_bytes());
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let mut text = [b'-'; 36];
    let mut at = 0;
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            at += 1;
        }
        text[at] = HEX[usize::from(byte >> 4)];
        text[at + 1] = HEX[usize::from(byte & 15)];
        at += 2;
    }
    text
}

/// A number that is the same for every proxy that sees this request id: its first 8 hex digits.
pub fn stable_random(id: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(id.get(..8)?).ok()?;
    (id.len() == 36).then(|| u64::from_str_radix(digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::{generate, stable_random};
    use crate::random::Random;

    #[test]
    fn ids_are_version_4_uuids_and_differ() {
        let random = Random::seeded(3);
        let (one, two) = (generate(&random), generate(&random));
        assert_ne!(one, two);
        let text = std::str::from_utf8(&one).unwrap();
        let parts: Vec<_> = text.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        assert_eq!(one[14], b'4');
        assert!(b"89ab".contains(&one[19]));
        assert!(stable_random(&one).is_some());
        assert_eq!(stable_random(b"short"), None);
    }
}
