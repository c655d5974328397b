//! The header of the PROXY protocol, versions 1 and 2: reading it, and writing it.
//! <https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt>

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::connection::Tlv;

const SIGNATURE_V1: &[u8] = b"PROXY ";
const SIGNATURE_V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family and protocol, length.
const HEADER_V2: usize = 16;
/// What fits into a header of version 1, with its CRLF, as Envoy counts.
pub const LONGEST_V1: usize = 108;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    V1,
    V2,
}

/// A header that is whole.
#[derive(Debug, PartialEq, Eq)]
pub struct Header<'a> {
    pub version: Version,
    /// Of all of it, in bytes.
    pub size: usize,
    /// Source and destination; none where the proxy speaks for itself, or does not know.
    pub addresses: Option<(SocketAddr, SocketAddr)>,
    /// Those of version 2, unread.
    pub tlvs: &'a [u8],
}

/// Why bytes are no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderError {
    /// They begin like neither version.
    Absent,
    Invalid(Version),
}

/// The version whose signature the bytes begin with; none as long as that is open.
pub fn version(bytes: &[u8]) -> Result<Option<Version>, HeaderError> {
    for (signature, version) in [(SIGNATURE_V1, Version::V1), (SIGNATURE_V2, Version::V2)] {
        let common = bytes.len().min(signature.len());
        if bytes[..common] == signature[..common] {
            return Ok((common == signature.len()).then_some(version));
        }
    }
    Err(HeaderError::Absent)
}

/// Reads a header. None asks for more bytes, up to `size_hint` in all.
///
/// # Errors
/// There can be none.
pub fn parse(bytes: &[u8]) -> Result<Option<Header<'_>>, HeaderError> {
    match version(bytes)? {
        Some(Version::V1) => parse_v1(bytes).map_err(|()| HeaderError::Invalid(Version::V1)),
        Some(Version::V2) => parse_v2(bytes).map_err(|()| HeaderError::Invalid(Version::V2)),
        None => Ok(None),
    }
}

/// How many bytes a header has at most, by what there is of it.
pub fn size_hint(bytes: &[u8]) -> usize {
    match bytes {
        [.., _] if bytes.len() >= HEADER_V2 && bytes.starts_with(SIGNATURE_V2) => {
            HEADER_V2 + usize::from(u16::from_be_bytes([bytes[14], bytes[15]]))
        }
        _ => LONGEST_V1,
    }
}

fn parse_v1(bytes: &[u8]) -> Result<Option<Header<'_>>, ()> {
    let head = &bytes[..bytes.len().min(LONGEST_V1)];
    let Some(end) = memchr::memmem::find(head, b"\r\n") else {
        return if head.len() < LONGEST_V1 { Ok(None) } else { Err(()) };
    };
    let line = std::str::from_utf8(&bytes[SIGNATURE_V1.len()..end]).map_err(drop)?;
    let words: Vec<&str> = line.split(' ').collect();
    let addresses = match words[..] {
        ["UNKNOWN", ..] => None,
        ["TCP4", source, destination, from, to] => {
            let ip = |text: &str| text.parse::<Ipv4Addr>().map(IpAddr::V4).map_err(drop);
            Some((socket(ip(source)?, from)?, socket(ip(destination)?, to)?))
        }
        ["TCP6", source, destination, from, to] => {
            let ip = |text: &str| text.parse::<Ipv6Addr>().map(IpAddr::V6).map_err(drop);
            Some((socket(ip(source)?, from)?, socket(ip(destination)?, to)?))
        }
        _ => return Err(()),
    };
    check(addresses)?;
    Ok(Some(Header { version: Version::V1, size: end + 2, addresses, tlvs: &[] }))
}

fn socket(ip: IpAddr, port: &str) -> Result<SocketAddr, ()> {
    match !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) {
        true => Ok(SocketAddr::new(ip, port.parse().map_err(drop)?)),
        false => Err(()),
    }
}

/// Both are addresses of one host each.
fn check(addresses: Option<(SocketAddr, SocketAddr)>) -> Result<(), ()> {
    let is_host = |address: SocketAddr| match address.ip() {
        IpAddr::V4(ip) => !ip.is_unspecified() && !ip.is_broadcast() && !ip.is_multicast(),
        IpAddr::V6(ip) => !ip.is_unspecified() && !ip.is_multicast(),
    };
    match addresses {
        Some((source, destination)) if !is_host(source) || !is_host(destination) => Err(()),
        _ => Ok(()),
    }
}

fn parse_v2(bytes: &[u8]) -> Result<Option<Header<'_>>, ()> {
    let Some(&[command, family, high, low]) = bytes.get(SIGNATURE_V2.len()..HEADER_V2) else {
        return Ok(None);
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let size = HEADER_V2 + length;
    if command >> 4 != 2 {
        return Err(());
    }
    let header = |addresses, tlvs| Header { version: Version::V2, size, addresses, tlvs };
    let addresses_length = match (command & 0xf, family >> 4, family & 0xf) {
        (0, ..) => {
            let whole = bytes.len() >= size;
            return Ok(whole.then(|| header(None, &[])));
        }
        (1, 1, 1 | 2) => 12,
        (1, 2, 1 | 2) => 36,
        _ => return Err(()),
    };
    if length < addresses_length {
        return Err(());
    }
    let Some(rest) = bytes.get(HEADER_V2..size) else { return Ok(None) };
    let (addresses, tlvs) = rest.split_at(addresses_length);
    let addresses = Some(addresses_v2(addresses).ok_or(())?);
    check(addresses)?;
    Ok(Some(header(addresses, tlvs)))
}

fn addresses_v2(bytes: &[u8]) -> Option<(SocketAddr, SocketAddr)> {
    let width = (bytes.len() - 4) / 2;
    let ip = |bytes: &[u8]| -> Option<IpAddr> {
        match width {
            4 => Some(<[u8; 4]>::try_from(bytes).ok()?.into()),
            _ => Some(<[u8; 16]>::try_from(bytes).ok()?.into()),
        }
    };
    let port = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    let source = SocketAddr::new(ip(&bytes[..width])?, port(2 * width));
    let destination = SocketAddr::new(ip(&bytes[width..2 * width])?, port(2 * width + 2));
    Some((source, destination))
}

/// The TLVs of a header, in order.
///
/// # Errors
/// One is cut short.
pub fn tlvs(mut bytes: &[u8]) -> Result<Vec<(u8, &[u8])>, HeaderError> {
    let mut found = Vec::new();
    while let Some((&kind, rest)) = bytes.split_first() {
        let invalid = HeaderError::Invalid(Version::V2);
        let (length, rest) = rest.split_at_checked(2).ok_or(invalid)?;
        let length = u16::from_be_bytes([length[0], length[1]]);
        let (value, rest) = rest.split_at_checked(length.into()).ok_or(invalid)?;
        found.push((kind, value));
        bytes = rest;
    }
    Ok(found)
}

/// Writes a header of version 1; `UNKNOWN` without addresses of one family.
pub fn write_v1(addresses: Option<(SocketAddr, SocketAddr)>) -> Vec<u8> {
    let text = match addresses {
        Some((source, destination)) if source.is_ipv4() == destination.is_ipv4() => {
            let family = if source.is_ipv4() { "TCP4" } else { "TCP6" };
            let (from, to) = (source.port(), destination.port());
            format!("PROXY {family} {} {} {from} {to}\r\n", source.ip(), destination.ip())
        }
        _ => "PROXY UNKNOWN\r\n".to_owned(),
    };
    text.into_bytes()
}

/// Writes a header of version 2; the command is LOCAL without addresses of one family. None where the TLVs do
/// not fit into one.
pub fn write_v2(addresses: Option<(SocketAddr, SocketAddr)>, tlvs: &[Tlv]) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    let (command, family) = match addresses {
        Some((source, destination)) if source.is_ipv4() == destination.is_ipv4() => {
            for address in [source, destination] {
                match address.ip() {
                    IpAddr::V4(ip) => content.extend_from_slice(&ip.octets()),
                    IpAddr::V6(ip) => content.extend_from_slice(&ip.octets()),
                }
            }
            content.extend_from_slice(&source.port().to_be_bytes());
            content.extend_from_slice(&destination.port().to_be_bytes());
            (0x21, if source.is_ipv4() { 0x11 } else { 0x21 })
        }
        _ => (0x20, 0),
    };
    for tlv in tlvs {
        content.push(tlv.kind);
        content.extend_from_slice(&u16::try_from(tlv.value.len()).ok()?.to_be_bytes());
        content.extend_from_slice(&tlv.value);
    }
    let mut header = SIGNATURE_V2.to_vec();
    header.extend_from_slice(&[command, family]);
    header.extend_from_slice(&u16::try_from(content.len()).ok()?.to_be_bytes());
    header.extend_from_slice(&content);
    Some(header)
}

#[cfg(test)]
mod tests {
    use super::{parse, tlvs, write_v1, write_v2, HeaderError, Version};
    use crate::connection::Tlv;

    fn addresses(
        source: &str,
        destination: &str,
    ) -> Option<(std::net::SocketAddr, std::net::SocketAddr)> {
        Some((source.parse().unwrap(), destination.parse().unwrap()))
    }

    #[test]
    fn what_is_written_is_read() {
        let v4 = addresses("1.2.3.4:5", "6.7.8.9:10");
        let v6 = addresses("[2001:db8::1]:5", "[::1]:65535");
        let sent = [
            Tlv { kind: 2, value: b"a.test".as_slice().into() },
            Tlv { kind: 4, value: [].into() },
        ];
        for addresses in [v4, v6, None] {
            let mut bytes = write_v1(addresses);
            let size = bytes.len();
            bytes.extend_from_slice(b"more");
            let header = parse(&bytes).unwrap().unwrap();
            assert_eq!(
                (header.version, header.size, header.addresses),
                (Version::V1, size, addresses)
            );
            let bytes = write_v2(addresses, &sent).unwrap();
            let header = parse(&bytes).unwrap().unwrap();
            assert_eq!((header.size, header.addresses), (bytes.len(), addresses));
            if addresses.is_some() {
                assert_eq!(tlvs(header.tlvs).unwrap(), [(2, &b"a.test"[..]), (4, &b""[..])]);
            }
            for end in 1..bytes.len() {
                assert_eq!(parse(&bytes[..end]), Ok(None), "{end}");
            }
        }
    }

    #[test]
    fn broken_headers_are_refused() {
        let v1: [&[u8]; 9] = [
            b"PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n",
            b"PROXY TCP4 1.2.3.4 5.6.7.8 1 65536\r\n",
            b"PROXY TCP4 1.2.3.4 5.6.7.8 1 +2\r\n",
            b"PROXY TCP4 1.2.3.4 ::1 1 2\r\n",
            b"PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n",
            b"PROXY TCP4 0.0.0.0 5.6.7.8 1 2\r\n",
            b"PROXY TCP4 224.0.0.1 5.6.7.8 1 2\r\n",
            b"PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n",
            &[b"PROXY ".as_slice(), &[b'x'; 200]].concat(),
        ];
        for bytes in v1 {
            assert_eq!(parse(bytes), Err(HeaderError::Invalid(Version::V1)));
        }
        let signature = b"\r\n\r\n\0\r\nQUIT\n";
        for rest in
            [[0x11, 0x11, 0, 12], [0x21, 0x11, 0, 11], [0x21, 0x31, 0, 12], [0x22, 0x11, 0, 12]]
        {
            let bytes = [signature.as_slice(), &rest, &[1; 12]].concat();
            assert_eq!(parse(&bytes), Err(HeaderError::Invalid(Version::V2)));
        }
        assert_eq!(parse(b"GET /"), Err(HeaderError::Absent));
        assert_eq!(parse(b"PRO"), Ok(None));
        assert!(tlvs(&[1, 0, 5, 1]).is_err() && tlvs(&[1, 0]).is_err());
    }
}
