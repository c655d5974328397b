//! HTTP filters: a program built when configuration arrives. One file a filter; `step.rs` has them all.

pub mod bodies;
pub mod buffer;
pub mod cors;
pub mod csrf;
pub mod delegate;
pub mod dynamic_forward_proxy;
pub mod ext_authz;
pub mod fault;
pub mod grpc;
pub mod grpc_http1_bridge;
pub mod grpc_http1_reverse_bridge;
pub mod grpc_stats;
pub mod grpc_web;
pub mod header_mutation;
pub mod header_to_metadata;
pub mod health_check;
pub mod istio_alpn;
pub mod istio_stats;
pub mod jwt_authn;
pub mod local_ratelimit;
pub mod on_demand;
pub mod peer_metadata;
pub mod python;
pub mod ratelimit;
pub mod rbac;
pub mod router;
mod routing;
pub mod set_filter_state;
pub mod set_metadata;
mod step;
mod wait;

use std::sync::Arc;

use crate::http::connection_manager::Manager;
use crate::http::downstream::Downstream;
use crate::http::stream::{Answer, Stream};
use crate::route::{is_grpc, FilterConfig};
use crate::timer::Timer;
use crate::tracing;

use bodies::Bodies;
use routing::{choose_cluster, clear_route, route};

pub use step::{Filter, Step};

/// What a filter that may wait comes to. An error: the request is over, with an answer if there is
/// still somebody to tell.
pub type Proceed<T = ()> = Result<T, Option<Answer>>;

/// How far apart the places of filters are: filters that stand for one of them have the places in between.
const PLACES: usize = 1 << 16;

/// Runs the filters on a request. An answer: a filter refused it; `None`: a response was written.
pub async fn run(stream: &mut Stream, down: &mut dyn Downstream, timer: &Timer) -> Option<Answer> {
    if let Err(answer) = route(stream) {
        return Some(answer);
    }
    tracing::begin(stream);
    let manager = stream.manager.clone();
    let filters = chain(&manager, stream);
    if filters.len() > 1 {
        stream.grpc = Some(is_grpc(&stream.request));
    }
    for (number, filter) in filters.iter().enumerate() {
        if !is_enabled(filter, stream) {
            continue;
        }
        let mut found = None;
        let step = match filter.resolve(stream, &mut found) {
            Ok(step) => step,
            Err(answer) => return Some(answer),
        };
        if let Step::Router(router) = step {
            return router.run(stream, down, timer).await;
        }
        let place = number * PLACES;
        if let Err(end) = step.request(place, &filter.name, stream, down, timer).await {
            return end;
        }
    }
    Some(Answer::new(404, "", ""))
}

/// What becomes of the head of a response at one filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    Pass,
    /// The filters before this one, and the client, get it later.
    Hold,
}

/// Runs the filters backwards on the head of a response, from upstream or the proxy's own; `end`: no body
/// follows.
///
/// # Errors
/// A filter answers in place of the response.
pub fn response(stream: &mut Stream, end: bool) -> std::result::Result<Head, Box<Answer>> {
    let place = last_place(stream);
    match stream.bodies.take() {
        None => response_before(None, stream, place, end),
        Some(mut bodies) => {
            let result = response_before(Some(&mut bodies), stream, place, end);
            stream.bodies = Some(bodies);
            result
        }
    }
}

/// The place behind all filters.
fn last_place(stream: &Stream) -> usize {
    chain(&stream.manager, stream).len() * PLACES
}

/// Runs the filters before `place` on the head of a response, the last one first, until one holds it.
fn response_before(
    mut bodies: Option<&mut Bodies>,
    stream: &mut Stream,
    place: usize,
    end: bool,
) -> std::result::Result<Head, Box<Answer>> {
    let manager = stream.manager.clone();
    let filters = &chain(&manager, stream)[..place.div_ceil(PLACES)];
    for (number, filter) in filters.iter().enumerate().rev() {
        let first = number * PLACES;
        let mut found = None;
        let head = match filter.resolve(stream, &mut found) {
            Ok(Step::Delegate(delegate)) if is_enabled(filter, stream) => {
                let inner = delegate.begin_response(first, &filter.name, stream);
                let count = inner.len().min(place - first - 1);
                let mut inner = inner[..count].iter().enumerate().rev();
                inner.try_fold(Head::Pass, |head, (number, inner)| match head {
                    Head::Hold => Ok(head),
                    Head::Pass => {
                        let at = first + 1 + number;
                        respond(bodies.as_deref_mut(), filter, inner, stream, at, end)
                    }
                })?
            }
            _ => respond(bodies.as_deref_mut(), filter, filter, stream, first, end)?,
        };
        if head == Head::Hold {
            return Ok(head);
        }
    }
    Ok(Head::Pass)
}

/// Lets the filters that tell of requests tell of one that is over.
pub fn complete(stream: &Stream) {
    for (number, filter) in chain(&stream.manager, stream).iter().enumerate() {
        let mut found = None;
        if let Ok(Step::IstioStats(stats)) = filter.resolve(stream, &mut found) {
            if is_enabled(filter, stream) {
                stats.complete(number * PLACES, stream);
            }
        }
    }
}

/// Shows the head of a response to the filter at `place`: to `filter`, or to one that stands for it.
fn respond(
    bodies: Option<&mut Bodies>,
    filter: &Filter,
    stands_for_it: &Filter,
    stream: &mut Stream,
    place: usize,
    end: bool,
) -> std::result::Result<Head, Box<Answer>> {
    if let Some(bodies) = bodies {
        if bodies.head(stream, place, end)? == Head::Hold {
            return Ok(Head::Hold);
        }
    }
    let mut found = None;
    if let Ok(step) = stands_for_it.resolve(stream, &mut found) {
        if step.changes_responses() && is_enabled(filter, stream) {
            step.response(&filter.name, stream);
        }
    }
    Ok(Head::Pass)
}

fn is_enabled(filter: &Filter, stream: &Stream) -> bool {
    let of_route = stream
        .route
        .as_ref()
        .and_then(|route| route.filter_disabled(&filter.name, stream.choice.as_ref()));
    !of_route.unwrap_or(filter.disabled)
}

/// What the levels of the route say of the filter called `name`, the least specific first; `pick` takes its kind.
fn levels_of<T>(
    name: &str,
    stream: &Stream,
    pick: impl Fn(&FilterConfig) -> Option<&Arc<T>>,
) -> Vec<Arc<T>> {
    let Some(route) = &stream.route else { return Vec::new() };
    route.filter_configs(name, stream.choice.as_ref()).filter_map(pick).cloned().collect()
}

/// The same for the most specific level alone.
fn of_route<T>(
    name: &str,
    stream: &Stream,
    pick: impl Fn(&FilterConfig) -> Option<&Arc<T>>,
) -> Option<Arc<T>> {
    let route = stream.route.as_ref()?;
    route.filter_configs(name, stream.choice.as_ref()).rev().find_map(pick).cloned()
}

/// The filters of the connection manager, or those that it has for the upgrade that is asked for.
fn chain<'a>(manager: &'a Manager, stream: &Stream) -> &'a [Filter] {
    let config = &manager.config;
    let own = stream.upgrade_filters.and_then(|place| config.upgrades.filters(place));
    own.unwrap_or(&config.filters)
}
