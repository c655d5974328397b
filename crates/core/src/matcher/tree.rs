//! Matcher trees (xds.type.matcher.v3.Matcher) over what is known of a connection.
//! <https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/advanced/matching/matching_api>

mod build;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::IpAddr;

use super::{Cidr, StringMatcher};
use crate::cel::Program;
use crate::formatter::FormatContext;
use crate::headers::HeaderName;
use crate::proto::match_input::Kind as InputKind;

/// Where a tree finds its inputs.
pub trait Inputs {
    /// None when there is no such thing.
    fn text(&self, input: &Input) -> Option<Cow<'_, str>>;
    /// The same as an address, for inputs that are one.
    fn address(&self, input: &Input) -> Option<IpAddr>;
    /// What expressions are about; only of requests.
    fn expression_context(&self) -> Option<FormatContext<'_>> {
        None
    }
}

/// What is looked at.
#[derive(Clone, Debug)]
pub struct Input {
    pub kind: InputKind,
    /// Of filter state or metadata.
    pub path: Vec<String>,
    pub header: Option<HeaderName>,
}

/// A tree that gives an action `A`.
pub struct Matcher<A> {
    kind: Kind<A>,
    on_no_match: Option<Box<OnMatch<A>>>,
}

enum Kind<A> {
    /// No criteria.
    None,
    List(Vec<(Predicate, OnMatch<A>)>),
    Exact(Input, HashMap<String, OnMatch<A>>),
    /// Longest prefix first.
    Prefix(Input, Vec<(String, OnMatch<A>)>),
    /// Smallest range first, with the place of its action, and whether it is exclusive.
    Ranges(Input, Vec<(Cidr, usize)>, Vec<(OnMatch<A>, bool)>),
    /// Names, wildcards as `.suffix` and the empty text for any, with the place of the action.
    Domains(Input, HashMap<String, usize>, Vec<OnMatch<A>>),
}

enum OnMatch<A> {
    Action(A),
    Matcher(Matcher<A>),
}

enum Predicate {
    Text(Input, StringMatcher),
    Ranges(Input, Vec<Cidr>),
    Expression(Program),
    Or(Vec<Predicate>),
    And(Vec<Predicate>),
    Not(Box<Predicate>),
}

impl<A> Matcher<A> {
    /// The action for what `inputs` tell; none when nothing matches.
    pub fn find(&self, inputs: &impl Inputs) -> Option<&A> {
        let found = match &self.kind {
            Kind::None => None,
            Kind::List(list) => list
                .iter()
                .filter(|(predicate, _)| predicate.holds(inputs))
                .find_map(|(_, found)| found.action(inputs)),
            Kind::Exact(input, map) => inputs
                .text(input)
                .and_then(|text| map.get(text.as_ref()))
                .and_then(|found| found.action(inputs)),
            Kind::Prefix(input, entries) => inputs.text(input).and_then(|text| {
                let mut known = entries.iter().filter(|(key, _)| text.starts_with(key.as_str()));
                known.find_map(|(_, found)| found.action(inputs))
            }),
            Kind::Ranges(input, ranges, actions) => {
                inputs.address(input).and_then(|ip| by_range(ip, ranges, actions, inputs))
            }
            Kind::Domains(input, names, actions) => inputs.text(input).and_then(|name| {
                let mut places = candidates(&name).filter_map(|name| names.get(name));
                places.find_map(|place| actions[*place].action(inputs))
            }),
        };
        found.or_else(|| self.on_no_match.as_ref()?.action(inputs))
    }
}

fn by_range<'a, A>(
    address: IpAddr,
    ranges: &[(Cidr, usize)],
    actions: &'a [(OnMatch<A>, bool)],
    inputs: &impl Inputs,
) -> Option<&'a A> {
    let known = ranges.iter().filter(|(range, _)| range.contains(address));
    // An exclusive range counts only where no smaller one holds the address.
    let mut usable = known
        .enumerate()
        .map(|(rank, (_, place))| (rank, &actions[*place]))
        .filter(|(rank, (_, exclusive))| *rank == 0 || !exclusive);
    usable.find_map(|(_, (found, _))| found.action(inputs))
}

/// A name, its suffixes with their dot from the longest to the shortest, and what stands for any name.
fn candidates(name: &str) -> impl Iterator<Item = &str> {
    let suffixes = name.char_indices().filter(|(at, c)| *at > 0 && *c == '.');
    std::iter::once(name).chain(suffixes.map(move |(at, _)| &name[at..])).chain(std::iter::once(""))
}

impl<A> OnMatch<A> {
    fn action(&self, inputs: &impl Inputs) -> Option<&A> {
        match self {
            Self::Action(action) => Some(action),
            Self::Matcher(matcher) => matcher.find(inputs),
        }
    }
}

impl Predicate {
    fn holds(&self, inputs: &impl Inputs) -> bool {
        match self {
            Self::Text(input, matcher) => {
                inputs.text(input).is_some_and(|text| matcher.matches(text.as_bytes()))
            }
            Self::Ranges(input, ranges) => inputs
                .address(input)
                .is_some_and(|address| ranges.iter().any(|range| range.contains(address))),
            Self::Expression(program) => {
                inputs.expression_context().is_some_and(|context| program.holds(&context))
            }
            Self::Or(all) => all.iter().any(|each| each.holds(inputs)),
            Self::And(all) => all.iter().all(|each| each.holds(inputs)),
            Self::Not(inner) => !inner.holds(inputs),
        }
    }
}
