//! Matcher trees (xds.type.matcher.v3.Matcher) over what is known of a connection, or of a request and its response.
//! <https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/advanced/matching/matching_api>

mod actions;
mod build;
mod predicate;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::IpAddr;

use serde_json::Value;

use super::Cidr;
use crate::formatter::FormatContext;
use crate::headers::HeaderName;
use crate::proto::match_input::Kind as InputKind;

use predicate::Predicate;

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

    /// The value of an input that is no text but metadata.
    fn value(&self, _input: &Input) -> Option<&Value> {
        None
    }

    /// Whether it can be told what there is; false for what may come later, such as a response.
    fn is_known(&self, _input: &Input) -> bool {
        true
    }
}

/// An input that decides is not known yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undecided;

type Found<'a, A> = Result<Option<&'a A>, Undecided>;

/// What is looked at.
#[derive(Clone, Debug)]
pub struct Input {
    pub kind: InputKind,
    /// Of filter state, metadata or a query parameter; the text of a constant.
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

impl<A> Matcher<A> {
    /// The action for what `inputs` tell; none when nothing matches, or nothing can be told yet.
    pub fn find(&self, inputs: &impl Inputs) -> Option<&A> {
        self.search(inputs).unwrap_or(None)
    }

    /// The same for inputs of which some come later.
    ///
    /// # Errors
    /// One of these decides.
    pub fn search(&self, inputs: &impl Inputs) -> Result<Option<&A>, Undecided> {
        let found = match &self.kind {
            Kind::None => None,
            Kind::List(list) => first_holding(list, inputs)?,
            Kind::Exact(input, map) => {
                let text = text_of(input, inputs)?;
                first(text.and_then(|text| map.get(text.as_ref())), inputs)?
            }
            Kind::Prefix(input, entries) => {
                let text = text_of(input, inputs)?;
                let starts = |key: &str| text.as_ref().is_some_and(|text| text.starts_with(key));
                let known = entries.iter().filter(|(key, _)| starts(key));
                first(known.map(|(_, found)| found), inputs)?
            }
            Kind::Ranges(input, ranges, actions) => {
                let address = inputs.is_known(input).then(|| inputs.address(input));
                match address.ok_or(Undecided)? {
                    Some(address) => first(by_range(address, ranges, actions), inputs)?,
                    None => None,
                }
            }
            Kind::Domains(input, names, actions) => {
                let name = text_of(input, inputs)?;
                let names =
                    name.iter().flat_map(|name| candidates(name).filter_map(|n| names.get(n)));
                first(names.map(|place| &actions[*place]), inputs)?
            }
        };
        match (found, &self.on_no_match) {
            (None, Some(otherwise)) => otherwise.action(inputs),
            (found, _) => Ok(found),
        }
    }
}

fn text_of<'a>(
    input: &'a Input,
    inputs: &'a impl Inputs,
) -> Result<Option<Cow<'a, str>>, Undecided> {
    if input.kind == InputKind::Constant {
        return Ok(input.path.first().map(|text| Cow::Borrowed(text.as_str())));
    }
    inputs.is_known(input).then(|| inputs.text(input)).ok_or(Undecided)
}

/// The first action that one of `candidates` gives.
fn first<'a, A: 'a>(
    candidates: impl IntoIterator<Item = &'a OnMatch<A>>,
    inputs: &impl Inputs,
) -> Found<'a, A> {
    candidates.into_iter().find_map(|found| found.action(inputs).transpose()).transpose()
}

fn first_holding<'a, A>(list: &'a [(Predicate, OnMatch<A>)], inputs: &impl Inputs) -> Found<'a, A> {
    for (predicate, found) in list {
        if predicate.holds(inputs)? {
            if let Some(action) = found.action(inputs)? {
                return Ok(Some(action));
            }
        }
    }
    Ok(None)
}

fn by_range<'a, A>(
    address: IpAddr,
    ranges: &'a [(Cidr, usize)],
    actions: &'a [(OnMatch<A>, bool)],
) -> impl Iterator<Item = &'a OnMatch<A>> {
    let known = ranges.iter().filter(move |(range, _)| range.contains(address));
    // An exclusive range counts only where no smaller one holds the address.
    known
        .enumerate()
        .map(|(rank, (_, place))| (rank, &actions[*place]))
        .filter(|(rank, (_, exclusive))| *rank == 0 || !exclusive)
        .map(|(_, (found, _))| found)
}

/// A name, its suffixes with their dot from the longest to the shortest, and what stands for any name.
fn candidates(name: &str) -> impl Iterator<Item = &str> {
    let suffixes = name.char_indices().filter(|(at, c)| *at > 0 && *c == '.');
    std::iter::once(name).chain(suffixes.map(move |(at, _)| &name[at..])).chain(std::iter::once(""))
}

impl<A> OnMatch<A> {
    fn action(&self, inputs: &impl Inputs) -> Found<'_, A> {
        match self {
            Self::Action(action) => Ok(Some(action)),
            Self::Matcher(matcher) => matcher.search(inputs),
        }
    }
}
