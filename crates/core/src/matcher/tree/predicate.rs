//! Conditions of a list.

use super::{text_of, Input, Inputs, Undecided};
use crate::cel::Program;
use crate::compile::{each, At, CompileError, Result};
use crate::hash::xxhash64;
use crate::matcher::{Cidr, Regexes, StringMatcher, ValueMatcher};
use crate::proto::{self, match_predicate};

pub enum Predicate {
    Text(Input, StringMatcher),
    /// The text is an address in one of these.
    Ranges(Input, Vec<Cidr>),
    Hashed(Input, match_predicate::Hashed),
    /// Of metadata, and whether it is inverted.
    Value(Input, ValueMatcher, bool),
    Expression(Program),
    Or(Vec<Predicate>),
    And(Vec<Predicate>),
    Not(Box<Predicate>),
}

impl Predicate {
    /// # Errors
    /// A part that cannot be, with its path.
    pub fn compile(message: &proto::MatchPredicate, regexes: &Regexes) -> Result<Self> {
        let all = |set: &match_predicate::Predicates| {
            each(&set.predicates, "predicates", |inner| Self::compile(inner, regexes))
        };
        match &message.kind {
            Some(match_predicate::Kind::Single(single)) => Self::single(single, regexes),
            Some(match_predicate::Kind::Or(set)) => Ok(Self::Or(all(set).at("or")?)),
            Some(match_predicate::Kind::And(set)) => Ok(Self::And(all(set).at("and")?)),
            Some(match_predicate::Kind::Not(inner)) => {
                Ok(Self::Not(Box::new(Self::compile(inner, regexes).at("not")?)))
            }
            None => Err(CompileError::new("a predicate is empty")),
        }
    }

    fn single(message: &match_predicate::Single, regexes: &Regexes) -> Result<Self> {
        use match_predicate::single::Kind;
        if let Some(Kind::Expression(expression)) = &message.kind {
            return Ok(Self::Expression(Program::compile(expression).at("expression")?));
        }
        let input = Input::compile(message.input.as_ref())?;
        Ok(match &message.kind {
            Some(Kind::String(string)) => {
                Self::Text(input, StringMatcher::compile(string, regexes)?)
            }
            Some(Kind::Ranges(cidrs)) => {
                Self::Ranges(input, each(&cidrs.ranges, "ranges", Cidr::compile)?)
            }
            Some(Kind::Hashed(hashed)) if hashed.modulo > 0 => Self::Hashed(input, *hashed),
            Some(Kind::Hashed(_)) => return Err(CompileError::new("the modulo is 0")),
            Some(Kind::Value(message)) => {
                let value = message.value.clone().unwrap_or_default();
                let value = ValueMatcher::compile(&value, regexes).at("value")?;
                Self::Value(input, value, message.invert)
            }
            Some(Kind::Expression(_)) | None => {
                return Err(CompileError::new("a predicate compares with nothing"))
            }
        })
    }

    pub fn holds(&self, inputs: &impl Inputs) -> std::result::Result<bool, Undecided> {
        Ok(match self {
            Self::Text(input, matcher) => {
                text_of(input, inputs)?.is_some_and(|text| matcher.matches(text.as_bytes()))
            }
            Self::Ranges(input, ranges) => {
                let address = text_of(input, inputs)?.and_then(|text| text.parse().ok());
                address.is_some_and(|address| ranges.iter().any(|range| range.contains(address)))
            }
            Self::Hashed(input, wanted) => text_of(input, inputs)?.is_some_and(|text| {
                let hash = xxhash64(text.as_bytes(), wanted.seed);
                hash % u64::from(wanted.modulo) >= u64::from(wanted.threshold)
            }),
            // Other inputs are texts, which are never metadata.
            Self::Value(input, matcher, invert) => {
                input.is_metadata() && matcher.matches(inputs.value(input)) != *invert
            }
            Self::Expression(program) => {
                inputs.expression_context().is_some_and(|context| program.holds(&context))
            }
            Self::Or(all) => any_holds(all, inputs)?,
            Self::And(all) => {
                for each in all {
                    if !each.holds(inputs)? {
                        return Ok(false);
                    }
                }
                true
            }
            Self::Not(inner) => !inner.holds(inputs)?,
        })
    }
}

/// One that holds decides, whatever is not known of the others.
fn any_holds(all: &[Predicate], inputs: &impl Inputs) -> std::result::Result<bool, Undecided> {
    let mut result = Ok(false);
    for each in all {
        match each.holds(inputs) {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(undecided) => result = Err(undecided),
        }
    }
    result
}
