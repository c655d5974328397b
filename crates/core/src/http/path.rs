//! Normalisation of request paths, as a connection manager may ask for before it routes.
//!
//! The order is Envoy's: escaped slashes, then RFC 3986 normalisation, then merging of slashes. The query is never
//! changed. Rules: <https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto>
//! (normalize_path and what follows); details were observed on Envoy 1.40, whose canonical form is that of
//! Chromium's URL library.

use crate::proto::http_connection_manager::EscapedSlashes;

/// What to do to a path.
#[derive(Clone, Copy, Debug)]
pub struct PathOptions {
    /// Remove `.` and `..` segments, turn `\` to `/`, decode escapes of unreserved characters.
    pub normalize: bool,
    /// Make several slashes in a row one.
    pub merge_slashes: bool,
    /// What `%2F` and `%5C` mean.
    pub escaped_slashes: EscapedSlashes,
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub enum PathOutcome {
    Unchanged,
    Changed(Vec<u8>),
    /// The client is to ask for this path (307).
    Redirect(Vec<u8>),
    /// The request is to be refused (400); the access log shows it with this path.
    Reject(Option<Vec<u8>>),
}

/// Normalises a request target that starts with a slash.
pub fn normalize(target: &[u8], options: &PathOptions) -> PathOutcome {
    let query = memchr::memchr(b'?', target).unwrap_or(target.len());
    let (path, query) = target.split_at(query);
    let mut redirect = false;
    let mut changed: Option<Vec<u8>> = None;
    if options.escaped_slashes != EscapedSlashes::KeepUnchanged {
        if let Some(mut unescaped) = unescape_slashes(path) {
            if options.escaped_slashes == EscapedSlashes::RejectRequest {
                unescaped.extend_from_slice(query);
                return PathOutcome::Reject(Some(unescaped));
            }
            redirect = options.escaped_slashes == EscapedSlashes::UnescapeAndRedirect;
            changed = Some(unescaped);
        }
    }
    if options.normalize {
        match canonical(changed.as_deref().unwrap_or(path)) {
            Canonical::Same => {}
            Canonical::New(new) => changed = Some(new),
            Canonical::Invalid => return PathOutcome::Reject(None),
        }
    }
    if options.merge_slashes {
        changed = merge_slashes(changed.as_deref().unwrap_or(path)).or(changed);
    }
    let Some(mut changed) = changed else { return PathOutcome::Unchanged };
    changed.extend_from_slice(query);
    match redirect {
        true => PathOutcome::Redirect(changed),
        false => PathOutcome::Changed(changed),
    }
}

/// `%2F` and `%5C` as the slashes they stand for; `None` when there is none.
fn unescape_slashes(path: &[u8]) -> Option<Vec<u8>> {
    let escaped = |rest: &[u8]| match rest {
        [b'%', b'2', b'f' | b'F', ..] => Some(b'/'),
        [b'%', b'5', b'c' | b'C', ..] => Some(b'\\'),
        _ => None,
    };
    (0..path.len()).find(|&start| escaped(&path[start..]).is_some())?;
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some(&byte) = rest.first() {
        let slash = escaped(rest);
        out.push(slash.unwrap_or(byte));
        rest = &rest[if slash.is_some() { 3 } else { 1 }..];
    }
    Some(out)
}

enum Canonical {
    Same,
    New(Vec<u8>),
    Invalid,
}

fn canonical(path: &[u8]) -> Canonical {
    let plain = |byte: &u8| byte.is_ascii_graphic() && !b"%\\".contains(byte) && !escaped(*byte);
    let dots = memchr::memmem::find(path, b"/.").is_some();
    if !dots && path.iter().all(plain) {
        return Canonical::Same;
    }
    let mut out = Vec::with_capacity(path.len() + 8);
    out.push(b'/');
    let mut segments = path[1..].split(|&byte| byte == b'/' || byte == b'\\').peekable();
    while let Some(segment) = segments.next() {
        match dot_segment(segment) {
            Some(Dots::Here) => {}
            Some(Dots::Up) => up(&mut out),
            None => {
                if !push_segment(segment, &mut out) {
                    return Canonical::Invalid;
                }
                if segments.peek().is_some() {
                    out.push(b'/');
                }
            }
        }
    }
    match out == path {
        true => Canonical::Same,
        false => Canonical::New(out),
    }
}

enum Dots {
    Here,
    Up,
}

/// `.` and `..`, also escaped, or with path parameters after a `;`.
fn dot_segment(segment: &[u8]) -> Option<Dots> {
    let name = &segment[..memchr::memchr(b';', segment).unwrap_or(segment.len())];
    match name {
        b"." => return Some(Dots::Here),
        b".." => return Some(Dots::Up),
        _ => {}
    }
    let mut rest = segment;
    let mut dots = 0;
    while !rest.is_empty() {
        rest = match rest {
            [b'.', rest @ ..] | [b'%', b'2', b'e' | b'E', rest @ ..] => rest,
            _ => return None,
        };
        dots += 1;
    }
    match dots {
        1 => Some(Dots::Here),
        2 => Some(Dots::Up),
        _ => None,
    }
}

/// Removes the last segment of a path that ends with a slash; the root stays.
fn up(path: &mut Vec<u8>) {
    if path.len() > 1 {
        path.pop();
        let slash = memchr::memrchr(b'/', path).unwrap_or(0);
        path.truncate(slash + 1);
    }
}

/// Appends the canonical form of a segment. False for one that is not valid.
fn push_segment(segment: &[u8], out: &mut Vec<u8>) -> bool {
    let mut rest = segment;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, decoded(byte, after)) {
            (_, Some(0)) | (0x80.., _) => return false,
            (_, Some(byte)) if is_unreserved(byte) => {
                out.push(byte);
                rest = &after[2..];
            }
            _ if escaped(byte) => out.extend_from_slice(format!("%{byte:02X}").as_bytes()),
            _ => out.push(byte),
        }
    }
    true
}

/// The byte of an escape that starts with `byte`.
fn decoded(byte: u8, after: &[u8]) -> Option<u8> {
    let digit = |index: usize| char::from(*after.get(index)?).to_digit(16);
    match byte {
        b'%' => u8::try_from(digit(0)? * 16 + digit(1)?).ok(),
        _ => None,
    }
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// Characters that stand escaped in a canonical path.
fn escaped(byte: u8) -> bool {
    b"\"<>^`{|}".contains(&byte) || byte <= b' ' || byte == 0x7f
}

/// One slash where there are several; `None` when there are not.
fn merge_slashes(path: &[u8]) -> Option<Vec<u8>> {
    memchr::memmem::find(path, b"//")?;
    let mut out = Vec::with_capacity(path.len());
    for segment in path.split(|&byte| byte == b'/').filter(|segment| !segment.is_empty()) {
        out.push(b'/');
        out.extend_from_slice(segment);
    }
    // A path of slashes alone keeps two, as in Envoy.
    if out.is_empty() {
        out.push(b'/');
    }
    if path.ends_with(b"/") {
        out.push(b'/');
    }
    (out != path).then_some(out)
}

#[cfg(test)]
#[path = "path_tests.rs"]
mod tests;
