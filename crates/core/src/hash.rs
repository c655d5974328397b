//! Hash functions whose values are agreed on: with Envoys beside this proxy, and with its own restarts.

use twox_hash::XxHash64;

/// The seed of `std::hash` of libstdc++, with which Envoy calls murmur hash.
const STD_HASH_SEED: u64 = 0xc70f_6907;

/// XXH64. <https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md>
pub fn xxhash64(bytes: &[u8], seed: u64) -> u64 {
    XxHash64::oneshot(seed, bytes)
}

/// MurmurHash64A, as libstdc++ hashes strings.
/// <https://github.com/aappleby/smhasher/blob/master/src/MurmurHash2.cpp>
pub fn murmur2(bytes: &[u8]) -> u64 {
    const MULTIPLIER: u64 = 0xc6a4_a793_5bd1_e995;
    let mix = |value: u64| value ^ (value >> 47);
    let words = bytes.chunks_exact(8);
    let tail = words.remainder();
    let mut hash = STD_HASH_SEED ^ (bytes.len() as u64).wrapping_mul(MULTIPLIER);
    for word in words {
        let word = word.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
        hash ^= mix(word.wrapping_mul(MULTIPLIER)).wrapping_mul(MULTIPLIER);
        hash = hash.wrapping_mul(MULTIPLIER);
    }
    if !tail.is_empty() {
        hash ^= tail.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
        hash = hash.wrapping_mul(MULTIPLIER);
    }
    mix(mix(hash).wrapping_mul(MULTIPLIER))
}

#[cfg(test)]
mod tests {
    use super::{murmur2, xxhash64};

    /// What `std::hash<std::string>` of libstdc++ gives.
    const MURMUR: [(&str, u64); 5] = [
        ("", 0x553e_9390_1e46_2a6e),
        ("a", 0x454d_dee4_88c1_ed6b),
        ("abcdefg", 0xdeee_6830_a3af_82af),
        ("abcdefgh", 0x783d_b3e3_8db8_98bb),
        ("10.0.0.1:80_17", 0x3d93_8892_823c_2ba7),
    ];

    #[test]
    fn known_values() {
        assert_eq!(xxhash64(b"", 0), 0xef46_db37_51d8_e999);
        assert_eq!(xxhash64(b"foo", 0), 0x33bf_00a8_59c4_ba3f);
        for (text, hash) in MURMUR {
            assert_eq!(murmur2(text.as_bytes()), hash, "{text:?}");
        }
    }
}
