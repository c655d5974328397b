//! `envoy.type.matcher.v3.RegexMatchAndSubstitute`.

use regex::bytes::Regex;

use crate::compile::{At, CompileError, Result};
use crate::matcher::Regexes;
use crate::proto;

/// Replaces every match of a pattern; `\0` to `\9` of the substitution are the match and its groups, `\\` is a
/// backslash.
pub(super) struct RegexRewrite {
    pattern: Regex,
    /// `None` names a group that the pattern lacks: as with RE2, nothing is replaced then.
    substitution: Option<Vec<Piece>>,
}

enum Piece {
    Literal(Box<[u8]>),
    Group(usize),
}

impl RegexRewrite {
    /// Fails when the pattern is not valid or the substitution has a backslash that says nothing.
    pub(super) fn compile(message: &proto::RegexRewrite, regexes: &Regexes) -> Result<Self> {
        let pattern = regexes.anywhere(&message.pattern).at("pattern")?;
        let pieces = pieces(&message.substitution).at("substitution")?;
        let groups = pattern.captures_len();
        let known = |piece: &Piece| !matches!(piece, Piece::Group(number) if *number >= groups);
        let substitution = pieces.iter().all(known).then_some(pieces);
        Ok(Self { pattern, substitution })
    }

    pub(super) fn replace_all(&self, text: &[u8]) -> Vec<u8> {
        let Some(substitution) = &self.substitution else { return text.to_vec() };
        let mut out = Vec::with_capacity(text.len() + 16);
        let mut position = 0;
        for captures in self.pattern.captures_iter(text) {
            let Some(whole) = captures.get(0) else { continue };
            out.extend_from_slice(&text[position..whole.start()]);
            position = whole.end();
            for piece in substitution {
                match piece {
                    Piece::Literal(literal) => out.extend_from_slice(literal),
                    Piece::Group(number) => {
                        out.extend_from_slice(
                            captures.get(*number).map_or(b"", |group| group.as_bytes()),
                        );
                    }
                }
            }
        }
        out.extend_from_slice(&text[position..]);
        out
    }
}

fn pieces(substitution: &str) -> Result<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut literal = Vec::new();
    let mut bytes = substitution.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            literal.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b'\\') => literal.push(b'\\'),
            Some(digit @ b'0'..=b'9') => {
                let number = usize::from(digit - b'0');
                if !literal.is_empty() {
                    pieces.push(Piece::Literal(std::mem::take(&mut literal).into()));
                }
                pieces.push(Piece::Group(number));
            }
            _ => {
                return Err(CompileError::new(format!("'{substitution}' has a \\ before no digit")))
            }
        }
    }
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal.into()));
    }
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use super::RegexRewrite;
    use crate::matcher::Regexes;
    use crate::proto;

    fn rewrite(pattern: &str, substitution: &str, text: &str) -> Result<String, String> {
        let message =
            proto::RegexRewrite { pattern: pattern.into(), substitution: substitution.into() };
        let rewrite = RegexRewrite::compile(&message, &Regexes::default()).map_err(|e| e.path)?;
        Ok(String::from_utf8_lossy(&rewrite.replace_all(text.as_bytes())).into_owned())
    }

    #[test]
    fn groups_are_substituted_at_every_match() {
        let cases = [
            ("/b", "/x", "/a/b/b", "/a/x/x"),
            (
                "^/service/([^/]+)(/.*)$",
                r"\2/instance/\1",
                "/service/foo/v1/api",
                "/v1/api/instance/foo",
            ),
            ("one", "two", "/xxx/one/yyy/one/zzz", "/xxx/two/yyy/two/zzz"),
            ("(?i)/xxx/", "/yyy/", "/aaa/XxX/bbb", "/aaa/yyy/bbb"),
            ("a(b)?", r"[\0\\\1]", "/ab/a", r"/[ab\b]/[a\]"),
            ("x*", "-", "abc", "-a-b-c-"),
            ("no", "x", "/a", "/a"),
            ("a", r"x\1", "/a", "/a"),
        ];
        for (pattern, substitution, text, expected) in cases {
            assert_eq!(rewrite(pattern, substitution, text).as_deref(), Ok(expected), "{pattern}");
        }
    }

    #[test]
    fn mistakes_are_found_when_compiling() {
        assert_eq!(rewrite("(", "", "").err().as_deref(), Some("pattern"));
        assert_eq!(rewrite("a", r"\x", "").err().as_deref(), Some("substitution"));
        assert_eq!(rewrite("a", "\\", "").err().as_deref(), Some("substitution"));
    }
}
