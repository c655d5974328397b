//! Writing text into byte buffers.

use std::fmt;

/// Lets `write!` append to a byte buffer.
pub struct Appender<'a>(pub &'a mut Vec<u8>);

impl fmt::Write for Appender<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// Appends a number as Envoy's JSON does: the shorter of the plain and the scientific form.
pub fn push_double(number: f64, out: &mut Vec<u8>) {
    let scientific = scientific(number);
    let plain = match number.fract() == 0.0 {
        true => format!("{number:.0}"),
        false => format!("{number}"),
    };
    let shorter = if plain.len() <= scientific.len() { plain } else { scientific };
    out.extend_from_slice(shorter.as_bytes());
}

/// The shortest scientific form, with a sign and at least two digits in the exponent.
fn scientific(number: f64) -> String {
    let text = format!("{number:e}");
    match text.split_once('e') {
        Some((digits, exponent)) => {
            let (sign, exponent) = match exponent.strip_prefix('-') {
                Some(exponent) => ('-', exponent),
                None => ('+', exponent),
            };
            format!("{digits}e{sign}{exponent:0>2}")
        }
        None => text,
    }
}

/// Spreads a number over 64 bits (the finaliser of splitmix64).
pub fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
