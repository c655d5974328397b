//! Request targets (RFC 9112 section 3.2), read as Envoy does.

use super::error::CodecError;

/// The parts of an absolute-form target.
#[derive(Debug, PartialEq, Eq)]
pub struct AbsoluteTarget<'a> {
    pub https: bool,
    /// Without user information.
    pub authority: &'a [u8],
    /// Path and query; empty when there is neither.
    pub path: &'a [u8],
}

/// Splits an absolute-form target. It is `Malformed` when it has no scheme.
pub fn absolute(target: &[u8]) -> Result<AbsoluteTarget<'_>, CodecError> {
    let colon = target.windows(3).position(|part| part == b"://").ok_or(CodecError::Malformed)?;
    let (scheme, rest) = (&target[..colon], &target[colon + 3..]);
    if scheme.is_empty() {
        return Err(CodecError::Malformed);
    }
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = memchr::memrchr(b'@', authority).map_or(0, |at| at + 1);
    let authority = &authority[host..];
    if !matches!(host_and_port(authority), Some((name, _)) if !name.is_empty()) {
        return Err(CodecError::InvalidUrl);
    }
    let https = scheme.eq_ignore_ascii_case(b"https");
    match https || scheme.eq_ignore_ascii_case(b"http") {
        true => Ok(AbsoluteTarget { https, authority, path }),
        false => Err(CodecError::InvalidScheme),
    }
}

/// Whether a target of CONNECT is a host and a port.
pub fn is_authority_form(target: &[u8]) -> bool {
    matches!(host_and_port(target), Some((name, Some(_))) if !name.is_empty())
}

/// Host and port; `None` when the port is not one or a bracket is open.
fn host_and_port(authority: &[u8]) -> Option<(&[u8], Option<u16>)> {
    let name = match authority.first() {
        Some(b'[') => authority.iter().position(|&byte| byte == b']')? + 1,
        _ => memchr::memchr(b':', authority).unwrap_or(authority.len()),
    };
    let valid =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'~');
    let (name, port) = authority.split_at(name);
    if name.first() != Some(&b'[') && !name.iter().all(valid) {
        return None;
    }
    match port {
        [] => Some((name, None)),
        [b':', digits @ ..] if digits.iter().all(u8::is_ascii_digit) => {
            Some((name, Some(std::str::from_utf8(digits).ok()?.parse().ok()?)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{absolute, is_authority_form};
    use crate::http1::CodecError;

    #[test]
    fn absolute_targets_are_split() {
        let split = |target: &'static str| {
            absolute(target.as_bytes()).map(|t| {
                let text = |part| String::from_utf8_lossy(part).into_owned();
                (t.https, text(t.authority), text(t.path))
            })
        };
        let good = |https, authority: &str, path: &str| Ok((https, authority.into(), path.into()));
        assert_eq!(split("http://a/b?c"), good(false, "a", "/b?c"));
        assert_eq!(split("HTTPS://a:1"), good(true, "a:1", ""));
        assert_eq!(split("http://u:p@a?x"), good(false, "a", "?x"));
        assert_eq!(split("http://[::1]:8/"), good(false, "[::1]:8", "/"));
        for target in ["http://", "http:///x", "http://a:x/", "http://a:99999", "http://a/#f@:"] {
            let url = target != "http://a/#f@:";
            assert_eq!(split(target).is_err(), url, "{target}");
        }
        assert_eq!(split("ftp://a/"), Err(CodecError::InvalidScheme));
        assert_eq!(split("a/b"), Err(CodecError::Malformed));
    }

    #[test]
    fn connect_wants_a_host_and_a_port() {
        for (target, good) in [
            ("a:80", true),
            ("[::1]:80", true),
            ("a", false),
            ("a:", false),
            (":80", false),
            ("a:x", false),
            ("/p", false),
        ] {
            assert_eq!(is_authority_form(target.as_bytes()), good, "{target}");
        }
    }
}
