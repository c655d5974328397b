//! The rules of the header_mutation filter: removals and additions, one after the other.

use super::mutation::HeaderAddition;
use super::query_mutation::QueryMutations;
use crate::compile::{each, At, CompileError, Result};
use crate::formatter::Formatter;
use crate::headers::{HeaderName, Headers, Side};
use crate::matcher::{Regexes, StringMatcher};
use crate::proto;
use crate::proto::header_mutation::Kind;

/// `envoy.extensions.filters.http.header_mutation.v3`: what happens to requests and to responses.
pub struct HeaderMutationRules {
    pub request: MutationList,
    pub query: QueryMutations,
    pub request_trailers: MutationList,
    pub response: MutationList,
    pub response_trailers: MutationList,
    /// Whether rules of less specific levels come first, so that the most specific ones win.
    pub most_specific_wins: bool,
}

impl HeaderMutationRules {
    /// Fails when a format or a regex is not valid.
    pub fn compile(message: &proto::HeaderMutationFilter, regexes: &Regexes) -> Result<Self> {
        Ok(Self {
            request: MutationList::compile(&message.request, regexes).at("request")?,
            query: QueryMutations::compile(&message.query)?,
            request_trailers: MutationList::compile(&message.request_trailers, regexes)
                .at("request_trailers")?,
            response: MutationList::compile(&message.response, regexes).at("response")?,
            response_trailers: MutationList::compile(&message.response_trailers, regexes)
                .at("response_trailers")?,
            most_specific_wins: message.most_specific_header_mutations_wins,
        })
    }

    /// There is something to be done with trailers.
    pub fn has_trailers(&self) -> bool {
        !self.request_trailers.steps.is_empty() || !self.response_trailers.steps.is_empty()
    }
}

/// Changes that are made in order, each seeing what those before did.
pub struct MutationList {
    steps: Vec<Step>,
}

enum Step {
    Remove(HeaderName),
    RemoveOnMatch(StringMatcher),
    Add(Box<HeaderAddition>),
}

impl MutationList {
    /// Fails when a format or a regex is not valid.
    pub fn compile(messages: &[proto::HeaderMutation], regexes: &Regexes) -> Result<Self> {
        Ok(Self { steps: each(messages, "mutations", |message| Step::compile(message, regexes))? })
    }

    /// `format` appends the value of a formatter, seeing the headers as they are.
    pub fn apply(
        &self,
        headers: &mut Headers,
        side: Side,
        format: impl Fn(&Formatter, &Headers, &mut Vec<u8>),
    ) {
        for step in &self.steps {
            match step {
                Step::Remove(name) => {
                    headers.remove(name);
                }
                Step::RemoveOnMatch(matcher) => {
                    headers.retain(|id, name, _| id.is_pseudo() || !matcher.matches(name));
                }
                Step::Add(addition) => addition.apply(headers, side, &format),
            }
        }
    }
}

impl Step {
    fn compile(message: &proto::HeaderMutation, regexes: &Regexes) -> Result<Self> {
        match &message.kind {
            Some(Kind::Remove(name)) => Ok(Self::Remove(HeaderName::new(name))),
            Some(Kind::RemoveOnMatch(matcher)) => Ok(Self::RemoveOnMatch(
                StringMatcher::compile(matcher, regexes).at("remove_on_match")?,
            )),
            Some(Kind::Append(option)) => {
                Ok(Self::Add(Box::new(HeaderAddition::compile(option).at("append")?)))
            }
            None => Err(CompileError::new("a header mutation needs an action")),
        }
    }
}
