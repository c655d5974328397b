//! Changes of the query of a request: the query_parameter_mutations of the header_mutation filter.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::compile::{each, At, Result};
use crate::formatter::Formatter;
use crate::matcher::{decoded_parameter, query_parameters};
use crate::proto;
use crate::proto::AppendAction;

/// Changes that are made in order.
pub struct QueryMutations(Vec<Change>);

struct Change {
    name: Vec<u8>,
    /// None: parameters of the name go.
    value: Option<(Formatter, AppendAction)>,
}

impl QueryMutations {
    /// Fails when a format is not valid.
    pub fn compile(messages: &[proto::QueryMutation]) -> Result<Self> {
        each(messages, "query", |message| {
            let value = message.value.as_ref().map(Formatter::compile).transpose().at("value")?;
            let value = value.map(|value| (value, message.action()));
            Ok(Change { name: message.name.clone().into_bytes(), value })
        })
        .map(Self)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The target with its changed query, whose parameters are in the order of their names, as in Envoy. What is not
    /// changed stays as it is written: decoded it might not be a target any more. `format` appends the value of a
    /// formatter.
    pub fn apply(&self, target: &[u8], format: impl Fn(&Formatter, &mut Vec<u8>)) -> Vec<u8> {
        let mut parameters = parse(target);
        for change in &self.0 {
            let Some((formatter, action)) = &change.value else {
                parameters.remove(&change.name);
                continue;
            };
            let there = parameters.contains_key(&change.name);
            let (wanted, overwrite) = match action {
                AppendAction::AppendIfExistsOrAdd => (true, false),
                AppendAction::AddIfAbsent => (!there, false),
                AppendAction::OverwriteIfExistsOrAdd => (true, true),
                AppendAction::OverwriteIfExists => (there, true),
            };
            if wanted {
                let mut value = Vec::new();
                format(formatter, &mut value);
                let pairs = parameters.entry(change.name.clone()).or_default();
                if overwrite {
                    pairs.clear();
                }
                pairs.push(Cow::Owned(encoded_pair(&change.name, &value)));
            }
        }
        write(target, &parameters)
    }
}

/// Pairs as they are written, by their decoded names.
type Parameters<'a> = BTreeMap<Vec<u8>, Vec<Cow<'a, [u8]>>>;

fn parse(target: &[u8]) -> Parameters<'_> {
    let mut parameters = Parameters::new();
    let mut pairs = query_parameters(target).peekable();
    while let Some(pair) = pairs.next() {
        // Nothing after the last `&` is no parameter.
        if !pair.is_empty() || pairs.peek().is_some() {
            let (name, _) = decoded_parameter(pair);
            parameters.entry(name).or_default().push(with_equals(pair));
        }
    }
    parameters
}

/// A name without a value gets an empty one.
fn with_equals(pair: &[u8]) -> Cow<'_, [u8]> {
    match pair.contains(&b'=') {
        true => Cow::Borrowed(pair),
        false => Cow::Owned([pair, b"="].concat()),
    }
}

fn encoded_pair(name: &[u8], value: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    encode(name, &mut out);
    out.push(b'=');
    encode(value, &mut out);
    out
}

/// Percent-encodes all but unreserved characters (RFC 3986 section 2.3).
fn encode(text: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in text {
        match byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            true => out.push(byte),
            false => {
                out.extend([b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]])
            }
        }
    }
}

fn write(target: &[u8], parameters: &Parameters<'_>) -> Vec<u8> {
    let end = memchr::memchr(b'?', target).unwrap_or(target.len());
    let mut out = target[..end].to_vec();
    for pair in parameters.values().flatten() {
        out.push(if out.len() == end { b'?' } else { b'&' });
        out.extend_from_slice(pair);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::QueryMutations;
    use crate::proto::{format_piece, AppendAction, Format, FormatPiece, QueryMutation};

    fn changed(target: &str, changes: &[(&str, Option<(&str, AppendAction)>)]) -> String {
        let message = |(name, value): &(&str, Option<(&str, AppendAction)>)| QueryMutation {
            name: (*name).into(),
            value: value.map(|(text, _)| {
                let kind = Some(format_piece::Kind::Literal(text.into()));
                Format { pieces: vec![FormatPiece { kind }], omit_empty: true }
            }),
            action: value.map_or(0, |(_, action)| action.into()),
        };
        let messages: Vec<_> = changes.iter().map(message).collect();
        let mutations = QueryMutations::compile(&messages).unwrap();
        let info = crate::route::test_support::stream_info();
        let context = crate::formatter::FormatContext {
            info: &info,
            request: None,
            response: None,
            trailers: None,
            local_reply_body: b"",
            log_type: crate::formatter::LogType::NotSet,
        };
        let out =
            mutations.apply(target.as_bytes(), |formatter, out| formatter.format(&context, out));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_action_has_its_way() {
        use AppendAction::*;
        let one = |target, action| changed(target, &[("a", Some(("x", action)))]);
        assert_eq!(one("/p?a=1", AppendIfExistsOrAdd), "/p?a=1&a=x");
        assert_eq!(one("/p?a=1", AddIfAbsent), "/p?a=1");
        assert_eq!(one("/p", AddIfAbsent), "/p?a=x");
        assert_eq!(one("/p?a=1&a=2", OverwriteIfExistsOrAdd), "/p?a=x");
        assert_eq!(one("/p?b=1", OverwriteIfExists), "/p?b=1");
        assert_eq!(changed("/p?a=1&b", &[("a", None)]), "/p?b=");
        assert_eq!(changed("/p?a=1", &[("a", None)]), "/p");
        assert_eq!(changed("/p?", &[("a", None)]), "/p");
    }

    #[test]
    fn what_is_written_stays_a_target() {
        let added = [("n m", Some(("a b/%", AppendAction::AppendIfExistsOrAdd)))];
        assert_eq!(changed("/p?x=%0D%0A&b", &added), "/p?b=&n%20m=a%20b%2F%25&x=%0D%0A");
        assert_eq!(changed("/p?%61=1&c=2&", &[("a", None)]), "/p?c=2");
    }
}
