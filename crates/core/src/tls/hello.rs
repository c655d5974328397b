//! What of a ClientHello decides which configuration serves it. rustls reads the whole again.

/// The parts of a ClientHello.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Hello {
    /// The protocols offered by ALPN; none without that extension.
    pub alpn: Vec<Vec<u8>>,
    pub offers_tls13: bool,
    /// As far as the client's highest version says.
    pub offers_tls12: bool,
    /// The certificate may come with an OCSP response.
    pub wants_staple: bool,
}

/// What the first bytes of a client are.
#[derive(Debug, PartialEq, Eq)]
pub enum First {
    Partial,
    /// No TLS record.
    Foreign,
    Hello(Hello),
}

/// What rustls is to judge.
const UNREADABLE: Hello =
    Hello { alpn: Vec::new(), offers_tls13: false, offers_tls12: true, wants_staple: false };
const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
/// More than any client says; what is longer is left to rustls to refuse.
const LONGEST: usize = 64 * 1024;

/// Reads the beginning of a connection.
pub fn read(bytes: &[u8]) -> First {
    let mut message = Vec::new();
    let mut rest = bytes;
    loop {
        if rest.len() < 5 {
            return match rest.first().is_some_and(|&byte| byte != HANDSHAKE) {
                true if message.is_empty() && rest.len() >= 3 => First::Foreign,
                _ => First::Partial,
            };
        }
        let length = usize::from(rest[3]) << 8 | usize::from(rest[4]);
        if rest[0] != HANDSHAKE || rest[1] != 3 {
            return match message.is_empty() {
                true => First::Foreign,
                false => First::Hello(UNREADABLE),
            };
        }
        let Some(fragment) = rest.get(5..5 + length) else { return First::Partial };
        message.extend_from_slice(fragment);
        rest = &rest[5 + length..];
        let Some(&[kind, a, b, c]) = message.first_chunk::<4>() else { continue };
        let wanted = 4 + (usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c));
        if kind != CLIENT_HELLO || wanted > LONGEST {
            return First::Hello(UNREADABLE);
        }
        if message.len() >= wanted {
            return First::Hello(parse(&message[4..wanted]).unwrap_or(UNREADABLE));
        }
    }
}

/// A cursor over length-prefixed parts (RFC 8446 section 4.1.2).
struct Parts<'a>(&'a [u8]);

impl<'a> Parts<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// A part behind a length of `size` bytes.
    fn part(&mut self, size: usize) -> Option<&'a [u8]> {
        let length = self.take(size)?.iter().fold(0, |sum, &byte| sum << 8 | usize::from(byte));
        self.take(length)
    }

    fn number(&mut self) -> Option<u16> {
        let bytes = self.take(2)?;
        Some(u16::from(bytes[0]) << 8 | u16::from(bytes[1]))
    }
}

fn parse(message: &[u8]) -> Option<Hello> {
    const STATUS_REQUEST: u16 = 5;
    const ALPN: u16 = 16;
    const SUPPORTED_VERSIONS: u16 = 43;
    const TLS12: u16 = 0x0303;
    const TLS13: [u8; 2] = [3, 4];
    let mut parts = Parts(message);
    let version = parts.number()?;
    parts.take(32)?;
    parts.part(1)?;
    parts.part(2)?;
    parts.part(1)?;
    let mut hello = Hello { offers_tls12: version >= TLS12, ..Hello::default() };
    let Some(extensions) = parts.part(2) else { return Some(hello) };
    let mut extensions = Parts(extensions);
    while let Some(kind) = extensions.number() {
        let mut content = Parts(extensions.part(2)?);
        match kind {
            STATUS_REQUEST => hello.wants_staple = true,
            ALPN => {
                let mut names = Parts(content.part(2)?);
                while let Some(name) = names.part(1) {
                    hello.alpn.push(name.to_vec());
                }
            }
            SUPPORTED_VERSIONS => {
                let versions = content.part(1)?;
                hello.offers_tls13 = versions.chunks(2).any(|version| version == TLS13);
            }
            _ => {}
        }
    }
    Some(hello)
}

#[cfg(test)]
mod tests {
    use super::{read, First, Hello, UNREADABLE};

    /// A ClientHello of TLS 1.3 that offers h2 and http/1.1, and wants a staple.
    fn hello() -> Vec<u8> {
        let alpn = b"\x00\x10\x00\x0e\x00\x0c\x02h2\x08http/1.1";
        let status = b"\x00\x05\x00\x05\x01\x00\x00\x00\x00";
        let versions = b"\x00\x2b\x00\x05\x04\x03\x04\x03\x03";
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.extend([0, 0, 2, 0x13, 0x01, 1, 0]);
        body.extend([0, (alpn.len() + status.len() + versions.len()) as u8]);
        body.extend(alpn);
        body.extend(status);
        body.extend(versions);
        let mut message = vec![1, 0, 0, body.len() as u8];
        message.extend(body);
        message
    }

    fn records(message: &[u8], size: usize) -> Vec<u8> {
        let record = |part: &[u8]| [&[22, 3, 1, 0, part.len() as u8], part].concat();
        message.chunks(size).flat_map(record).collect()
    }

    #[test]
    fn alpn_and_version_are_found_over_several_records() {
        let expected = Hello {
            alpn: vec![b"h2".into(), b"http/1.1".into()],
            offers_tls13: true,
            offers_tls12: true,
            wants_staple: true,
        };
        for size in [1, 3, 50, 200] {
            let bytes = records(&hello(), size);
            for end in 0..bytes.len() {
                assert_eq!(read(&bytes[..end]), First::Partial, "{size} {end}");
            }
            assert_eq!(
                read(&bytes),
                First::Hello(Hello { alpn: expected.alpn.clone(), ..expected })
            );
        }
    }

    #[test]
    fn what_is_no_tls_is_foreign_and_what_is_malformed_is_left_to_rustls() {
        assert_eq!(read(b"GET / HTTP/1.1"), First::Foreign);
        assert_eq!(read(b"SSH"), First::Foreign);
        assert_eq!(read(b""), First::Partial);
        let mut broken = hello();
        broken[40] = 200;
        assert_eq!(read(&records(&broken, 200)), First::Hello(UNREADABLE));
    }
}
