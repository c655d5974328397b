//! HTTP filters: a program built when configuration arrives. One file a filter, one line in [`Filter`],
//! [`Filter::compile`], [`run`] and [`response`].

pub mod bodies;
pub mod buffer;
pub mod cors;
pub mod csrf;
pub mod fault;
pub mod grpc;
pub mod grpc_http1_bridge;
pub mod grpc_http1_reverse_bridge;
pub mod grpc_stats;
pub mod grpc_web;
pub mod header_mutation;
pub mod header_to_metadata;
pub mod local_ratelimit;
pub mod on_demand;
pub mod rbac;
pub mod router;
pub mod set_filter_state;
pub mod set_metadata;
mod wait;

use std::sync::Arc;

use crate::access_log::Sinks;
use crate::compile::{At, CompileError, Result};
use crate::http::downstream::Downstream;
use crate::http::flags::ResponseFlags;
use crate::http::stream::{Answer, Manager, Stream};
use crate::http::upgrade;
use crate::matcher::Regexes;
use crate::proto::{self, http_filter::Kind, HttpStat};
use crate::route::{is_grpc, Action, FilterConfig, Resolution, Route};
use crate::timer::Timer;

use bodies::Bodies;
use buffer::Buffer;
use cors::Cors;
use csrf::Csrf;
use fault::Fault;
use grpc_http1_bridge::GrpcHttp1Bridge;
use grpc_http1_reverse_bridge::GrpcHttp1ReverseBridge;
use grpc_stats::GrpcStats;
use header_mutation::HeaderMutation;
use header_to_metadata::HeaderToMetadata;
use local_ratelimit::LocalRateLimit;
use on_demand::OnDemand;
use rbac::Rbac;
use router::Router;
use set_filter_state::SetFilterState;
use set_metadata::SetMetadata;

/// One step of the program. A filter that does not wait costs no boxed future.
pub enum Step {
    Buffer(Buffer),
    Cors(Cors),
    Csrf(Csrf),
    Fault(Box<Fault>),
    GrpcHttp1Bridge(GrpcHttp1Bridge),
    GrpcHttp1ReverseBridge(GrpcHttp1ReverseBridge),
    GrpcStats(GrpcStats),
    GrpcWeb,
    HeaderMutation(HeaderMutation),
    HeaderToMetadata(HeaderToMetadata),
    LocalRateLimit(LocalRateLimit),
    OnDemand(OnDemand),
    Rbac(Box<Rbac>),
    Router(Router),
    SetFilterState(SetFilterState),
    SetMetadata(SetMetadata),
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
            Some(Kind::Buffer(filter)) => Step::Buffer(Buffer::compile(filter)),
            Some(Kind::Cors(filter)) => Step::Cors(Cors::compile(filter)),
            Some(Kind::Csrf(filter)) => Step::Csrf(Csrf::compile(filter, regexes).at("csrf")?),
            Some(Kind::Fault(filter)) => {
                Step::Fault(Box::new(Fault::compile(filter, regexes).at("fault")?))
            }
            Some(Kind::GrpcHttp1Bridge(filter)) => {
                Step::GrpcHttp1Bridge(GrpcHttp1Bridge::compile(filter))
            }
            Some(Kind::GrpcHttp1ReverseBridge(filter)) => {
                Step::GrpcHttp1ReverseBridge(GrpcHttp1ReverseBridge::compile(filter))
            }
            Some(Kind::GrpcStats(filter)) => Step::GrpcStats(GrpcStats::compile(filter)),
            Some(Kind::GrpcWeb(_)) => Step::GrpcWeb,
            Some(Kind::HeaderMutation(filter)) => {
                Step::HeaderMutation(HeaderMutation::compile(filter, regexes)?)
            }
            Some(Kind::HeaderToMetadata(filter)) => Step::HeaderToMetadata(
                HeaderToMetadata::compile(filter, regexes).at("header_to_metadata")?,
            ),
            Some(Kind::LocalRatelimit(filter)) => Step::LocalRateLimit(
                LocalRateLimit::compile(filter, regexes).at("local_ratelimit")?,
            ),
            Some(Kind::OnDemand(filter)) => Step::OnDemand(OnDemand::compile(filter)),
            Some(Kind::Rbac(filter)) => {
                Step::Rbac(Box::new(Rbac::compile(filter, regexes).at("rbac")?))
            }
            Some(Kind::Router(router)) => Step::Router(Router::compile(router, sinks)?),
            Some(Kind::SetFilterState(filter)) => {
                Step::SetFilterState(SetFilterState::compile(filter).at("set_filter_state")?)
            }
            Some(Kind::SetMetadata(filter)) => {
                Step::SetMetadata(SetMetadata::compile(filter).at("set_metadata")?)
            }
            Some(Kind::DiscoveredFilter(name)) => Step::Discovered(name.as_str().into()),
            None => return Err(CompileError::new(format!("filter {:?} is unknown", message.name))),
        };
        Ok(Self { name: message.name.clone(), disabled: message.disabled, step })
    }
}

/// Runs the filters on a request. An answer: a filter refused it; `None`: a response was written.
pub async fn run(stream: &mut Stream, down: &mut dyn Downstream, timer: &Timer) -> Option<Answer> {
    if let Err(answer) = route(stream) {
        return Some(answer);
    }
    let manager = stream.manager.clone();
    let filters = chain(&manager, stream);
    if filters.len() > 1 {
        stream.grpc = Some(is_grpc(&stream.request));
    }
    for (place, filter) in filters.iter().enumerate() {
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
            Step::Buffer(buffer) => {
                if let Err(end) = buffer.run(&filter.name, stream, down, timer).await {
                    return end;
                }
            }
            Step::Cors(cors) => {
                if let Err(answer) = cors.request(place, &filter.name, stream) {
                    return Some(answer);
                }
            }
            Step::Csrf(csrf) => {
                if let Err(answer) = csrf.request(&filter.name, stream) {
                    return Some(answer);
                }
            }
            Step::Fault(fault) => {
                if let Err(end) = fault.run(place, &filter.name, stream, down, timer).await {
                    return end;
                }
            }
            Step::GrpcHttp1Bridge(bridge) => bridge.request(place, stream),
            Step::GrpcHttp1ReverseBridge(bridge) => bridge.request(place, stream),
            Step::GrpcStats(stats) => stats.request(place, stream),
            Step::GrpcWeb => grpc_web::request(place, stream),
            Step::HeaderMutation(mutation) => mutation.request(&filter.name, stream),
            Step::LocalRateLimit(limit) => {
                if let Err(answer) = limit.request(place, &filter.name, stream) {
                    return Some(answer);
                }
            }
            Step::HeaderToMetadata(rules) => rules.request(&filter.name, stream),
            Step::OnDemand(on_demand) => {
                if let Err(end) = on_demand.run(&filter.name, stream, down, timer).await {
                    return end;
                }
            }
            Step::Rbac(rbac) => {
                if let Err(answer) = rbac.request(&filter.name, stream) {
                    return Some(answer);
                }
            }
            Step::SetFilterState(state) => state.request(&filter.name, stream),
            Step::SetMetadata(metadata) => metadata.request(&filter.name, stream),
            Step::Router(router) => return router.run(stream, down, timer).await,
            Step::Discovered(_) => {}
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
    let places = chain(&stream.manager, stream).len();
    match stream.bodies.take() {
        None => response_before(None, stream, places, end),
        Some(mut bodies) => {
            let result = response_before(Some(&mut bodies), stream, places, end);
            stream.bodies = Some(bodies);
            result
        }
    }
}

/// Runs the filters before `place` on the head of a response, the last one first, until one holds it.
fn response_before(
    mut bodies: Option<&mut Bodies>,
    stream: &mut Stream,
    place: usize,
    end: bool,
) -> std::result::Result<Head, Box<Answer>> {
    let manager = stream.manager.clone();
    for (place, filter) in chain(&manager, stream)[..place].iter().enumerate().rev() {
        if let Some(bodies) = bodies.as_deref_mut() {
            if bodies.head(stream, place, end)? == Head::Hold {
                return Ok(Head::Hold);
            }
        }
        let discovered = match &filter.step {
            Step::Discovered(name) => stream.worker.discovered_filter(name),
            _ => None,
        };
        let step = discovered.as_ref().map_or(&filter.step, |found| &found.step);
        match step {
            Step::HeaderMutation(mutation) if is_enabled(filter, stream) => {
                mutation.response(&filter.name, stream);
            }
            Step::HeaderToMetadata(rules) if is_enabled(filter, stream) => {
                rules.response(&filter.name, stream);
            }
            _ => {}
        }
    }
    Ok(Head::Pass)
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

/// Chooses the route, and refuses an upgrade that it does not have.
fn route(stream: &mut Stream) -> std::result::Result<(), Answer> {
    let found = choose_route(stream);
    admit_upgrade(stream);
    if found && stream.head.is_tunnel() && !stream.upgraded {
        stream.manager.block.inc(HttpStat::HttpDownstreamRqWsOnNonWsRoute);
        stream.close = true;
        return Err(Answer::new(403, "", "upgrade_failed"));
    }
    Ok(())
}

/// Chooses the route again, after a filter has changed what it depends on.
fn clear_route(stream: &mut Stream) {
    stream.route = None;
    stream.choice = None;
    stream.cluster = None;
    stream.info.route = None;
    stream.info.cluster = None;
    stream.info.cluster_metadata = None;
    choose_route(stream);
}

/// False when there is no route.
fn choose_route(stream: &mut Stream) -> bool {
    let table = stream.manager.route_table(&stream.request);
    let Some(table) = table else { return false };
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
            true
        }
        Resolution::NoVirtualHost | Resolution::NoRoute => false,
    }
}

/// The cluster is chosen with the route.
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

/// Counts an upgrade or CONNECT that the connection manager and the route let pass.
fn admit_upgrade(stream: &mut Stream) {
    let Some(kind) = upgrade::asked(&stream.head, &stream.request) else { return };
    let of_route = stream.route.as_ref().and_then(|route| route.upgrades());
    let upgrades = &stream.manager.config.upgrades;
    stream.upgraded = upgrades.allow(kind, of_route);
    if stream.upgraded {
        stream.upgrade_filters = upgrades.own_filters(kind);
        let block = &stream.manager.block;
        block.inc(HttpStat::HttpDownstreamCxUpgradesTotal);
        block.inc(HttpStat::HttpDownstreamCxUpgradesActive);
    }
}

/// The filters of the connection manager, or those that it has for the upgrade that is asked for.
fn chain<'a>(manager: &'a Manager, stream: &Stream) -> &'a [Filter] {
    let config = &manager.config;
    let own = stream.upgrade_filters.and_then(|place| config.upgrades.filters(place));
    own.unwrap_or(&config.filters)
}
