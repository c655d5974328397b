//! strftime directives, parsed once.

use super::civil::Civil;
use crate::compile::{CompileError, Result};

/// One step of writing a time.
pub enum Directive {
    Literal(Box<[u8]>),
    /// `%Y`, `%-d`, `%3S`...: the conversion, the padding (None: as usual) and the least width.
    Field {
        conversion: u8,
        pad: Option<Pad>,
        width: usize,
    },
    /// Digits of the second's fraction, after the seconds and a dot when `seconds`.
    Fraction {
        digits: Digits,
        seconds: bool,
    },
    /// `+00:00`, with `+00` when short and the minutes are 0.
    ColonOffset,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Pad {
    Zero,
    Space,
    None,
    Upper,
}

#[derive(Clone, Copy)]
pub enum Digits {
    Exactly(usize),
    /// Without zeros at the end.
    Needed,
}

const CONVERSIONS: &[u8] = b"aAbBcCdDeFgGhHIjklmMpPrRsStTuUVwWxXyYzZ";

/// # Errors
/// A format that writes a newline.
pub fn parse(format: &str) -> Result<Vec<Directive>> {
    let mut directives = Vec::new();
    let mut literal = Vec::new();
    let mut rest = format.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        if first != b'%' {
            literal.push(first);
            continue;
        }
        match parse_one(tail)? {
            Some((directive, length)) => {
                flush(&mut literal, &mut directives);
                directives.push(directive);
                rest = &tail[length..];
            }
            None if tail.first() == Some(&b'%') => {
                literal.push(b'%');
                rest = &tail[1..];
            }
            None => literal.push(b'%'),
        }
    }
    flush(&mut literal, &mut directives);
    Ok(directives)
}

fn flush(literal: &mut Vec<u8>, directives: &mut Vec<Directive>) {
    if !literal.is_empty() {
        directives.push(Directive::Literal(std::mem::take(literal).into()));
    }
}

/// The directive at the start of `text` (after the percent sign) and its length; none for a letter that
/// means nothing.
fn parse_one(text: &[u8]) -> Result<Option<(Directive, usize)>> {
    if let Some(extended) = parse_extended(text) {
        return Ok(Some(extended));
    }
    let flags = text.iter().take_while(|byte| b"-_0^#".contains(byte)).count();
    let pad = text[..flags].iter().rev().find_map(|flag| match flag {
        b'-' => Some(Pad::None),
        b'_' => Some(Pad::Space),
        b'0' => Some(Pad::Zero),
        b'^' => Some(Pad::Upper),
        _ => None,
    });
    let digits = text[flags..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let width: usize = std::str::from_utf8(&text[flags..flags + digits])
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    let at = flags + digits;
    let modifier = usize::from(matches!(text.get(at), Some(b'E' | b'O')));
    let Some(&conversion) = text.get(at + modifier) else { return Ok(None) };
    let length = at + modifier + 1;
    Ok(match conversion {
        b'n' => return Err(CompileError::new("a time format may not write a newline")),
        b'f' if flags == 0 && modifier == 0 && width < 10 => {
            let digits = Digits::Exactly(if digits == 0 { 9 } else { width });
            Some((Directive::Fraction { digits, seconds: false }, length))
        }
        known if CONVERSIONS.contains(&known) => {
            Some((Directive::Field { conversion, pad, width: width.min(64) }, length))
        }
        _ => None,
    })
}

/// `%Ez`, `%:z`, `%E*S`, `%E3S`, `%E*f`, `%E3f`, `%E4Y` and `%ET`.
fn parse_extended(text: &[u8]) -> Option<(Directive, usize)> {
    match text {
        [b'E', b'z', ..] | [b':', b'z', ..] => Some((Directive::ColonOffset, 2)),
        [b'E', b'T', ..] => Some((Directive::Literal(b"T"[..].into()), 2)),
        [b'E', b'4', b'Y', ..] => {
            Some((Directive::Field { conversion: b'Y', pad: Some(Pad::Zero), width: 4 }, 3))
        }
        [b'E', b'*', conversion @ (b'S' | b'f'), ..] => {
            Some((Directive::Fraction { digits: Digits::Needed, seconds: *conversion == b'S' }, 3))
        }
        [b'E', rest @ ..] => {
            let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let seconds = match rest.get(count)? {
                b'S' if count > 0 => true,
                b'f' if count > 0 => false,
                _ => return None,
            };
            let digits: usize = std::str::from_utf8(&rest[..count]).ok()?.parse().ok()?;
            let digits = Digits::Exactly(digits.min(18));
            Some((Directive::Fraction { digits, seconds }, count + 2))
        }
        _ => None,
    }
}

const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

impl Directive {
    pub fn render(&self, time: &Civil, out: &mut Vec<u8>) {
        match self {
            Self::Literal(text) => out.extend_from_slice(text),
            Self::Field { conversion, pad, width } => {
                Field { pad: *pad, width: *width }.render(*conversion, time, out);
            }
            Self::Fraction { digits, seconds } => push_fraction(*digits, *seconds, time, out),
            Self::ColonOffset => push_offset(time, ":", out),
        }
    }
}

fn push_fraction(digits: Digits, seconds: bool, time: &Civil, out: &mut Vec<u8>) {
    if seconds {
        push_number(u64::from(time.second), 2, b'0', out);
    }
    let text = format!("{:09}", time.nanos);
    let text = match digits {
        Digits::Exactly(count) => format!("{:0<18}", text)[..count].to_owned(),
        Digits::Needed => text.trim_end_matches('0').to_owned(),
    };
    if seconds && !text.is_empty() {
        out.push(b'.');
    }
    if !seconds && text.is_empty() && matches!(digits, Digits::Needed) {
        out.push(b'0');
    }
    out.extend_from_slice(text.as_bytes());
}

fn push_offset(time: &Civil, separator: &str, out: &mut Vec<u8>) {
    let offset = time.zone.offset_s();
    out.push(if offset < 0 { b'-' } else { b'+' });
    push_number(offset.unsigned_abs() / 3600, 2, b'0', out);
    out.extend_from_slice(separator.as_bytes());
    push_number(offset.unsigned_abs() / 60 % 60, 2, b'0', out);
}

fn push_number(number: u64, width: usize, fill: u8, out: &mut Vec<u8>) {
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(number).as_bytes();
    out.extend(std::iter::repeat_n(fill, width.saturating_sub(digits.len())));
    out.extend_from_slice(digits);
}

struct Field {
    pad: Option<Pad>,
    width: usize,
}

impl Field {
    fn number(&self, number: impl Into<i64>, width: usize, fill: u8, out: &mut Vec<u8>) {
        let number = number.into();
        if number < 0 {
            out.push(b'-');
        }
        let (width, fill) = match self.pad {
            Some(Pad::None) => (self.width, fill),
            Some(Pad::Space) => (width.max(self.width), b' '),
            Some(Pad::Zero) => (width.max(self.width), b'0'),
            Some(Pad::Upper) | None => (width.max(self.width), fill),
        };
        push_number(number.unsigned_abs(), width, fill, out);
    }

    fn text(&self, text: &str, out: &mut Vec<u8>) {
        out.extend(std::iter::repeat_n(b' ', self.width.saturating_sub(text.len())));
        let start = out.len();
        out.extend_from_slice(text.as_bytes());
        if self.pad == Some(Pad::Upper) {
            out[start..].make_ascii_uppercase();
        }
    }

    fn several(conversions: &[u8], separator: u8, time: &Civil, out: &mut Vec<u8>) {
        for (index, &conversion) in conversions.iter().enumerate() {
            if index > 0 {
                out.push(separator);
            }
            Self { pad: None, width: 0 }.render(conversion, time, out);
        }
    }

    fn render(&self, conversion: u8, time: &Civil, out: &mut Vec<u8>) {
        let hour_12 = (time.hour + 11) % 12 + 1;
        match conversion {
            b'a' => self.text(&DAYS[time.weekday as usize % 7][..3], out),
            b'A' => self.text(DAYS[time.weekday as usize % 7], out),
            b'b' | b'h' => self.text(&MONTHS[(time.month as usize + 11) % 12][..3], out),
            b'B' => self.text(MONTHS[(time.month as usize + 11) % 12], out),
            b'c' => {
                Self::several(b"abe", b' ', time, out);
                out.push(b' ');
                Self::several(b"TY", b' ', time, out);
            }
            b'C' => self.number(time.year.div_euclid(100), 2, b'0', out),
            b'd' => self.number(time.day, 2, b'0', out),
            b'D' | b'x' => Self::several(b"mdy", b'/', time, out),
            b'e' => self.number(time.day, 2, b' ', out),
            b'F' => Self::several(b"Ymd", b'-', time, out),
            b'g' => self.number(time.iso_week().0.rem_euclid(100), 2, b'0', out),
            b'G' => self.number(time.iso_week().0, 1, b'0', out),
            b'H' => self.number(time.hour, 2, b'0', out),
            b'I' => self.number(hour_12, 2, b'0', out),
            b'j' => self.number(time.year_day + 1, 3, b'0', out),
            b'k' => self.number(time.hour, 2, b' ', out),
            b'l' => self.number(hour_12, 2, b' ', out),
            b'm' => self.number(time.month, 2, b'0', out),
            b'M' => self.number(time.minute, 2, b'0', out),
            b'p' => self.text(if time.hour < 12 { "AM" } else { "PM" }, out),
            b'P' => self.text(if time.hour < 12 { "am" } else { "pm" }, out),
            b'r' => {
                Self::several(b"IMS", b':', time, out);
                out.push(b' ');
                Self::several(b"p", b' ', time, out);
            }
            b'R' => Self::several(b"HM", b':', time, out),
            b's' => self.number(time.unix_seconds, 1, b'0', out),
            b'S' => self.number(time.second, 2, b'0', out),
            b't' => out.push(b'\t'),
            b'T' | b'X' => Self::several(b"HMS", b':', time, out),
            b'u' => self.number((time.weekday + 6) % 7 + 1, 1, b'0', out),
            b'U' => self.number(time.week(0), 2, b'0', out),
            b'V' => self.number(time.iso_week().1, 2, b'0', out),
            b'w' => self.number(time.weekday, 1, b'0', out),
            b'W' => self.number(time.week(1), 2, b'0', out),
            b'y' => self.number(time.year.rem_euclid(100), 2, b'0', out),
            b'Y' => self.number(time.year, 1, b'0', out),
            b'z' => push_offset(time, "", out),
            _ => self.text(time.zone.name(), out),
        }
    }
}
