//! Metadata that a request asks its host to have: `metadata_match`, and what filters add to it.

use serde_json::{Map, Value};
use smallvec::SmallVec;

use crate::compile::{CompileError, Result};

/// The namespace of metadata that load balancing reads.
pub const NAMESPACE: &str = "envoy.lb";
/// Criteria to try one after the other.
const FALLBACK_LIST: &str = "fallback_list";

/// A name and the value that it has to have.
pub struct Criterion {
    pub name: Box<str>,
    /// As JSON.
    pub value: Box<str>,
    /// Of a `fallback_list`.
    alternatives: Box<[Criteria]>,
}

/// Criteria in the order of their names.
pub struct Criteria(Box<[Criterion]>);

/// Some of the criteria, in the order of their names.
pub type Asked<'a> = SmallVec<[&'a Criterion; 8]>;

impl Criteria {
    /// From a JSON object; none from "" and from an empty one.
    ///
    /// # Errors
    /// It is not a JSON object.
    pub fn compile(json: &str) -> Result<Option<Self>> {
        if json.is_empty() {
            return Ok(None);
        }
        let map: Map<_, _> =
            serde_json::from_str(json).map_err(|error| CompileError::new(error.to_string()))?;
        Ok((!map.is_empty()).then(|| Self::of(&map)))
    }

    pub fn of(map: &Map<String, Value>) -> Self {
        let mut all: Vec<_> = map.iter().map(|(name, value)| Criterion::new(name, value)).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Self(all.into())
    }

    pub fn iter(&self) -> impl Iterator<Item = &Criterion> {
        self.0.iter()
    }

    /// `asked` with these in place of those of the same names.
    pub fn over<'a>(&'a self, asked: &[&'a Criterion]) -> Asked<'a> {
        let kept = |old: &&&Criterion| self.0.iter().all(|new| new.name != old.name);
        let mut merged: Asked<'a> = asked.iter().filter(kept).copied().collect();
        merged.extend(self.0.iter());
        merged.sort_by(|a, b| a.name.cmp(&b.name));
        merged
    }
}

impl Criterion {
    fn new(name: &str, value: &Value) -> Self {
        let alternatives = match value {
            Value::Array(list) if name == FALLBACK_LIST => list.iter().map(alternative).collect(),
            _ => Box::default(),
        };
        Self { name: name.into(), value: text(value), alternatives }
    }
}

/// A value as the index of subsets knows it.
pub fn text(value: &Value) -> Box<str> {
    value.to_string().into()
}

fn alternative(value: &Value) -> Criteria {
    value.as_object().map_or_else(|| Criteria(Box::default()), Criteria::of)
}

/// Takes the list of alternatives out of `asked`, if there is one.
pub fn take_alternatives<'a>(asked: &mut Asked<'a>) -> Option<&'a [Criteria]> {
    let place = asked.iter().position(|criterion| &*criterion.name == FALLBACK_LIST)?;
    Some(&asked.remove(place).alternatives)
}

/// Those of `asked` that `names` has.
pub fn named<'a>(asked: &[&'a Criterion], names: &[Box<str>]) -> Asked<'a> {
    asked.iter().filter(|criterion| names.contains(&criterion.name)).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::{named, take_alternatives, Asked, Criteria};

    fn criteria(json: &str) -> Criteria {
        Criteria::compile(json).unwrap().unwrap()
    }

    fn text(asked: &Asked<'_>) -> String {
        let pairs = asked.iter().map(|criterion| format!("{}={}", criterion.name, criterion.value));
        pairs.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn later_criteria_take_the_place_of_earlier_ones() {
        let (first, second) =
            (criteria(r#"{"b": 1, "a": "x"}"#), criteria(r#"{"c": true, "b": 2}"#));
        let asked: Asked<'_> = first.iter().collect();
        assert_eq!(text(&asked), "a=\"x\" b=1");
        assert_eq!(text(&second.over(&asked)), "a=\"x\" b=2 c=true");
        assert_eq!(text(&named(&asked, &["b".into(), "z".into()])), "b=1");
    }

    #[test]
    fn alternatives_are_no_criterion_of_their_own() {
        let all = criteria(r#"{"a": 1, "fallback_list": [{"a": 2}, "odd"]}"#);
        let mut asked: Asked<'_> = all.iter().collect();
        let alternatives = take_alternatives(&mut asked).unwrap();
        assert_eq!(text(&asked), "a=1");
        let tried: Vec<_> = alternatives.iter().map(|each| text(&each.over(&asked))).collect();
        assert_eq!(tried, ["a=2", "a=1"]);
        assert!(take_alternatives(&mut asked).is_none());
    }

    #[test]
    fn no_criteria() {
        assert!(Criteria::compile("").unwrap().is_none());
        assert!(Criteria::compile("{}").unwrap().is_none());
        assert!(Criteria::compile("[]").is_err());
    }
}
