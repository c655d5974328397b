//! Request ids: random UUIDs (RFC 9562 version 4).

use crate::random::Random;

/// A new request id, 36 characters.
pub fn generate(random: &Random) -> [u8; 36] {
    let high = (random.next() & !0xf000) | 0x4000;
    let low = (random.next() & !(0xc << 60)) | (0x8 << 60);
    let groups = [high >> 32, high & 0xffff_ffff, low >> 32, low & 0xffff_ffff];
    let [a, b, c, d] = groups.map(|group| hex(group as u32));
    let mut text = [b'-'; 36];
    text[..8].copy_from_slice(&a);
    text[9..13].copy_from_slice(&b[..4]);
    text[14..18].copy_from_slice(&b[4..]);
    text[19..23].copy_from_slice(&c[..4]);
    text[24..28].copy_from_slice(&c[4..]);
    text[28..].copy_from_slice(&d);
    text
}

/// The eight hex digits of a number, all at once: each digit in a byte of its own.
fn hex(number: u32) -> [u8; 8] {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let mut digits = u64::from(number);
    digits = (digits | digits << 16) & 0x0000_ffff_0000_ffff;
    digits = (digits | digits << 8) & 0x00ff_00ff_00ff_00ff;
    digits = (digits | digits << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    // 1 where the digit is a letter: these lie 39 further on.
    let letters = ((digits + 6 * ONES) >> 4) & ONES;
    (digits + u64::from(b'0') * ONES + letters * 39).to_be_bytes()
}

/// A number that is the same for every proxy that sees this request id: its first 8 hex digits.
pub fn stable_random(id: &[u8]) -> Option<u64> {
    if id.len() != 36 {
        return None;
    }
    id[..8].iter().try_fold(0, |number, digit| {
        Some(number << 4 | u64::from(char::from(*digit).to_digit(16)?))
    })
}

#[cfg(test)]
mod tests {
    use super::{generate, hex, stable_random};
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
        assert_eq!(hex(0x0123_9abf), *b"01239abf");
        assert_eq!(stable_random(b"0123ABcf-0000-4000-8000-000000000000"), Some(0x0123_abcf));
        assert_eq!(stable_random(b"+123abcf-0000-4000-8000-000000000000"), None);
    }
}
