//! HTTP filters: a program built when configuration arrives. One file a filter, one line in [`Filter`],
//! [`Filter::compile`], [`run`] and [`response`].

pub mod header_mutation;
pub mod router;

use std::sync::Arc;

use crate::access_log::Sinks;
use crate::compile::{CompileError, Result};
use crate::http::downstream::Downstream;
use crate::http::flags::ResponseFlags;
use crate::http::stream::{Answer, Stream};
use crate::matcher::Regexes;
use crate::proto::{self, http_filter::Kind, HttpStat};
use crate::route::{Action, Resolution, Route};
use crate::timer::Timer;

use header_mutation::HeaderMutation;
use router::Router;

/// One step of the program. A filter that does not wait costs no boxed future.
pub enum Step {
    HeaderMutation(HeaderMutation),
    Router(Router),
    /// What this filter is comes by itself (ECDS), under this name.
    Discovered(Arc<str>),
}

pub struct Filter {
    /// The name in `http_filters`, which overrides of routes use.
    pub name: String,
    pub disabled: bool,
    pub step: Step,
}

impl Filter {
    pub fn compile(message: &proto::HttpFilter, sinks: &Sinks, regexes: &Regexes) -> Result<Self> {
        let step = match &message.kind {
            Some(Kind::HeaderMutation(filter)) => {
                Step::HeaderMutation(HeaderMutation::compile(filter, regexes)?)
            }
            Some(Kind::Router(router)) => Step::Router(Router::compile(router, sinks)?),
            Some(Kind::DiscoveredFilter(name)) => Step::Discovered(name.as_str().into()),
            None => return Err(CompileError::new(format!("filter {:?} is unknown", message.name))),
        };
        Ok(Self { name: message.name.clone(), disabled: message.disabled, step })
    }
}

/// Runs the filters on a request. An answer: a filter refused it; `None`: a response was written.
pub async fn run(stream: &mut Stream, down: &mut dyn Downstream, timer: &Timer) -> Option<Answer> {
    if let Err(answer) = choose_route(stream) {
        return Some(answer);
    }
    let manager = stream.manager.clone();
    for filter in &manager.config.filters {
        if !is_enabled(filter, stream) {
            continue;
        }
        let discovered;
        let step = match &filter.step {
            Step::Discovered(name) => match stream.worker.discovered_filter(name) {
                Some(found) => {
                    discovered = found;
                    &discovered.step
                }
                None => return Some(no_filter_config()),
            },
            step => step,
        };
        match step {
            Step::HeaderMutation(mutation) => mutation.request(&filter.name, stream),
            Step::Router(router) => return router.run(stream, down, timer).await,
            Step::Discovered(_) => {}
        }
    }
    Some(Answer::new(404, "", ""))
}

/// Runs the filters backwards on the head of a response, from upstream or the proxy's own.
pub fn response(stream: &mut Stream) {
    let manager = stream.manager.clone();
    for filter in manager.config.filters.iter().rev() {
        let discovered = match &filter.step {
            Step::Discovered(name) => stream.worker.discovered_filter(name),
            _ => None,
        };
        let step = discovered.as_ref().map_or(&filter.step, |found| &found.step);
        if let Step::HeaderMutation(mutation) = step {
            if is_enabled(filter, stream) {
                mutation.response(&filter.name, stream);
            }
        }
    }
}

/// A filter whose configuration has not come, and which has no default, lets nothing pass.
fn no_filter_config() -> Answer {
    Answer::new(500, "", "filter_config_not_found").flag(ResponseFlags::NO_FILTER_CONFIG_FOUND)
}

fn is_enabled(filter: &Filter, stream: &Stream) -> bool {
    let of_route = stream
        .route
        .as_ref()
        .and_then(|route| route.filter_disabled(&filter.name, stream.choice.as_ref()));
    !of_route.unwrap_or(filter.disabled)
}

fn choose_route(stream: &mut Stream) -> std::result::Result<(), Answer> {
    let table = stream.manager.route_table(&stream.request);
    let Some(table) = table else { return Ok(()) };
    if !stream.internal {
        for name in &table.internal_only_headers {
            stream.request.remove(name);
        }
    }
    let resolution = stream.with_route_context(|request, context| table.resolve(request, context));
    match resolution {
        Resolution::Route(route) => {
            stream.info.route = Some(route.info.clone());
            choose_cluster(stream, &route);
            stream.route = Some(route);
        }
        Resolution::NoVirtualHost | Resolution::NoRoute => return Ok(()),
    }
    if (stream.head.upgrade || stream.head.is_connect) && !upgrade_enabled(stream) {
        stream.manager.block.inc(HttpStat::HttpDownstreamRqWsOnNonWsRoute);
        stream.close = true;
        return Err(Answer::new(403, "", "upgrade_failed"));
    }
    Ok(())
}

/// The cluster is chosen with the route: no filter changes it after.
fn choose_cluster(stream: &mut Stream, route: &Route) {
    let Action::Forward(forward) = &route.action else { return };
    stream.choice = stream.with_route_context(|request, context| forward.cluster(request, context));
    let Some(choice) = &stream.choice else { return };
    stream.cluster = stream.worker.clusters.get(&choice.name);
    if let Some(cluster) = &stream.cluster {
        stream.info.cluster = Some(cluster.config().observability_name.clone());
        stream.info.cluster_metadata = cluster.config().metadata.clone();
    }
}

/// Protocol upgrades and CONNECT arrive with the transport issue; until then the main thread refuses to configure
/// them, and a request that asks for one is answered as on a route without.
fn upgrade_enabled(_stream: &Stream) -> bool {
    false
}
