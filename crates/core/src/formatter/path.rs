//! PATH, QUERY_PARAM and QUERY_PARAMS.

use super::{FormatContext, Rendered};
use crate::compile::{CompileError, Result};
use crate::headers::HeaderId;

/// Where the path comes from.
#[derive(Clone, Copy)]
enum Source {
    Original,
    Path,
    OriginalOrPath,
}

/// PATH(WQ|NQ:ORIG|PATH|ORIG_OR_PATH).
pub struct Path {
    with_query: bool,
    source: Source,
}

impl Path {
    pub fn compile(argument: &str) -> Result<Self> {
        let (query, source) = argument.split_once(':').unwrap_or((argument, ""));
        let with_query = match query {
            "" | "WQ" => true,
            "NQ" => false,
            other => {
                return Err(CompileError::new(format!(
                    "invalid PATH option {other:?}, only WQ and NQ are allowed"
                )))
            }
        };
        let source = match source {
            "" | "ORIG_OR_PATH" => Source::OriginalOrPath,
            "ORIG" => Source::Original,
            "PATH" => Source::Path,
            other => {
                return Err(CompileError::new(format!(
                    "invalid PATH option {other:?}, only ORIG, PATH and ORIG_OR_PATH are allowed"
                )))
            }
        };
        Ok(Self { with_query, source })
    }

    pub fn render(&self, context: &FormatContext<'_>, out: &mut Vec<u8>) -> Rendered {
        let path = path_from(self.source, context);
        let path = if self.with_query { path } else { path.map(without_query) };
        Rendered::text(path, out)
    }
}

fn path_from<'a>(source: Source, context: &FormatContext<'a>) -> Option<&'a [u8]> {
    let headers = context.request?;
    let original = || headers.get(HeaderId::XEnvoyOriginalPath);
    match source {
        Source::Original => original(),
        Source::Path => headers.get(HeaderId::Path),
        Source::OriginalOrPath => original().or_else(|| headers.get(HeaderId::Path)),
    }
}

/// The part of a path before its query.
pub fn without_query(path: &[u8]) -> &[u8] {
    match memchr::memchr2(b'?', b'#', path) {
        Some(end) => &path[..end],
        None => path,
    }
}

fn query<'a>(source: Source, context: &FormatContext<'a>) -> Option<&'a [u8]> {
    let path = path_from(source, context)?;
    let start = memchr::memchr(b'?', path)? + 1;
    Some(&path[start..])
}

/// QUERY_PARAM(name): the first value, percent-decoded.
pub struct QueryParam {
    name: Box<[u8]>,
}

impl QueryParam {
    pub fn compile(argument: &str) -> Self {
        Self { name: argument.as_bytes().into() }
    }

    pub fn render(&self, context: &FormatContext<'_>, out: &mut Vec<u8>) -> Rendered {
        let Some(query) = query(Source::Path, context) else { return Rendered::Absent };
        for pair in query.split(|&byte| byte == b'&') {
            let equals = memchr::memchr(b'=', pair).unwrap_or(pair.len());
            let start = out.len();
            percent_decode(&pair[..equals], out);
            let found = out[start..] == *self.name;
            out.truncate(start);
            if found {
                percent_decode(pair.get(equals + 1..).unwrap_or_default(), out);
                return Rendered::Text;
            }
        }
        Rendered::Absent
    }
}

/// QUERY_PARAMS(ORIG|DECODED).
pub struct QueryParams {
    decoded: bool,
}

impl QueryParams {
    pub fn compile(argument: &str) -> Result<Self> {
        match argument {
            "" | "ORIG" => Ok(Self { decoded: false }),
            "DECODED" => Ok(Self { decoded: true }),
            other => Err(CompileError::new(format!(
                "invalid QUERY_PARAMS option {other:?}, only ORIG and DECODED are allowed"
            ))),
        }
    }

    pub fn render(&self, context: &FormatContext<'_>, out: &mut Vec<u8>) -> Rendered {
        match query(Source::Path, context) {
            Some(query) if self.decoded => {
                decode_readable(query, out);
                Rendered::Text
            }
            query => Rendered::text(query, out),
        }
    }
}

/// Appends `text` with each `%XX` replaced by its byte; a broken escape stays.
pub fn percent_decode(text: &[u8], out: &mut Vec<u8>) {
    for escape in Escapes(text) {
        match escape {
            Escape::Byte(byte, _) => out.push(byte),
            Escape::Text(text) | Escape::Broken(text) => out.extend_from_slice(text),
        }
    }
}

/// Appends a query as QUERY_PARAMS(DECODED) shows it: what would not be readable or could be mistaken stays
/// escaped, and the percent sign of a broken escape goes.
fn decode_readable(text: &[u8], out: &mut Vec<u8>) {
    for escape in Escapes(text) {
        match escape {
            Escape::Byte(byte, _) if byte.is_ascii_graphic() && !br#""<>\^{|}"#.contains(&byte) => {
                out.push(byte);
            }
            Escape::Byte(_, text) | Escape::Text(text) => out.extend_from_slice(text),
            Escape::Broken(text) => out.extend_from_slice(text.get(1..).unwrap_or_default()),
        }
    }
}

/// A part of a percent-encoded text.
enum Escape<'a> {
    Text(&'a [u8]),
    /// A byte and how it was written.
    Byte(u8, &'a [u8]),
    /// A percent sign with two characters after it that are no number.
    Broken(&'a [u8]),
}

struct Escapes<'a>(&'a [u8]);

impl<'a> Iterator for Escapes<'a> {
    type Item = Escape<'a>;

    fn next(&mut self) -> Option<Escape<'a>> {
        if self.0.is_empty() {
            return None;
        }
        if self.0[0] != b'%' || self.0.len() < 3 {
            let end = memchr::memchr(b'%', &self.0[1..]).map_or(self.0.len(), |at| at + 1);
            return Some(Escape::Text(self.take(end)));
        }
        match hex_byte(&self.0[1..3]) {
            Some(byte) => Some(Escape::Byte(byte, self.take(3))),
            None => Some(Escape::Broken(self.take(1))),
        }
    }
}

impl<'a> Escapes<'a> {
    fn take(&mut self, length: usize) -> &'a [u8] {
        let (head, tail) = self.0.split_at(length);
        self.0 = tail;
        head
    }
}

fn hex_byte(digits: &[u8]) -> Option<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16);
    Some((digit(*digits.first()?)? * 16 + digit(*digits.get(1)?)?) as u8)
}
