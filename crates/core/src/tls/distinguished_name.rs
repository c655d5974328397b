//! Distinguished names as text (RFC 2253, as OpenSSL's XN_FLAG_RFC2253 writes them).

use x509_parser::x509::X509Name;

/// Short names of attributes; others are written as dotted numbers.
const SHORT: &[(&str, &str)] = &[
    ("2.5.4.3", "CN"),
    ("2.5.4.4", "SN"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "street"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.12", "title"),
    ("2.5.4.42", "GN"),
    ("2.5.4.43", "initials"),
    ("2.5.4.46", "dnQualifier"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
];

/// The last attribute first, with commas; a multi-valued part is joined with `+`.
pub fn rfc2253(name: &X509Name<'_>) -> String {
    let parts: Vec<String> = name
        .iter_rdn()
        .map(|part| {
            let values: Vec<String> = part.iter().map(attribute).collect();
            values.join("+")
        })
        .collect();
    parts.iter().rev().map(String::as_str).collect::<Vec<_>>().join(",")
}

fn attribute(value: &x509_parser::x509::AttributeTypeAndValue<'_>) -> String {
    let oid = value.attr_type().to_id_string();
    let name = SHORT.iter().find(|entry| entry.0 == oid).map_or(oid.as_str(), |entry| entry.1);
    let text = match value.as_str() {
        Ok(text) => escape(text.as_bytes()),
        Err(_) => escape(value.as_slice()),
    };
    format!("{name}={text}")
}

/// Escapes what has a meaning in RFC 2253, and bytes that are no printable ASCII.
fn escape(value: &[u8]) -> String {
    let mut out = String::new();
    for (index, &byte) in value.iter().enumerate() {
        let edge = index == 0 || index + 1 == value.len();
        match byte {
            b',' | b'+' | b'"' | b'\\' | b'<' | b'>' | b';' => out.extend(['\\', byte as char]),
            b'#' if index == 0 => out.push_str("\\#"),
            b' ' if edge => out.push_str("\\ "),
            0x20..=0x7e => out.push(byte as char),
            _ => out.push_str(&format!("\\{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn what_has_a_meaning_is_escaped() {
        for (value, text) in [
            ("plain", "plain"),
            ("a,b+c", "a\\,b\\+c"),
            ("#x", "\\#x"),
            (" x ", "\\ x\\ "),
            ("\u{e9}", "\\C3\\A9"),
        ] {
            assert_eq!(escape(value.as_bytes()), text);
        }
    }
}
