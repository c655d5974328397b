//! JA3 and JA4: what a ClientHello says of the program that sent it.
//! <https://github.com/salesforce/ja3>, <https://github.com/FoxIO-LLC/ja4>; as Envoy 1.40 computes them.

use std::fmt::Write as _;

use md5::{Digest as _, Md5};
use sha2::Sha256;

use super::client_hello::{numbers, ClientHello, Input};

const SERVER_NAME: u16 = 0;
const GROUPS: u16 = 10;
const POINT_FORMATS: u16 = 11;
const SIGNATURE_ALGORITHMS: u16 = 13;
const ALPN: u16 = 16;
const SUPPORTED_VERSIONS: u16 = 43;
/// Hexadecimal digits of a part of JA4.
const PART: usize = 12;

/// A value that clients send for no purpose (RFC 8701).
fn is_grease(value: u16) -> bool {
    value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff
}

/// MD5 of version, ciphers, extensions, groups and point formats.
pub fn ja3(hello: &ClientHello) -> String {
    let kinds = hello.extensions.iter().map(|(kind, _)| *kind);
    let groups = hello.extension(GROUPS).and_then(|it| numbers(it.get(2..)?)).unwrap_or_default();
    let formats = hello.extension(POINT_FORMATS).and_then(|it| it.get(1..)).unwrap_or_default();
    let text = format!(
        "{},{},{},{},{}",
        hello.version,
        dashed(hello.ciphers.iter().copied().filter(|id| !is_grease(*id))),
        dashed(kinds.filter(|id| !is_grease(*id))),
        dashed(groups.into_iter()),
        dashed(formats.iter().copied().map(u16::from)),
    );
    hex(&Md5::digest(text.as_bytes()))
}

/// `t13d1516h2_8daaf6152771_e5627efa2ab1`: what is offered, the ciphers, the extensions.
pub fn ja4(hello: &ClientHello) -> String {
    let ciphers: Vec<u16> = hello.ciphers.iter().copied().filter(|id| !is_grease(*id)).collect();
    let kinds: Vec<u16> =
        hello.extensions.iter().map(|(kind, _)| *kind).filter(|id| !is_grease(*id)).collect();
    let mut shown = kinds.clone();
    shown.retain(|kind| !matches!(*kind, SERVER_NAME | ALPN));
    format!(
        "t{}{}{:02}{:02}{}_{}_{}",
        version(hello),
        if hello.extension(SERVER_NAME).is_some() { "d" } else { "i" },
        ciphers.len().min(99),
        kinds.len().min(99),
        first_protocol(hello),
        hash_sorted(ciphers, &[]),
        hash_sorted(shown, &signature_algorithms(hello)),
    )
}

fn version(hello: &ClientHello) -> &'static str {
    let offered = hello.extension(SUPPORTED_VERSIONS).and_then(|it| Input(it).prefixed_u8());
    let offered = offered.and_then(numbers).unwrap_or_default();
    let highest = offered.into_iter().filter(|version| !is_grease(*version)).max();
    match highest.unwrap_or(hello.version) {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        _ => "00",
    }
}

/// The first and last character of the first ALPN name; of other than letters and digits the first digit of the
/// one and the last of the other.
fn first_protocol(hello: &ClientHello) -> String {
    let name = hello.extension(ALPN).and_then(|it| Input(it.get(2..)?).prefixed_u8());
    match name {
        Some([first, .., last]) => protocol_letters(*first, *last),
        Some([only]) => protocol_letters(*only, *only),
        _ => "00".to_owned(),
    }
}

fn protocol_letters(first: u8, last: u8) -> String {
    match first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        true => format!("{}{}", char::from(first), char::from(last)),
        false => format!("{:x}{:x}", first >> 4, last & 0xf),
    }
}

fn signature_algorithms(hello: &ClientHello) -> Vec<u16> {
    let content = hello.extension(SIGNATURE_ALGORITHMS).and_then(|it| it.get(2..));
    content
        .map(|it| it.chunks_exact(2).map(|p| u16::from_be_bytes([p[0], p[1]])).collect())
        .unwrap_or_default()
}

fn hash_sorted(mut ids: Vec<u16>, in_order: &[u16]) -> String {
    if ids.is_empty() {
        return "0".repeat(PART);
    }
    ids.sort_unstable();
    let mut text = joined(&ids);
    if !in_order.is_empty() {
        text.push('_');
        text.push_str(&joined(in_order));
    }
    let mut digits = hex(&Sha256::digest(text.as_bytes()));
    digits.truncate(PART);
    digits
}

fn joined(ids: &[u16]) -> String {
    ids.iter().map(|id| format!("{id:04x}")).collect::<Vec<_>>().join(",")
}

fn dashed(ids: impl Iterator<Item = u16>) -> String {
    ids.map(|id| id.to_string()).collect::<Vec<_>>().join("-")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::super::client_hello::testing::{record, NAME, PROTOCOLS};
    use super::super::client_hello::{parse, Parsed};
    use super::{ja3, ja4};

    #[test]
    fn greased_values_do_not_count() {
        let greased: (u16, &[u8]) = (0x3a3a, &[]);
        let plain = record(&[NAME, PROTOCOLS, (10, &[0, 2, 0, 29]), (11, &[1, 0])]);
        let more = record(&[greased, NAME, PROTOCOLS, (10, &[0, 2, 0, 29]), (11, &[1, 0])]);
        let (Parsed::Hello(plain), Parsed::Hello(more)) = (parse(&plain), parse(&more)) else {
            panic!("both are hellos")
        };
        assert_eq!(ja3(&plain), ja3(&more));
        assert_eq!(ja4(&plain), ja4(&more));
        assert!(ja4(&plain).starts_with("t12d0104h2_"), "{}", ja4(&plain));
    }
}
