//! The uri_template path matcher and rewriter (`envoy.path.match.uri_template`, `envoy.path.rewrite.uri_template`).
//!
//! A template is a path whose segments are literals, `*` (one segment), `**` (the rest, at the end), `{name}` or
//! `{name=pattern}`; literal text may follow the last operator. At most five variables with names of up to 16
//! characters. The rewriter is literal text with `{name}` of the template.

use regex::bytes::Regex;

use crate::compile::{CompileError, Result};
use crate::matcher::Regexes;

/// Characters of a literal: `pchar` of RFC 3986 without `*` and `=`.
const LITERAL: &str = "a-zA-Z0-9._~%!$&'()+,;:@-";
const MAX_VARIABLES: usize = 5;
const MAX_NAME: usize = 16;

/// A compiled template.
#[derive(Clone)]
pub(super) struct UriTemplate {
    regex: Regex,
}

impl UriTemplate {
    /// Fails when the template breaks one of the rules above.
    pub(super) fn compile(template: &str, regexes: &Regexes) -> Result<Self> {
        let invalid =
            |reason: &str| CompileError::new(format!("uri template '{template}': {reason}"));
        let mut parser = Parser::default();
        parser.template(template).map_err(invalid)?;
        Ok(Self { regex: regexes.whole(&parser.regex)? })
    }

    /// `path` has no query.
    pub(super) fn matches(&self, path: &[u8]) -> bool {
        self.regex.is_match(path)
    }
}

#[derive(Default)]
struct Parser<'a> {
    regex: String,
    names: Vec<&'a str>,
    after_rest: bool,
}

impl<'a> Parser<'a> {
    fn template(&mut self, template: &'a str) -> std::result::Result<(), &'static str> {
        let Some(mut rest) = template.strip_prefix('/') else { return Err("it must start with /") };
        if !template.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("it may have printable characters only");
        }
        self.regex.push('/');
        while !rest.is_empty() {
            rest = match rest.as_bytes()[0] {
                b'*' => self.operator(rest)?,
                b'{' => self.variable(rest)?,
                _ => self.literal(rest)?,
            };
            if let Some(after) = rest.strip_prefix('/') {
                self.regex.push('/');
                rest = after;
            } else if !rest.is_empty() {
                return match self.literal(rest)? {
                    "" => Ok(()),
                    _ => Err("a suffix must end it"),
                };
            }
        }
        Ok(())
    }

    fn operator(&mut self, rest: &'a str) -> std::result::Result<&'a str, &'static str> {
        if self.after_rest {
            return Err("nothing but literal text may follow **");
        }
        let after = match rest.strip_prefix("**") {
            Some(after) => {
                self.after_rest = true;
                self.regex.push_str(&format!("[/{LITERAL}]*"));
                after
            }
            None => {
                self.regex.push_str(&format!("[{LITERAL}]+"));
                &rest[1..]
            }
        };
        Ok(after)
    }

    fn literal(&mut self, rest: &'a str) -> std::result::Result<&'a str, &'static str> {
        let length = rest.find('/').unwrap_or(rest.len());
        let literal = &rest[..length];
        if literal.is_empty() || !literal.bytes().all(is_literal) {
            return Err("a literal has a character it may not have, or is empty");
        }
        self.regex.push_str(&regex::escape(literal));
        Ok(&rest[length..])
    }

    fn variable(&mut self, rest: &'a str) -> std::result::Result<&'a str, &'static str> {
        let (inner, after) = rest[1..].split_once('}').ok_or("a bracket is not closed")?;
        let (name, pattern) = match inner.split_once('=') {
            Some((_, "")) => return Err("a variable has an empty pattern"),
            Some((name, pattern)) => (name, pattern),
            None => (inner, "*"),
        };
        self.declare(name)?;
        self.regex.push_str(&format!("(?P<{name}>"));
        let mut pattern = pattern;
        while !pattern.is_empty() {
            pattern = match pattern.starts_with('*') {
                true => self.operator(pattern)?,
                false => self.literal(pattern)?,
            };
            match pattern.strip_prefix('/') {
                Some("") => return Err("the pattern of a variable ends with /"),
                Some(more) => {
                    self.regex.push('/');
                    pattern = more;
                }
                None if pattern.is_empty() => {}
                None => return Err("the pattern of a variable has text after an operator"),
            }
        }
        self.regex.push(')');
        Ok(after)
    }

    fn declare(&mut self, name: &'a str) -> std::result::Result<(), &'static str> {
        if !is_name(name) || name.len() > MAX_NAME {
            return Err("a variable's name is not valid");
        }
        if self.names.contains(&name) {
            return Err("a variable is there twice");
        }
        if self.names.len() == MAX_VARIABLES {
            return Err("it has more than five variables");
        }
        self.names.push(name);
        Ok(())
    }
}

fn is_literal(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._~%!$&'()+,;:@-".contains(&byte)
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Builds a path from the variables of a template.
pub(super) struct TemplateRewrite {
    template: UriTemplate,
    pieces: Vec<Piece>,
}

enum Piece {
    Literal(Box<[u8]>),
    /// The number of a group of the template.
    Variable(usize),
}

impl TemplateRewrite {
    /// Fails on text that a path may not have and on variables that the template lacks.
    pub(super) fn compile(rewrite: &str, template: &UriTemplate) -> Result<Self> {
        let invalid = |reason: &str| CompileError::new(format!("rewrite '{rewrite}': {reason}"));
        let mut pieces = Vec::new();
        let mut rest = rewrite;
        while !rest.is_empty() {
            let (literal, variable) =
                rest.split_once('{').map_or((rest, None), |(l, v)| (l, Some(v)));
            if !literal.bytes().all(|byte| byte == b'/' || is_literal(byte)) {
                return Err(invalid("it has a character that a path may not have"));
            }
            if !literal.is_empty() {
                pieces.push(Piece::Literal(literal.as_bytes().into()));
            }
            let Some(variable) = variable else { break };
            let (name, after) =
                variable.split_once('}').ok_or_else(|| invalid("a bracket is not closed"))?;
            let group = template.regex.capture_names().position(|known| known == Some(name));
            pieces.push(Piece::Variable(
                group.ok_or_else(|| invalid("it names a variable that the match lacks"))?,
            ));
            rest = after;
        }
        Ok(Self { template: template.clone(), pieces })
    }

    /// The new path, or `None` when `path` does not match the template (any more).
    pub(super) fn rewrite(&self, path: &[u8]) -> Option<Vec<u8>> {
        let captures = self.template.regex.captures(path)?;
        let mut out = Vec::with_capacity(path.len() + 16);
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => out.extend_from_slice(text),
                Piece::Variable(group) => {
                    out.extend_from_slice(
                        captures.get(*group).map_or(b"", |value| value.as_bytes()),
                    );
                }
            }
        }
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::{TemplateRewrite, UriTemplate};
    use crate::matcher::Regexes;

    fn template(text: &str) -> Option<UriTemplate> {
        UriTemplate::compile(text, &Regexes::default()).ok()
    }

    #[test]
    fn templates_match_whole_paths() {
        let cases = [
            ("/api/*/x", "/api/a/x", true),
            ("/api/*/x", "/api/a/b/x", false),
            ("/api/*/x", "/api//x", false),
            ("/api/**", "/api/", true),
            ("/api/**", "/api/a/b", true),
            ("/api/**", "/api", false),
            ("/{lang}/{rest=**}", "/en/a/b", true),
            ("/{v=videos/*}/end", "/videos/1/end", true),
            ("/{v=videos/*}/end", "/audio/1/end", false),
            ("/**.m4s", "/a/b.m4s", true),
            ("/*.m4s", "/b.m4s", true),
            ("/{file}.m4s", "/b.m4s", true),
            ("/a/", "/a/", true),
            ("/a/", "/a", false),
            ("/a.b", "/axb", false),
            ("/*", "/a=b", false),
            ("/", "/", true),
        ];
        for (text, path, expected) in cases {
            let matches = template(text).map(|template| template.matches(path.as_bytes()));
            assert_eq!(matches, Some(expected), "{text} on {path}");
        }
    }

    #[test]
    fn broken_templates_are_refused() {
        let broken = [
            "api",
            "",
            "/api//x",
            "/**/*",
            "/**/{a}",
            "/{a",
            "/{a=}",
            "/{1}",
            "/{a}/{a}",
            "/{a=*/}",
            "/{abcdefghijklmnopq}",
            "/{a}/{b}/{c}/{d}/{e}/{f}",
            "/a b",
            "/a=b",
            "/*.m4s/x",
            "/***",
        ];
        for text in broken {
            assert!(template(text).is_none(), "{text}");
        }
    }

    #[test]
    fn rewrites_place_the_variables() {
        let cases = [
            ("/api/{id}/{rest=**}", "/v2/{rest}/of/{id}", "/api/7/a/b", Some("/v2/a/b/of/7")),
            ("/api/{id}", "/x", "/api/7", Some("/x")),
            ("/api/{id}", "/x{id}y", "/api/7", Some("/x7y")),
            ("/api/{id}", "/{other}", "/api/7", None),
            ("/api/{id}", "/{id", "/api/7", None),
            ("/api/{id}", "/a b", "/api/7", None),
        ];
        for (text, rewrite, path, expected) in cases {
            let template = template(text).unwrap_or_else(|| unreachable!("{text}"));
            let rewritten = TemplateRewrite::compile(rewrite, &template)
                .ok()
                .and_then(|rewrite| rewrite.rewrite(path.as_bytes()))
                .map(|path| String::from_utf8_lossy(&path).into_owned());
            assert_eq!(rewritten.as_deref(), expected, "{text} {rewrite}");
        }
    }
}
