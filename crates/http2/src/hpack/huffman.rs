//! The Huffman code of HPACK (RFC 7541 section 5.2 and appendix B).
//!
//! The code is canonical: within a length, codes rise with the symbol. So the lengths say all, and the tables
//! are made of them when this is compiled. Decoding takes 8 bits a step from a table of 512 bytes, where the
//! codes of all usual characters end; longer codes are found by the first code of their length.

/// Bits of the code of each symbol, and of the end of string (256).
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, //
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28, //
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, //
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, //
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, //
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, //
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, //
    6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, //
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, //
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, //
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, //
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, //
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, //
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, //
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, //
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, //
    30,
];

const LONGEST: usize = 30;
const END: u16 = 256;

struct Tables {
    /// Code of each symbol, right-aligned.
    codes: [u32; 257],
    /// By the next 8 bits: the symbol and its length shifted by 8; 0 where the code is longer.
    short: [u16; 256],
    /// By length: the code after the last one, left-aligned in 32 bits; codes of this length are below it.
    limits: [u32; LONGEST + 1],
    /// By length: the place in `symbols` of code 0 of that length (wrapping).
    places: [u32; LONGEST + 1],
    /// Symbols by length, then by value.
    symbols: [u16; 257],
}

const fn build() -> Tables {
    let mut tables = Tables {
        codes: [0; 257],
        short: [0; 256],
        limits: [0; LONGEST + 1],
        places: [0; LONGEST + 1],
        symbols: [0; 257],
    };
    let (mut code, mut place, mut length) = (0u32, 0usize, 1usize);
    while length <= LONGEST {
        code <<= 1;
        tables.places[length] = (place as u32).wrapping_sub(code);
        let mut symbol = 0;
        while symbol < 257 {
            if LENGTHS[symbol] as usize == length {
                tables.codes[symbol] = code;
                tables.symbols[place] = symbol as u16;
                let mut fill = 0;
                while length <= 8 && fill < 1 << (8 - length) {
                    let slot = ((code as usize) << (8 - length)) + fill;
                    tables.short[slot] = symbol as u16 | (length as u16) << 8;
                    fill += 1;
                }
                place += 1;
                code += 1;
            }
            symbol += 1;
        }
        // The last code of the longest length is all ones: its limit does not fit, and is never asked for.
        tables.limits[length] = if length == LONGEST { u32::MAX } else { code << (32 - length) };
        length += 1;
    }
    tables
}

static TABLES: Tables = build();

/// The string is not what an encoder makes of any bytes.
#[derive(Debug)]
pub struct InvalidCode;

/// The symbol at the top of `bits` and its length in bits, of codes longer than 8.
fn long(bits: u64) -> (u16, u32) {
    let top = (bits >> 32) as u32;
    let mut length = 9;
    while length < LONGEST && top >= TABLES.limits[length] {
        length += 1;
    }
    let place = TABLES.places[length].wrapping_add(top >> (32 - length));
    (TABLES.symbols.get(place as usize).copied().unwrap_or(END), length as u32)
}

/// Appends what `encoded` stands for.
pub fn decode(encoded: &[u8], out: &mut Vec<u8>) -> Result<(), InvalidCode> {
    let start = out.len();
    // No code is shorter than 5 bits.
    out.resize(start + encoded.len() * 8 / 5, 0);
    let used = decode_into(encoded, &mut out[start..]);
    out.truncate(start + used.unwrap_or(0));
    used.map(|_| ()).ok_or(InvalidCode)
}

fn decode_into(mut rest: &[u8], out: &mut [u8]) -> Option<usize> {
    // The next `count` bits of input, from the top; below them 0.
    let (mut bits, mut count, mut at) = (0u64, 0u32, 0);
    loop {
        (bits, count, rest) = refill(bits, count, rest);
        while count >= 8 {
            let entry = TABLES.short[(bits >> 56) as usize];
            if entry == 0 {
                break;
            }
            *out.get_mut(at)? = entry as u8;
            at += 1;
            bits <<= entry >> 8;
            count -= u32::from(entry >> 8);
        }
        if count >= LONGEST as u32 {
            let (symbol, length) = long(bits);
            if symbol == END {
                return None;
            }
            *out.get_mut(at)? = symbol as u8;
            at += 1;
            bits <<= length;
            count -= length;
        } else if rest.is_empty() {
            return decode_end(bits, count, out, at);
        }
    }
}

/// Takes more input, to 56 bits at least if there is as much.
fn refill(mut bits: u64, mut count: u32, mut rest: &[u8]) -> (u64, u32, &[u8]) {
    if let Some(eight) = rest.first_chunk::<8>() {
        let taken = (63 - count) / 8;
        bits |= u64::from_be_bytes(*eight) >> count;
        count += taken * 8;
        bits &= !(u64::MAX >> count);
        return (bits, count, &rest[taken as usize..]);
    }
    while count <= 56 {
        let Some((&byte, after)) = rest.split_first() else { break };
        bits |= u64::from(byte) << (56 - count);
        count += 8;
        rest = after;
    }
    (bits, count, rest)
}

/// Decodes the last bits: what is past them reads as padding, which is less than a byte of ones.
fn decode_end(mut bits: u64, mut count: u32, out: &mut [u8], mut at: usize) -> Option<usize> {
    while count > 0 {
        let padded = bits | (u64::MAX >> count);
        let (symbol, length) = match TABLES.short[(padded >> 56) as usize] {
            0 => long(padded),
            entry => (entry & 0xff, u32::from(entry >> 8)),
        };
        if length > count {
            return (padded == u64::MAX && count < 8).then_some(at);
        }
        *out.get_mut(at)? = u8::try_from(symbol).ok()?;
        at += 1;
        bits <<= length;
        count -= length;
    }
    Some(at)
}

/// Bytes that `plain` takes when it is encoded.
pub fn encoded_length(plain: &[u8]) -> usize {
    let bits: usize = plain.iter().map(|&byte| usize::from(LENGTHS[usize::from(byte)])).sum();
    bits.div_ceil(8)
}

/// Appends `plain`, encoded.
pub fn encode(plain: &[u8], out: &mut Vec<u8>) {
    let (mut bits, mut count) = (0u64, 0u32);
    for &byte in plain {
        let length = u32::from(LENGTHS[usize::from(byte)]);
        bits = bits << length | u64::from(TABLES.codes[usize::from(byte)]);
        count += length;
        if count >= 32 {
            count -= 32;
            out.extend_from_slice(&((bits >> count) as u32).to_be_bytes());
        }
    }
    if count > 0 {
        let padding = (8 - count % 8) % 8;
        let bits = bits << padding | ((1 << padding) - 1);
        let bytes = (count + padding) as usize / 8;
        let last = (bits as u32) << (32 - 8 * bytes as u32);
        out.extend_from_slice(&last.to_be_bytes()[..bytes]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(encoded: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        decode(encoded, &mut out).ok().map(|()| out)
    }

    #[test]
    fn the_examples_of_the_rfc() {
        let cases: [(&[u8], &[u8]); 3] = [
            (b"www.example.com", b"\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff"),
            (b"custom-value", b"\x25\xa8\x49\xe9\x5b\xb8\xe8\xb4\xbf"),
            (b"302", b"\x64\x02"),
        ];
        for (plain, encoded) in cases {
            let mut out = Vec::new();
            encode(plain, &mut out);
            assert_eq!(out, encoded);
            assert_eq!(encoded_length(plain), encoded.len());
            assert_eq!(decoded(encoded).as_deref(), Some(plain));
        }
    }

    #[test]
    fn every_byte_beside_every_length_comes_back() {
        let all: Vec<u8> = (0..=255).collect();
        for length in 0..40 {
            for first in 0..=255u8 {
                let mut plain = vec![first];
                plain.extend(all.iter().cycle().skip(usize::from(first)).take(length));
                let mut out = Vec::new();
                encode(&plain, &mut out);
                assert_eq!(decoded(&out).as_deref(), Some(&plain[..]));
            }
        }
    }

    #[test]
    fn bad_padding_and_the_end_of_string_are_refused() {
        // A whole byte of padding, padding of zeros, the end of string itself.
        assert_eq!(decoded(b"\xff"), None);
        assert_eq!(decoded(b"\x64\x02\xff"), None);
        assert_eq!(decoded(b"\x18"), None);
        assert_eq!(decoded(b"\xff\xff\xff\xff"), None);
        assert_eq!(decoded(b"\xff\xff\xff\xfc"), None);
        assert_eq!(decoded(b"\x1f").as_deref(), Some(&b"a"[..]));
        assert_eq!(decoded(b"").as_deref(), Some(&b""[..]));
    }
}
