//! Matching a value of metadata.
//! <https://www.envoyproxy.io/docs/envoy/latest/api-v3/type/matcher/v3/value.proto>

use serde_json::Value;

use super::{Regexes, StringMatcher};
use crate::compile::{each, At, CompileError, Result};
use crate::formatter::find_value;
use crate::proto::{self, metadata_value::Kind};

/// `envoy.type.matcher.v3.MetadataMatcher`.
#[derive(Debug, Clone)]
pub struct MetadataMatcher {
    /// The namespace first.
    path: Vec<String>,
    value: ValueMatcher,
    invert: bool,
}

impl MetadataMatcher {
    /// # Errors
    /// There is no value to compare with, or none that can be.
    pub fn compile(message: &proto::MetadataMatch, regexes: &Regexes) -> Result<Self> {
        let value = message.value.as_ref();
        let value = value.ok_or_else(|| CompileError::new("a value is missing"))?;
        Ok(Self {
            path: message.path.clone(),
            value: ValueMatcher::compile(value, regexes)?,
            invert: message.invert,
        })
    }

    pub fn matches(&self, all: Option<&Value>) -> bool {
        self.value.matches(all.and_then(|all| find_value(all, &self.path))) != self.invert
    }
}

#[derive(Debug, Clone)]
pub enum ValueMatcher {
    Equal(Value),
    String(StringMatcher),
    Present(bool),
    /// From the first number on, below the second.
    Range(f64, f64),
    AnyItem(Box<ValueMatcher>),
    AnyOf(Vec<ValueMatcher>),
}

impl ValueMatcher {
    /// # Errors
    /// A value that is no JSON, a regex that is none, or nothing to compare with.
    pub fn compile(message: &proto::MetadataValue, regexes: &Regexes) -> Result<Self> {
        Ok(match &message.kind {
            Some(Kind::Json(text)) => Self::Equal(
                serde_json::from_str(text)
                    .map_err(|error| CompileError::new(format!("{text:?}: {error}")))?,
            ),
            Some(Kind::String(string)) => {
                Self::String(StringMatcher::compile(string, regexes).at("string")?)
            }
            Some(Kind::Present(present)) => Self::Present(*present),
            Some(Kind::Range(range)) => Self::Range(range.start, range.end),
            Some(Kind::AnyItem(inner)) => {
                Self::AnyItem(Box::new(Self::compile(inner, regexes).at("any_item")?))
            }
            Some(Kind::AnyOf(all)) => Self::AnyOf(
                each(&all.values, "values", |value| Self::compile(value, regexes)).at("any_of")?,
            ),
            None => return Err(CompileError::new("a metadata matcher needs a value")),
        })
    }

    pub fn matches(&self, found: Option<&Value>) -> bool {
        let Some(value) = found else { return matches!(self, Self::Present(false)) };
        match self {
            Self::Equal(wanted) => match (wanted.as_f64(), value.as_f64()) {
                // Numbers of metadata are doubles, however they are written.
                (Some(wanted), Some(found)) => wanted == found,
                _ => wanted == value,
            },
            Self::String(matcher) => value.as_str().is_some_and(|t| matcher.matches(t.as_bytes())),
            Self::Present(wanted) => *wanted,
            Self::Range(start, end) => value.as_f64().is_some_and(|n| *start <= n && n < *end),
            Self::AnyItem(inner) => {
                let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
                items.iter().any(|item| inner.matches(Some(item)))
            }
            Self::AnyOf(all) => all.iter().any(|each| each.matches(Some(value))),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Kind, ValueMatcher};
    use crate::matcher::Regexes;
    use crate::proto;

    #[test]
    fn kinds_of_values() {
        let matcher = |kind| {
            let message = proto::MetadataValue { kind: Some(kind) };
            ValueMatcher::compile(&message, &Regexes::default()).unwrap()
        };
        let one = || Kind::Json("1".into());
        assert!(matcher(one()).matches(Some(&json!(1.0))) && !matcher(one()).matches(None));
        assert!(!matcher(Kind::Json("true".into())).matches(Some(&json!("true"))));
        let range = Kind::Range(proto::DoubleRange { start: 1.0, end: 2.0 });
        let range = matcher(range);
        assert!(range.matches(Some(&json!(1))) && !range.matches(Some(&json!(2))));
        let inner = proto::MetadataValue { kind: Some(one()) };
        let item = matcher(Kind::AnyItem(Box::new(inner)));
        assert!(item.matches(Some(&json!([2, 1]))) && !item.matches(Some(&json!(1))));
        assert!(matcher(Kind::Present(false)).matches(None));
        assert!(!matcher(Kind::Present(false)).matches(Some(&json!(1))));
    }
}
