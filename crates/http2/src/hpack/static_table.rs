//! The static table (RFC 7541 appendix A), and what each of its names means to the rules of messages.

use super::name::NameKind;

/// Entries 1 to 61; index 0 is unused.
const TABLE: [(&[u8], &[u8]); 62] = [
    (b"", b""),
    (b":authority", b""),
    (b":method", b"GET"),
    (b":method", b"POST"),
    (b":path", b"/"),
    (b":path", b"/index.html"),
    (b":scheme", b"http"),
    (b":scheme", b"https"),
    (b":status", b"200"),
    (b":status", b"204"),
    (b":status", b"206"),
    (b":status", b"304"),
    (b":status", b"400"),
    (b":status", b"404"),
    (b":status", b"500"),
    (b"accept-charset", b""),
    (b"accept-encoding", b"gzip, deflate"),
    (b"accept-language", b""),
    (b"accept-ranges", b""),
    (b"accept", b""),
    (b"access-control-allow-origin", b""),
    (b"age", b""),
    (b"allow", b""),
    (b"authorization", b""),
    (b"cache-control", b""),
    (b"content-disposition", b""),
    (b"content-encoding", b""),
    (b"content-language", b""),
    (b"content-length", b""),
    (b"content-location", b""),
    (b"content-range", b""),
    (b"content-type", b""),
    (b"cookie", b""),
    (b"date", b""),
    (b"etag", b""),
    (b"expect", b""),
    (b"expires", b""),
    (b"from", b""),
    (b"host", b""),
    (b"if-match", b""),
    (b"if-modified-since", b""),
    (b"if-none-match", b""),
    (b"if-range", b""),
    (b"if-unmodified-since", b""),
    (b"last-modified", b""),
    (b"link", b""),
    (b"location", b""),
    (b"max-forwards", b""),
    (b"proxy-authenticate", b""),
    (b"proxy-authorization", b""),
    (b"range", b""),
    (b"referer", b""),
    (b"refresh", b""),
    (b"retry-after", b""),
    (b"server", b""),
    (b"set-cookie", b""),
    (b"strict-transport-security", b""),
    (b"transfer-encoding", b""),
    (b"user-agent", b""),
    (b"vary", b""),
    (b"via", b""),
    (b"www-authenticate", b""),
];

/// Entries of the static table.
pub const LENGTH: usize = 61;

/// Indices that the encoder asks for by name.
pub const AUTHORIZATION: u8 = 23;
pub const COOKIE: u8 = 32;
pub const PROXY_AUTHORIZATION: u8 = 49;

/// The name at an index of 1 to 61; empty for any other.
pub fn name(index: u8) -> &'static [u8] {
    TABLE.get(usize::from(index)).map_or(b"", |entry| entry.0)
}

/// The value at an index of 1 to 61; empty for any other, and for entries that have none.
pub fn value(index: u8) -> &'static [u8] {
    TABLE.get(usize::from(index)).map_or(b"", |entry| entry.1)
}

/// The first index that has the same name.
pub const fn canonical(index: u8) -> u8 {
    match index {
        3 => 2,
        5 => 4,
        7 => 6,
        9..=14 => 8,
        other => other,
    }
}

/// What the name at an index means to the rules of messages.
pub const fn kind(index: u8) -> NameKind {
    match index {
        1 => NameKind::Authority,
        2 | 3 => NameKind::Method,
        4 | 5 => NameKind::Path,
        6 | 7 => NameKind::Scheme,
        8..=14 => NameKind::Status,
        28 => NameKind::ContentLength,
        38 => NameKind::Host,
        57 => NameKind::ConnectionSpecific,
        _ => NameKind::Regular,
    }
}

/// The first index that has this name and value, if one does; only names with values there are asked for.
pub fn exact(canonical: u8, value: &[u8]) -> Option<u8> {
    let last = match canonical {
        2 | 4 | 6 => canonical + 1,
        8 => 14,
        16 => 16,
        _ => return None,
    };
    (canonical..=last).find(|&index| TABLE[usize::from(index)].1 == value)
}

/// The first index that has this name, or 0.
pub fn find(name: &[u8]) -> u8 {
    match name {
        b":authority" => 1,
        b":method" => 2,
        b":path" => 4,
        b":scheme" => 6,
        b":status" => 8,
        b"accept-charset" => 15,
        b"accept-encoding" => 16,
        b"accept-language" => 17,
        b"accept-ranges" => 18,
        b"accept" => 19,
        b"access-control-allow-origin" => 20,
        b"age" => 21,
        b"allow" => 22,
        b"authorization" => 23,
        b"cache-control" => 24,
        b"content-disposition" => 25,
        b"content-encoding" => 26,
        b"content-language" => 27,
        b"content-length" => 28,
        b"content-location" => 29,
        b"content-range" => 30,
        b"content-type" => 31,
        b"cookie" => 32,
        b"date" => 33,
        b"etag" => 34,
        b"expect" => 35,
        b"expires" => 36,
        b"from" => 37,
        b"host" => 38,
        b"if-match" => 39,
        b"if-modified-since" => 40,
        b"if-none-match" => 41,
        b"if-range" => 42,
        b"if-unmodified-since" => 43,
        b"last-modified" => 44,
        b"link" => 45,
        b"location" => 46,
        b"max-forwards" => 47,
        b"proxy-authenticate" => 48,
        b"proxy-authorization" => 49,
        b"range" => 50,
        b"referer" => 51,
        b"refresh" => 52,
        b"retry-after" => 53,
        b"server" => 54,
        b"set-cookie" => 55,
        b"strict-transport-security" => 56,
        b"transfer-encoding" => 57,
        b"user-agent" => 58,
        b"vary" => 59,
        b"via" => 60,
        b"www-authenticate" => 61,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_at_their_first_index() {
        for index in 1..=LENGTH as u8 {
            assert_eq!(find(name(index)), canonical(index), "{index}");
            if !value(index).is_empty() {
                assert_eq!(exact(canonical(index), value(index)), Some(index));
            }
            assert_eq!(kind(index), NameKind::of(name(index)).0, "{index}");
        }
        assert_eq!(find(b"x-unknown"), 0);
        assert_eq!(exact(8, b"201"), None);
    }
}
