//! `envoy.type.matcher.v3.RegexMatchAndSubstitute`.

use regex::bytes::Regex;

use crate::compile::{At, Result};
use crate::matcher::Regexes;
use crate::proto;

/// Replaces every match of a pattern; `\0` to `\9` of the substitution are the match and its groups, `\\` is a
/// backslash. Mistakes have the effect that they have with RE2: a group that the pattern lacks makes that
/// nothing is replaced, and a backslash before anything else ends the substitution.
pub struct RegexRewrite {
    pattern: Regex,
    /// None: nothing is replaced.
    substitution: Option<Vec<Piece>>,
}

enum Piece {
    Literal(Box<[u8]>),
    Group(usize),
}

impl RegexRewrite {
    /// Fails when the pattern is not valid.
    pub fn compile(message: &proto::RegexRewrite, regexes: &Regexes) -> Result<Self> {
        let pattern = regexes.anywhere(&message.pattern).at("pattern")?;
        let substitution = pieces(&message.substitution);
        let usable = substitution.highest < pattern.captures_len();
        let substitution = usable.then_some(substitution.pieces);
        Ok(Self { pattern, substitution })
    }

    pub fn replace_all(&self, text: &[u8]) -> Vec<u8> {
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

struct Substitution {
    pieces: Vec<Piece>,
    /// The highest group it names.
    highest: usize,
}

fn pieces(substitution: &str) -> Substitution {
    let mut pieces = Vec::new();
    let mut literal = Vec::new();
    let mut highest = 0;
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
                highest = highest.max(number);
                if !literal.is_empty() {
                    pieces.push(Piece::Literal(std::mem::take(&mut literal).into()));
                }
                pieces.push(Piece::Group(number));
            }
            _ => break,
        }
    }
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal.into()));
    }
    Substitution { pieces, highest }
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
    fn mistakes_have_the_effect_they_have_with_re2() {
        assert_eq!(rewrite("(", "", "").err().as_deref(), Some("pattern"));
        assert_eq!(rewrite("a", r"x\1", "bab").as_deref(), Ok("bab"));
        assert_eq!(rewrite("a", r"x\yz", "bab").as_deref(), Ok("bxb"));
        assert_eq!(rewrite("a", "x\\", "bab").as_deref(), Ok("bxb"));
    }
}
