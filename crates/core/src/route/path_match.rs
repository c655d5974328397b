//! Which paths a route takes.

use regex::bytes::Regex;

use super::uri_template::UriTemplate;
use crate::compile::{At, CompileError, Result};
use crate::headers::{HeaderId, Headers};
use crate::matcher::Regexes;
use crate::proto;
use crate::proto::route_match::Path;

/// The path specifier of a route. Paths are matched without query and fragment.
pub(super) enum PathMatch {
    Prefix {
        text: Box<[u8]>,
        ignore_case: bool,
    },
    Exact {
        text: Box<[u8]>,
        ignore_case: bool,
    },
    /// A prefix that ends where a segment ends.
    Segments {
        text: Box<[u8]>,
        ignore_case: bool,
    },
    Regex(Regex),
    Template(UriTemplate),
    /// CONNECT requests, whatever their path.
    Connect,
}

impl PathMatch {
    /// Fails when a regex or template is not valid or no kind is set.
    pub(super) fn compile(message: &proto::RouteMatch, regexes: &Regexes) -> Result<Self> {
        let ignore_case = message.case_insensitive;
        let bytes = |text: &String| text.clone().into_bytes().into_boxed_slice();
        let path =
            message.path.as_ref().ok_or_else(|| CompileError::new("a match needs a path"))?;
        Ok(match path {
            Path::Prefix(text) => Self::Prefix { text: bytes(text), ignore_case },
            Path::Exact(text) => Self::Exact { text: bytes(text), ignore_case },
            Path::PathSeparatedPrefix(text) => Self::Segments { text: bytes(text), ignore_case },
            Path::Regex(text) => Self::Regex(regexes.whole(text).at("regex")?),
            Path::UriTemplate(text) => {
                Self::Template(UriTemplate::compile(text, regexes).at("uri_template")?)
            }
            Path::Connect(_) => Self::Connect,
        })
    }

    /// `path` has no query; it is `None` for a request without one (CONNECT).
    pub(super) fn matches(&self, path: Option<&[u8]>, request: &Headers) -> bool {
        let Some(path) = path else {
            return matches!(self, Self::Connect) && is_connect(request);
        };
        match self {
            Self::Prefix { text, ignore_case } => starts_with(path, text, *ignore_case),
            Self::Exact { text, ignore_case } => {
                path.len() == text.len() && starts_with(path, text, *ignore_case)
            }
            Self::Segments { text, ignore_case } => {
                starts_with(path, text, *ignore_case)
                    && matches!(path.get(text.len()), None | Some(b'/'))
            }
            Self::Regex(regex) => regex.is_match(path),
            Self::Template(template) => template.matches(path),
            Self::Connect => is_connect(request),
        }
    }

    /// How much of the path a prefix rewrite replaces. `path` has no query and matches.
    pub(super) fn matched_len(&self, path: &[u8]) -> usize {
        match self {
            Self::Prefix { text, .. } | Self::Segments { text, .. } | Self::Exact { text, .. } => {
                text.len().min(path.len())
            }
            Self::Regex(_) | Self::Template(_) | Self::Connect => path.len(),
        }
    }

    pub(super) fn template(&self) -> Option<&UriTemplate> {
        match self {
            Self::Template(template) => Some(template),
            _ => None,
        }
    }
}

fn starts_with(path: &[u8], text: &[u8], ignore_case: bool) -> bool {
    path.get(..text.len()).is_some_and(|start| match ignore_case {
        true => start.eq_ignore_ascii_case(text),
        false => start == text,
    })
}

fn is_connect(request: &Headers) -> bool {
    request.get(HeaderId::Method) == Some(b"CONNECT")
}

/// The request target without query and fragment.
pub(super) fn without_query(target: &[u8]) -> &[u8] {
    &target[..memchr::memchr2(b'?', b'#', target).unwrap_or(target.len())]
}

#[cfg(test)]
mod tests {
    use super::{without_query, PathMatch};
    use crate::headers::Headers;
    use crate::matcher::Regexes;
    use crate::proto;
    use crate::proto::route_match::Path;

    fn matches(path: Path, case_insensitive: bool, target: &str) -> bool {
        let message =
            proto::RouteMatch { path: Some(path), case_insensitive, ..Default::default() };
        let matcher = PathMatch::compile(&message, &Regexes::default());
        let matcher = matcher.unwrap_or_else(|e| unreachable!("{e}"));
        matcher.matches(Some(without_query(target.as_bytes())), &Headers::new())
    }

    #[test]
    fn paths_match_without_query() {
        let ab = || "/Ab".to_owned();
        let cases = [
            (Path::Prefix(ab()), false, "/Abc?x", true),
            (Path::Prefix(ab()), false, "/ab", false),
            (Path::Prefix(ab()), true, "/abc", true),
            (Path::Prefix("/a?".into()), false, "/a?b", false),
            (Path::Exact(ab()), false, "/Ab?x=1", true),
            (Path::Exact(ab()), false, "/Ab#x", true),
            (Path::Exact(ab()), false, "/Abc", false),
            (Path::Exact(ab()), true, "/aB", true),
            (Path::PathSeparatedPrefix(ab()), false, "/Ab", true),
            (Path::PathSeparatedPrefix(ab()), false, "/Ab/c?d", true),
            (Path::PathSeparatedPrefix(ab()), false, "/Ab?d", true),
            (Path::PathSeparatedPrefix(ab()), false, "/Abc", false),
            (Path::PathSeparatedPrefix(ab()), true, "/aB/c", true),
            (Path::Regex("/A.".into()), false, "/Ab?x", true),
            (Path::Regex("/A.".into()), false, "/Abc", false),
            (Path::UriTemplate("/*".into()), false, "/a?x", true),
            (Path::Connect(true), false, "/", false),
        ];
        for (path, case_insensitive, target, expected) in cases {
            let what = format!("{path:?} {case_insensitive} {target}");
            assert_eq!(matches(path, case_insensitive, target), expected, "{what}");
        }
    }
}
