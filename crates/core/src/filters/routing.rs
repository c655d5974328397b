//! Choosing the route and the cluster of a request, at first and when a filter has changed what they depend on.

use crate::http::stream::{Answer, Stream};
use crate::http::upgrade;
use crate::proto::HttpStat;
use crate::route::{Action, Resolution, Route};
use crate::tracing;

/// Chooses the route, and refuses an upgrade that it does not have.
pub fn route(stream: &mut Stream) -> std::result::Result<(), Answer> {
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
pub fn clear_route(stream: &mut Stream) {
    stream.route = None;
    stream.choice = None;
    stream.cluster = None;
    stream.info.route = None;
    stream.info.cluster = None;
    stream.info.cluster_metadata = None;
    choose_route(stream);
    tracing::refresh(stream);
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
pub fn choose_cluster(stream: &mut Stream, route: &Route) {
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
