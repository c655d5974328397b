//! Filters that a matcher tree chooses for each request: composite, which stands for others, and match_delegate,
//! around a filter that a tree may skip, or around a composite filter.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/composite_filter>
//!
//! The filters that were chosen have places in the program of the request, after that of the filter that they stand
//! for, so that they may do all that other filters may. Overrides of routes are found by the name of that one.

mod action;
mod stand_in;
mod watch;

use std::collections::HashMap;
use std::sync::Arc;

use super::bodies::attach;
use super::{of_route, Filter, Proceed, PLACES};
use crate::compile::{each, At, CompileError, Result};
use crate::headers::Headers;
use crate::http::downstream::Downstream;
use crate::http::exchange::Exchange;
use crate::http::stream::{Stream, VIA_UPSTREAM};
use crate::matcher::tree::{Matcher, Undecided};
use crate::matcher::Regexes;
use crate::proto::{self, CompositeStat};
use crate::rbac::Subject;
use crate::route::FilterConfig;
use crate::stats::BlockKind;
use crate::timer::Timer;

pub use action::DelegateAction;
pub use stand_in::{is_skipped, StandIn};

use action::{Execute, Source};
use watch::Watch;

/// A tree over requests and responses that decides about filters.
pub type DelegateTree = Matcher<DelegateAction>;

/// The filter state that tells which action each composite filter has taken.
const MATCHED_ACTIONS: &str = "envoy.extensions.filters.http.composite.matched_actions";

pub struct Delegate {
    tree: Option<Arc<DelegateTree>>,
    /// Runs until the tree says that it is skipped; none for a composite filter.
    wrapped: Arc<[Filter]>,
    composite: Option<Composite>,
    /// A route's tree is for the filter around, not for the composite filter.
    is_around: bool,
}

struct Composite {
    stats_block: u32,
    chains: HashMap<Box<str>, Arc<[Filter]>>,
}

/// # Errors
/// A filter that cannot be, with its path.
fn filters(messages: &[proto::HttpFilter], regexes: &Regexes) -> Result<Arc<[Filter]>> {
    if messages.len() >= PLACES {
        return Err(CompileError::new("too many filters"));
    }
    each(messages, "filters", |message| Filter::delegate(message, regexes)).map(Arc::from)
}

/// # Errors
/// A part that cannot be, with its path.
pub fn compile_tree(message: &proto::Matcher, regexes: &Regexes) -> Result<DelegateTree> {
    let action = |message: &proto::MatchAction| DelegateAction::compile(message, regexes);
    Matcher::compile(message, regexes, &action).at("matcher")
}

impl Composite {
    fn compile(message: &proto::CompositeFilter, regexes: &Regexes) -> Result<Self> {
        let chains = each(&message.chains, "chains", |chain| {
            Ok((chain.name.as_str().into(), filters(&chain.filters, regexes)?))
        })?;
        Ok(Self { stats_block: message.stats_block, chains: chains.into_iter().collect() })
    }

    /// The filters that an action names; none when it names a chain that there is not.
    fn chosen(&self, action: &Execute) -> Option<Arc<[Filter]>> {
        match &action.source {
            Source::Own(filters) => Some(filters.clone()),
            Source::Chain(name) => self.chains.get(name).cloned(),
        }
    }
}

impl Delegate {
    /// # Errors
    /// A part that cannot be, with its path.
    pub fn composite(message: &proto::CompositeFilter, regexes: &Regexes) -> Result<Self> {
        let tree = message.matcher.as_ref().map(|tree| compile_tree(tree, regexes)).transpose()?;
        Ok(Self {
            tree: tree.map(Arc::new),
            wrapped: Arc::from([]),
            composite: Some(Composite::compile(message, regexes)?),
            is_around: false,
        })
    }

    /// # Errors
    /// A part that cannot be, with its path.
    pub fn matched(message: &proto::MatchDelegateFilter, regexes: &Regexes) -> Result<Self> {
        let inner = message.filter.as_deref();
        let inner = inner.ok_or_else(|| CompileError::new("a filter is missing"))?;
        let tree = message.matcher.as_ref().map(|tree| compile_tree(tree, regexes)).transpose()?;
        let tree = tree.map(Arc::new);
        if let Some(proto::http_filter::Kind::Composite(composite)) = &inner.kind {
            let composite = Self::composite(composite, regexes).at("filter")?;
            return Ok(Self { tree, is_around: true, ..composite });
        }
        let wrapped = filters(std::slice::from_ref(inner), regexes)?;
        Ok(Self { tree, wrapped, composite: None, is_around: true })
    }

    /// Calls `visit` with every filter that may run in the place of this one.
    pub fn each_filter(&self, visit: &mut dyn FnMut(&Filter)) {
        self.wrapped.iter().for_each(&mut *visit);
        let chains = self.composite.iter().flat_map(|composite| composite.chains.values());
        chains.for_each(|chain| chain.iter().for_each(&mut *visit));
        if let Some(tree) = &self.tree {
            tree.each_action(&mut |action| {
                action.filters().iter().for_each(&mut *visit);
            });
        }
    }

    /// Lets the filters that are chosen for the request have their way with its head.
    ///
    /// # Errors
    /// The request is over.
    pub async fn run(
        self: &Arc<Self>,
        place: usize,
        name: &str,
        stream: &mut Stream,
        down: &mut dyn Downstream,
        timer: &Timer,
    ) -> Proceed {
        let of_route = of_route(name, stream, |config| match config {
            FilterConfig::MatchDelegate(tree) if self.is_around => Some(tree),
            FilterConfig::Composite(tree) if !self.is_around => Some(tree),
            _ => None,
        });
        let tree = of_route.or_else(|| self.tree.clone());
        stream.stand_ins.push(StandIn::new(place, tree, &self.wrapped, true));
        if self.ask(place, name, stream, Trailers::default()).is_err() {
            attach(stream, place, Watch::new(self.clone(), place, name));
        }
        let filters = stand_in::filters(stream, place);
        for (number, filter) in filters.iter().enumerate() {
            let mut found = None;
            let step = filter.resolve(stream, &mut found).map_err(Some)?;
            step.request(place + 1 + number, name, stream, down, timer).await?;
        }
        Ok(())
    }

    /// Asks the tree again, now that there is a response: the filters that are to see it.
    pub fn begin_response(&self, place: usize, name: &str, stream: &mut Stream) -> Arc<[Filter]> {
        if stand_in::of(stream, place).is_none() {
            // An answer of the proxy's own to a request that has not come here: a match_delegate knows nothing of it.
            let has_request = !self.is_around;
            let stand_in = StandIn::new(place, self.tree.clone(), &self.wrapped, has_request);
            stream.stand_ins.push(stand_in);
        }
        if let Some(stand_in) = stand_in::of(stream, place) {
            stand_in.has_response = true;
        }
        // What is not decided now may be with the trailers.
        _ = self.ask(place, name, stream, Trailers::default());
        stand_in::filters(stream, place)
    }

    /// Asks the tree, unless it has decided.
    ///
    /// # Errors
    /// It cannot decide yet.
    fn ask(
        &self,
        place: usize,
        name: &str,
        stream: &mut Stream,
        trailers: Trailers<'_>,
    ) -> std::result::Result<(), Undecided> {
        let Some(stand_in) = stand_in::of(stream, place) else { return Ok(()) };
        let Some(tree) = stand_in.tree.clone() else { return Ok(()) };
        let (has_request, has_response) = (stand_in.has_request, stand_in.has_response);
        let action = {
            let state = stream.info.connection.state.borrow();
            let request = has_request.then_some(&stream.request);
            let earlier = Some(&stream.request_trailers).filter(|trailers| !trailers.is_empty());
            tree.search(&Exchange {
                subject: Subject::of_request(&stream.info, &state, request),
                request_trailers: trailers.request.or(earlier),
                response: has_response.then_some(&stream.response),
                response_trailers: trailers.response,
                is_local: stream.info.details != VIA_UPSTREAM,
            })?
        };
        let filters = match action {
            Some(DelegateAction::Skip) => Some(Arc::from([])),
            Some(DelegateAction::Execute(action)) => self.execute(action, name, stream),
            None => None,
        };
        if let Some(stand_in) = stand_in::of(stream, place) {
            stand_in.tree = None;
            if let Some(filters) = filters {
                stand_in.filters = filters;
            }
        }
        Ok(())
    }

    /// The filters that are to stand for a composite filter from now on; none where they stay the same.
    fn execute(&self, action: &Execute, name: &str, stream: &mut Stream) -> Option<Arc<[Filter]>> {
        let composite = self.composite.as_ref()?;
        let worker = &stream.worker;
        let sampled = action.sampled.as_ref();
        if !sampled.is_none_or(|share| share.hit(&worker.current_runtime(), &worker.random)) {
            return None;
        }
        let filters = composite.chosen(action)?;
        let block = worker.kept_block(composite.stats_block, BlockKind::Filter);
        block.inc(CompositeStat::CompositeFilterDelegationSuccess);
        stream.info.set_in_filter_state(MATCHED_ACTIONS, name, action.name.as_str().into());
        Some(filters)
    }
}

/// Those that have just come.
#[derive(Clone, Copy, Default)]
struct Trailers<'a> {
    request: Option<&'a Headers>,
    response: Option<&'a Headers>,
}
