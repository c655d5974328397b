//! Bodies: how long they are, and the chunked coding (RFC 9112 section 7.1).

use super::error::CodecError;
use crate::headers::Headers;

/// How the end of a body is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLength {
    Empty,
    Length(u64),
    Chunked,
    /// A response that ends with its connection.
    UntilClose,
    /// After an upgrade: all that comes, and the end of the connection is no end of a message.
    Open,
}

/// Longest chunk-size line, extensions included.
const MAX_CHUNK_LINE: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Done,
    Length(u64),
    UntilClose,
    Open,
    ChunkSize,
    ChunkData(u64),
    ChunkEnd,
    Trailers,
}

/// What stands at the front of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// This many bytes are body; take them with [`BodyDecoder::took`].
    Data(usize),
    /// This many bytes are framing: drop them and ask again.
    Skip(usize),
    NeedMore,
    /// The body has ended; what follows belongs to the next message.
    End,
}

/// Finds body bytes in the input of a connection, without copying them.
#[derive(Debug)]
pub struct BodyDecoder {
    state: State,
    max_trailer_bytes: usize,
    max_trailers: usize,
}

impl BodyDecoder {
    pub fn new(length: BodyLength, max_trailer_bytes: usize, max_trailers: usize) -> Self {
        let state = match length {
            BodyLength::Empty | BodyLength::Length(0) => State::Done,
            BodyLength::Length(length) => State::Length(length),
            BodyLength::Chunked => State::ChunkSize,
            BodyLength::UntilClose => State::UntilClose,
            BodyLength::Open => State::Open,
        };
        Self { state, max_trailer_bytes, max_trailers }
    }

    pub fn done() -> Self {
        Self::new(BodyLength::Empty, 0, 0)
    }

    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// True when the end of the connection is the end of the body.
    pub fn ends_with_connection(&self) -> bool {
        self.state == State::UntilClose
    }

    /// Body bytes that are known to follow; a hint for the size of a read.
    pub fn expected(&self) -> u64 {
        match self.state {
            State::Length(left) | State::ChunkData(left) => left,
            // What follows are mostly short messages.
            State::Done | State::Open => 0,
            _ => u64::MAX,
        }
    }

    /// Looks at the front of `input`. Trailers go to `trailers`.
    pub fn step(&mut self, input: &[u8], trailers: &mut Headers) -> Result<Step, CodecError> {
        match self.state {
            State::Done => Ok(Step::End),
            State::Length(left) | State::ChunkData(left) => Ok(data(input, left)),
            State::UntilClose | State::Open => Ok(data(input, u64::MAX)),
            State::ChunkSize => self.chunk_size(input),
            State::ChunkEnd => self.chunk_end(input),
            State::Trailers => self.trailers(input, trailers),
        }
    }

    /// Notes that `count` of the bytes that [`Step::Data`] promised were used.
    pub fn took(&mut self, count: usize) {
        let count = count as u64;
        self.state = match self.state {
            State::Length(left) if left <= count => State::Done,
            State::Length(left) => State::Length(left - count),
            State::ChunkData(left) if left <= count => State::ChunkEnd,
            State::ChunkData(left) => State::ChunkData(left - count),
            state => state,
        };
    }

    fn chunk_size(&mut self, input: &[u8]) -> Result<Step, CodecError> {
        let Some(end) = memchr::memchr(b'\n', input) else {
            return match input.len() > MAX_CHUNK_LINE {
                true => Err(CodecError::Body),
                false => check_size_start(input).map(|()| Step::NeedMore),
            };
        };
        let line = input[..end].strip_suffix(b"\r").ok_or(CodecError::Body)?;
        let size = parse_chunk_size(line)?;
        self.state = match size {
            0 => State::Trailers,
            size => State::ChunkData(size),
        };
        Ok(Step::Skip(end + 1))
    }

    fn chunk_end(&mut self, input: &[u8]) -> Result<Step, CodecError> {
        match input {
            [b'\r', b'\n', ..] => {
                self.state = State::ChunkSize;
                Ok(Step::Skip(2))
            }
            [] | [b'\r'] => Ok(Step::NeedMore),
            _ => Err(CodecError::Body),
        }
    }

    fn trailers(&mut self, input: &[u8], trailers: &mut Headers) -> Result<Step, CodecError> {
        if input.starts_with(b"\r\n") {
            self.state = State::Done;
            return Ok(Step::Skip(2));
        }
        if !matches!(input, [] | [b'\r']) {
            let mut parsed = vec![httparse::EMPTY_HEADER; self.max_trailers.max(1)];
            match httparse::parse_headers(input, &mut parsed) {
                Ok(httparse::Status::Complete((length, fields))) => {
                    if has_bare_line_feed(&input[..length]) {
                        return Err(CodecError::Body);
                    }
                    for field in fields {
                        trailers.append_raw(field.name.as_bytes(), field.value);
                    }
                    self.state = State::Done;
                    return Ok(Step::Skip(length));
                }
                Ok(httparse::Status::Partial) => {}
                Err(_) => return Err(CodecError::Body),
            }
        }
        match input.len() > self.max_trailer_bytes {
            true => Err(CodecError::HeadersTooLarge),
            false => Ok(Step::NeedMore),
        }
    }
}

fn data(input: &[u8], left: u64) -> Step {
    match input.len() {
        0 => Step::NeedMore,
        have => Step::Data(have.min(usize::try_from(left).unwrap_or(usize::MAX))),
    }
}

/// An unfinished size line must already look like one, so that garbage is refused at once.
fn check_size_start(line: &[u8]) -> Result<(), CodecError> {
    match line.first() {
        Some(first) if !first.is_ascii_hexdigit() => Err(CodecError::Body),
        _ => Ok(()),
    }
}

/// Up to 16 hex digits, then nothing or an extension, which has no control characters.
fn parse_chunk_size(line: &[u8]) -> Result<u64, CodecError> {
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let rest = line[digits..].trim_ascii_start();
    let extension = rest.is_empty() || rest[0] == b';';
    let clean = rest.iter().all(|&byte| byte == b'\t' || (byte >= 0x20 && byte != 0x7f));
    if digits == 0 || digits > 16 || !extension || !clean {
        return Err(CodecError::Body);
    }
    let digits = std::str::from_utf8(&line[..digits]).map_err(|_| CodecError::Body)?;
    u64::from_str_radix(digits, 16).map_err(|_| CodecError::Body)
}

/// True when a line ends with LF alone.
pub(super) fn has_bare_line_feed(head: &[u8]) -> bool {
    memchr::memchr_iter(b'\n', head).any(|at| at == 0 || head[at - 1] != b'\r')
}

#[cfg(test)]
mod tests {
    use super::{BodyDecoder, BodyLength, Step};
    use crate::headers::{Headers, Key};
    use crate::http1::CodecError;

    /// Decodes `input` as it arrives in pieces of `size` bytes: (body, bytes left over).
    fn decode(input: &[u8], size: usize) -> Result<(Vec<u8>, usize, Headers), CodecError> {
        let mut decoder = BodyDecoder::new(BodyLength::Chunked, 1000, 10);
        let (mut body, mut trailers, mut have, mut used) = (Vec::new(), Headers::new(), 0, 0);
        loop {
            match decoder.step(&input[used..have], &mut trailers)? {
                Step::Data(count) => {
                    body.extend_from_slice(&input[used..used + count]);
                    used += count;
                    decoder.took(count);
                }
                Step::Skip(count) => used += count,
                Step::NeedMore if have == input.len() => return Err(CodecError::Malformed),
                Step::NeedMore => have = input.len().min(have + size),
                Step::End => return Ok((body, input.len() - used, trailers)),
            }
        }
    }

    #[test]
    fn chunks_are_joined_however_they_arrive() {
        let input = b"5\r\nhello\r\n1;a=\"b\"\r\n \r\n00A\r\n0123456789\r\n0\r\nx-t: 1\r\n\r\nNEXT";
        for size in 1..input.len() {
            let (body, left, trailers) = decode(input, size).unwrap();
            assert_eq!(body, b"hello 0123456789", "in pieces of {size}");
            assert_eq!(left, if left == 0 { 0 } else { left.min(4) });
            assert_eq!(trailers.get(Key::Other(b"x-t")), Some(&b"1"[..]));
        }
    }

    #[test]
    fn malformed_chunks_are_refused() {
        for input in [
            &b"g\r\n"[..],
            b"0x3\r\nabc\r\n",
            b"-1\r\n",
            b"\r\n",
            b"12345678901234567\r\n",
            b"3\nabc\r\n",
            b"3\r\nabcd\r\n",
            b"3 x\r\nabc\r\n",
            b"3;\x01\r\nabc\r\n",
            b"0\r\nx t: 1\r\n\r\n",
            b"0\r\nx: 1\n\r\n",
        ] {
            assert_eq!(decode(input, 64).err(), Some(CodecError::Body), "{input:?}");
        }
    }

    #[test]
    fn an_open_stream_has_no_end() {
        let mut decoder = BodyDecoder::new(BodyLength::Open, 0, 0);
        let mut trailers = Headers::new();
        assert_eq!(decoder.step(b"0\r\n\r\n", &mut trailers), Ok(Step::Data(5)));
        decoder.took(5);
        assert_eq!(decoder.step(b"", &mut trailers), Ok(Step::NeedMore));
        assert!(!decoder.is_done() && !decoder.ends_with_connection());
    }

    #[test]
    fn a_length_ends_the_body_exactly() {
        let mut decoder = BodyDecoder::new(BodyLength::Length(3), 0, 0);
        let mut trailers = Headers::new();
        assert_eq!(decoder.step(b"abcdef", &mut trailers), Ok(Step::Data(3)));
        decoder.took(2);
        assert_eq!(decoder.step(b"cdef", &mut trailers), Ok(Step::Data(1)));
        decoder.took(1);
        assert_eq!(decoder.step(b"def", &mut trailers), Ok(Step::End));
    }
}
