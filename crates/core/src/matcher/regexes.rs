//! Regular expressions as RE2 reads them, each compiled once.

use std::cell::RefCell;
use std::collections::HashMap;

use regex::bytes::{Regex, RegexBuilder};

use super::re2;
use crate::compile::{CompileError, Result};

/// Bytes that one compiled expression may take; RE2 bounds its programs too.
const SIZE_LIMIT: usize = 32 << 20;

/// The same for one that requests may make, and make anew each time.
const SMALL_SIZE_LIMIT: usize = 64 << 10;

/// Compiles expressions and hands out the same one for the same text. Lives as long as one resource compiles.
#[derive(Default)]
pub struct Regexes {
    whole: RefCell<HashMap<String, Regex>>,
    anywhere: RefCell<HashMap<String, Regex>>,
}

impl Regexes {
    /// An expression that must match all of the text (`safe_regex` of the API).
    pub fn whole(&self, pattern: &str) -> Result<Regex> {
        shared(&self.whole, pattern, |translated| format!(r"\A(?:{translated})\z"))
    }

    /// An expression that is searched for in the text (the pattern of a rewrite).
    pub fn anywhere(&self, pattern: &str) -> Result<Regex> {
        shared(&self.anywhere, pattern, |translated| translated)
    }
}

fn shared(
    cache: &RefCell<HashMap<String, Regex>>,
    pattern: &str,
    wrap: impl FnOnce(String) -> String,
) -> Result<Regex> {
    if let Some(regex) = cache.borrow().get(pattern) {
        return Ok(regex.clone());
    }
    let regex = compiled(pattern, wrap, SIZE_LIMIT)?;
    cache.borrow_mut().insert(pattern.to_owned(), regex.clone());
    Ok(regex)
}

/// An expression that is searched for in a text, and that takes little to compile.
///
/// # Errors
/// It is none, or too large.
pub fn small_regex(pattern: &str) -> Result<Regex> {
    compiled(pattern, |translated| translated, SMALL_SIZE_LIMIT)
}

fn compiled(
    pattern: &str,
    wrap: impl FnOnce(String) -> String,
    size_limit: usize,
) -> Result<Regex> {
    let invalid =
        |reason: String| CompileError::new(format!("invalid regex '{pattern}': {reason}"));
    let translated = re2::translate(pattern).map_err(invalid)?;
    RegexBuilder::new(&wrap(translated))
        .unicode(false)
        .octal(true)
        .size_limit(size_limit)
        .build()
        .map_err(|error| invalid(last_line(&error)))
}

/// The reason of an error that is printed as a picture of the pattern with the reason below.
fn last_line(error: &regex::Error) -> String {
    let text = error.to_string();
    text.lines().last().unwrap_or(&text).trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::Regexes;

    #[test]
    fn a_whole_expression_matches_all_or_nothing() {
        let regexes = Regexes::default();
        let regex = regexes.whole("a|ab").unwrap_or_else(|e| unreachable!("{e}"));
        assert!(regex.is_match(b"ab") && regex.is_match(b"a"));
        assert!(!regex.is_match(b"abc") && !regex.is_match(b"xa"));
    }

    #[test]
    fn a_mistake_is_named() {
        let error = Regexes::default().whole("(").err().map(|e| e.reason);
        assert_eq!(error.as_deref(), Some("invalid regex '(': unclosed group"));
    }
}
