//! Building a tree from its message.

use super::{Input, Kind, Matcher, OnMatch, Predicate};
use crate::compile::{each, At, CompileError, Result};
use crate::headers::HeaderName;
use crate::matcher::{Cidr, Regexes};
use crate::proto::match_input::Kind as InputKind;
use crate::proto::{self, matcher, matcher_tree, on_match};

/// Makes an action of its message.
pub type Action<'a, A> = &'a dyn Fn(&proto::MatchAction) -> Result<A>;

impl<A> Matcher<A> {
    /// # Errors
    /// A part that cannot be taken, with its path.
    pub fn compile(
        message: &proto::Matcher,
        regexes: &Regexes,
        action: Action<'_, A>,
    ) -> Result<Self> {
        let kind = match &message.kind {
            None => Kind::None,
            Some(matcher::Kind::List(list)) => Kind::List(
                each(&list.matchers, "matchers", |field| field_matcher(field, regexes, action))
                    .at("list")?,
            ),
            Some(matcher::Kind::Tree(tree)) => tree_kind(tree, regexes, action).at("tree")?,
        };
        let on_no_match = message.on_no_match.as_deref();
        let on_no_match = on_no_match.map(|found| on_match(found, regexes, action)).transpose();
        Ok(Self { kind, on_no_match: on_no_match.at("on_no_match")?.map(Box::new) })
    }
}

fn field_matcher<A>(
    message: &proto::FieldMatcher,
    regexes: &Regexes,
    action: Action<'_, A>,
) -> Result<(Predicate, OnMatch<A>)> {
    let missing = || CompileError::new("a predicate or what follows from it is missing");
    let condition = message.predicate.as_ref().ok_or_else(missing)?;
    let found = message.on_match.as_ref().ok_or_else(missing)?;
    let condition = Predicate::compile(condition, regexes).at("predicate")?;
    Ok((condition, on_match(found, regexes, action).at("on_match")?))
}

fn on_match<A>(
    message: &proto::OnMatch,
    regexes: &Regexes,
    action: Action<'_, A>,
) -> Result<OnMatch<A>> {
    match &message.kind {
        Some(on_match::Kind::Action(message)) => Ok(OnMatch::Action(action(message).at("action")?)),
        Some(on_match::Kind::Matcher(inner)) => {
            Ok(OnMatch::Matcher(Matcher::compile(inner, regexes, action).at("matcher")?))
        }
        None => Err(CompileError::new("an action or a matcher is missing")),
    }
}

impl Input {
    pub(super) fn compile(message: Option<&proto::MatchInput>) -> Result<Self> {
        let message = message.ok_or_else(|| CompileError::new("an input is missing"))?;
        let is_header = matches!(
            message.kind(),
            InputKind::RequestHeader
                | InputKind::RequestTrailer
                | InputKind::ResponseHeader
                | InputKind::ResponseTrailer
        );
        let header = is_header.then(|| message.path.first()).flatten();
        let header = header.map(|name| HeaderName::new(name));
        Ok(Self { kind: message.kind(), path: message.path.clone(), header })
    }

    pub(super) fn is_metadata(&self) -> bool {
        self.kind == InputKind::DynamicMetadata
    }
}

fn tree_kind<A>(
    tree: &proto::MatcherTree,
    regexes: &Regexes,
    action: Action<'_, A>,
) -> Result<Kind<A>> {
    let input = Input::compile(tree.input.as_ref())?;
    let value = |found: Option<&proto::OnMatch>| match found {
        Some(found) => on_match(found, regexes, action),
        None => Err(CompileError::new("a value is missing")),
    };
    let map = |map: &proto::MatchMap| {
        each(&map.entries, "entries", |entry| Ok((entry.key.clone(), value(entry.value.as_ref())?)))
    };
    match &tree.kind {
        Some(matcher_tree::Kind::Exact(entries)) => {
            Ok(Kind::Exact(input, map(entries)?.into_iter().collect()))
        }
        Some(matcher_tree::Kind::Prefix(entries)) => {
            let mut entries = map(entries)?;
            entries.sort_by_key(|(key, _)| std::cmp::Reverse(key.len()));
            Ok(Kind::Prefix(input, entries))
        }
        Some(matcher_tree::Kind::Ranges(message)) => {
            let actions = each(&message.entries, "entries", |entry| {
                Ok((value(entry.value.as_ref())?, entry.exclusive))
            })?;
            let mut ranges = Vec::new();
            for (place, entry) in message.entries.iter().enumerate() {
                let cidrs = each(&entry.ranges, "ranges", Cidr::compile)?;
                ranges.extend(cidrs.into_iter().map(|range| (range, place)));
            }
            ranges.sort_by_key(|(range, _)| std::cmp::Reverse(range.length()));
            Ok(Kind::Ranges(input, ranges, actions))
        }
        Some(matcher_tree::Kind::Domains(message)) => {
            let actions = each(&message.entries, "entries", |entry| value(entry.value.as_ref()))?;
            let mut names = std::collections::HashMap::new();
            for (place, entry) in message.entries.iter().enumerate() {
                for domain in &entry.domains {
                    let name = domain.strip_prefix('*').unwrap_or(domain);
                    names.entry(name.to_ascii_lowercase()).or_insert(place);
                }
            }
            Ok(Kind::Domains(input, names, actions))
        }
        None => Err(CompileError::new("a tree has no branches")),
    }
}
