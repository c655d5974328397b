//! The ClientHello at the beginning of a TLS connection, as far as it tells who is asked for (RFC 8446 section
//! 4.1.2, RFC 6066 section 3, RFC 7301 section 3.1).

use std::borrow::Cow;

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const RECORD_HEADER: usize = 5;
/// Longest fragment of a record, and longest message that is taken.
const LONGEST: usize = 16 * 1024;
const SERVER_NAME: u16 = 0;
const SUPPORTED_VERSIONS: u16 = 43;
const ALPN: u16 = 16;
/// TLS 1.0 to 1.3.
const VERSIONS: std::ops::RangeInclusive<u16> = 0x0301..=0x0304;

/// What the first bytes of a connection are.
#[derive(Debug, PartialEq, Eq)]
pub enum Parsed {
    /// They may become a ClientHello.
    Partial,
    NotTls,
    Hello(ClientHello),
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct ClientHello {
    pub version: u16,
    pub ciphers: Vec<u16>,
    /// In their order, with their contents.
    pub extensions: Vec<(u16, Vec<u8>)>,
    /// In lower case.
    pub server_name: Option<String>,
    pub application_protocols: Vec<String>,
    /// Bytes of its records.
    pub size: usize,
}

/// Reads the first bytes of a connection.
pub fn parse(bytes: &[u8]) -> Parsed {
    match message(bytes) {
        Message::Partial => Parsed::Partial,
        Message::Invalid => Parsed::NotTls,
        Message::Whole(body, size) => match hello(&body) {
            Some(mut hello) => {
                hello.size = size;
                Parsed::Hello(hello)
            }
            None => Parsed::NotTls,
        },
    }
}

enum Message<'a> {
    Partial,
    Invalid,
    /// The body of the ClientHello and the size of its records.
    Whole(Cow<'a, [u8]>, usize),
}

/// Joins the records of the first handshake message.
fn message(bytes: &[u8]) -> Message<'_> {
    let mut joined: Cow<'_, [u8]> = Cow::Borrowed(&[]);
    let mut rest = bytes;
    loop {
        let Some((header, after)) = rest.split_at_checked(RECORD_HEADER) else {
            return Message::Partial;
        };
        let length = usize::from(u16::from_be_bytes([header[3], header[4]]));
        if header[0] != HANDSHAKE || header[1] != 3 || length == 0 || length > LONGEST {
            return Message::Invalid;
        }
        let fragment = &after[..length.min(after.len())];
        match joined.is_empty() {
            true => joined = Cow::Borrowed(fragment),
            false => joined.to_mut().extend_from_slice(fragment),
        }
        if let Some(&kind) = joined.first() {
            if kind != CLIENT_HELLO {
                return Message::Invalid;
            }
        }
        if let [_, a, b, c, ..] = *joined {
            let size = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
            if size > LONGEST {
                return Message::Invalid;
            }
            if joined.len() >= 4 + size && fragment.len() == length {
                let used = bytes.len() - after.len() + length;
                return Message::Whole(cut(joined, 4, 4 + size), used);
            }
        }
        if fragment.len() < length {
            return Message::Partial;
        }
        rest = &after[length..];
    }
}

fn cut(bytes: Cow<'_, [u8]>, from: usize, to: usize) -> Cow<'_, [u8]> {
    match bytes {
        Cow::Borrowed(bytes) => Cow::Borrowed(&bytes[from..to]),
        Cow::Owned(bytes) => Cow::Owned(bytes[from..to].to_vec()),
    }
}

fn hello(body: &[u8]) -> Option<ClientHello> {
    let mut input = Input(body);
    let version = input.u16()?;
    input.take(32)?;
    let session = input.prefixed_u8()?;
    let ciphers = numbers(input.prefixed_u16()?)?;
    let compression = input.prefixed_u8()?;
    if session.len() > 32 || ciphers.is_empty() || !compression.contains(&0) {
        return None;
    }
    let mut hello = ClientHello { version, ciphers, ..ClientHello::default() };
    if !input.0.is_empty() {
        let mut extensions = Input(input.prefixed_u16()?);
        if !input.0.is_empty() {
            return None;
        }
        while !extensions.0.is_empty() {
            let kind = extensions.u16()?;
            let content = extensions.prefixed_u16()?;
            if hello.extensions.iter().any(|(known, _)| *known == kind) {
                return None;
            }
            hello.extensions.push((kind, content.to_vec()));
        }
    }
    let known = match hello.extension(SUPPORTED_VERSIONS) {
        Some(content) => {
            let offered = numbers(Input(content).prefixed_u8()?)?;
            offered.iter().any(|version| VERSIONS.contains(version))
        }
        None => version >= *VERSIONS.start(),
    };
    if !known {
        return None;
    }
    hello.server_name = hello.extension(SERVER_NAME).map(server_name).transpose_some()?;
    hello.application_protocols =
        hello.extension(ALPN).and_then(application_protocols).unwrap_or_default();
    Some(hello)
}

/// Turns "there is one, and it is broken" into no result.
trait TransposeSome<T> {
    fn transpose_some(self) -> Option<Option<T>>;
}

impl<T> TransposeSome<T> for Option<Option<T>> {
    fn transpose_some(self) -> Option<Option<T>> {
        match self {
            Some(None) => None,
            Some(found) => Some(found),
            None => Some(None),
        }
    }
}

impl ClientHello {
    pub fn extension(&self, kind: u16) -> Option<&[u8]> {
        let found = self.extensions.iter().find(|(known, _)| *known == kind);
        found.map(|(_, content)| content.as_slice())
    }
}

fn server_name(content: &[u8]) -> Option<String> {
    let mut outer = Input(content);
    let mut list = Input(outer.prefixed_u16()?);
    let kind = list.take(1)?[0];
    let name = list.prefixed_u16()?;
    let is_valid = kind == 0 && !name.is_empty() && name.len() <= 255 && !name.contains(&0);
    if !is_valid || !list.0.is_empty() || !outer.0.is_empty() {
        return None;
    }
    Some(String::from_utf8_lossy(name).to_ascii_lowercase())
}

fn application_protocols(content: &[u8]) -> Option<Vec<String>> {
    let mut outer = Input(content);
    let mut list = Input(outer.prefixed_u16()?);
    let mut names = Vec::new();
    while !list.0.is_empty() {
        let name = list.prefixed_u8()?;
        if name.is_empty() {
            return None;
        }
        names.push(String::from_utf8_lossy(name).into_owned());
    }
    outer.0.is_empty().then_some(names)
}

/// A list of 16-bit numbers.
pub(super) fn numbers(bytes: &[u8]) -> Option<Vec<u16>> {
    let pairs = bytes.chunks_exact(2);
    let whole = pairs.remainder().is_empty();
    let numbers = pairs.map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
    whole.then_some(numbers)
}

/// What is left to read.
pub(super) struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub fn u16(&mut self) -> Option<u16> {
        self.take(2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    pub fn prefixed_u8(&mut self) -> Option<&'a [u8]> {
        let length = self.take(1)?[0];
        self.take(length.into())
    }

    pub fn prefixed_u16(&mut self) -> Option<&'a [u8]> {
        let length = self.u16()?;
        self.take(length.into())
    }
}

#[cfg(test)]
pub(super) mod testing {
    /// A ClientHello in one record, with these extensions.
    pub fn record(extensions: &[(u16, &[u8])]) -> Vec<u8> {
        let mut all = Vec::new();
        for (kind, content) in extensions {
            all.extend_from_slice(&kind.to_be_bytes());
            all.extend_from_slice(&(content.len() as u16).to_be_bytes());
            all.extend_from_slice(content);
        }
        let mut body = vec![3, 3];
        body.extend_from_slice(&[7; 32]);
        body.extend_from_slice(&[0, 0, 4, 0x13, 0x01, 0x0a, 0x0a, 1, 0]);
        body.extend_from_slice(&(all.len() as u16).to_be_bytes());
        body.extend_from_slice(&all);
        let mut message = vec![1, 0];
        message.extend_from_slice(&(body.len() as u16).to_be_bytes());
        message.extend_from_slice(&body);
        let mut record = vec![22, 3, 1];
        record.extend_from_slice(&(message.len() as u16).to_be_bytes());
        record.extend_from_slice(&message);
        record
    }

    pub const NAME: (u16, &[u8]) = (0, b"\0\x09\0\0\x06A.test");
    pub const PROTOCOLS: (u16, &[u8]) = (16, b"\0\x0c\x02h2\x08http/1.1");
}

#[cfg(test)]
mod tests {
    use super::testing::{record, NAME, PROTOCOLS};
    use super::{parse, Parsed};

    fn hello(bytes: &[u8]) -> super::ClientHello {
        match parse(bytes) {
            Parsed::Hello(hello) => hello,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_hello_tells_name_and_protocols() {
        let bytes = record(&[NAME, PROTOCOLS]);
        let found = hello(&bytes);
        assert_eq!(found.server_name.as_deref(), Some("a.test"));
        assert_eq!(found.application_protocols, ["h2", "http/1.1"]);
        assert_eq!(found.ciphers, [0x1301, 0x0a0a]);
        assert_eq!(found.size, bytes.len());
        assert_eq!(hello(&record(&[])).server_name, None);
    }

    #[test]
    fn every_beginning_of_a_hello_is_partial() {
        let bytes = record(&[NAME]);
        for end in 0..bytes.len() {
            assert_eq!(parse(&bytes[..end]), Parsed::Partial, "{end}");
        }
        let mut longer = bytes.clone();
        longer.extend_from_slice(b"more");
        assert_eq!(hello(&longer), hello(&bytes));
    }

    #[test]
    fn a_hello_may_come_in_several_records() {
        let whole = record(&[NAME]);
        let message = &whole[5..];
        let mut cut = Vec::new();
        for piece in message.chunks(7) {
            cut.extend_from_slice(&[22, 3, 1, 0, piece.len() as u8]);
            cut.extend_from_slice(piece);
        }
        let found = hello(&cut);
        assert_eq!(found.server_name.as_deref(), Some("a.test"));
        assert_eq!(found.size, cut.len());
    }

    #[test]
    fn what_is_no_hello_is_no_tls() {
        let broken: [&[u8]; 6] = [
            b"GET / HTTP/1.1\r\n",
            &[22, 2, 1, 0, 5, 1],
            &[22, 3, 1, 0, 0],
            &[22, 3, 1, 0, 5, 2, 0, 0, 1, 0],
            &[22, 3, 1, 0, 5, 1, 0xff, 0, 1, 0],
            &[22, 3, 1, 0, 6, 1, 0, 0, 2, 3, 3],
        ];
        for bytes in broken {
            assert_eq!(parse(bytes), Parsed::NotTls, "{bytes:?}");
        }
        assert_eq!(parse(&record(&[NAME, NAME])), Parsed::NotTls);
        assert_eq!(parse(&record(&[(0, b"\0\x09\0\0\x06a.tes")])), Parsed::NotTls);
        assert_eq!(parse(&record(&[(43, &[2, 3, 0])])), Parsed::NotTls);
    }
}
