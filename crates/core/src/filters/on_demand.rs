//! The on-demand filter: a request whose route or cluster is not known waits until it was asked for.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/on_demand_updates_filter>

use std::future::Future;
use std::pin::pin;
use std::time::{Duration, Instant};

use super::wait::wait;
use super::{choose_cluster, of_route, route, Proceed};
use crate::clock;
use crate::headers::HeaderId;
use crate::http::downstream::Downstream;
use crate::http::stream::Stream;
use crate::on_demand::{Ask, OnDemandClusters};
use crate::proto::{self, on_demand::Kind};
use crate::route::{Action, FilterConfig};
use crate::timer::Timer;

pub struct OnDemand {
    clusters: OnDemandClusters,
}

impl OnDemand {
    pub fn compile(message: &proto::OnDemandFilter) -> Self {
        Self { clusters: OnDemandClusters::compile(message) }
    }

    /// Waits for a route or a cluster; an answer when the request is over. `Ok`: there is nothing more to be had.
    pub async fn run(
        &self,
        name: &str,
        stream: &mut Stream,
        down: &mut dyn Downstream,
        timer: &Timer,
    ) -> Proceed {
        // A scope is asked for its routes first, and then these for a virtual host; each once.
        let mut asked = None;
        while let Some(ask) = missing_route(stream) {
            if asked.replace(ask.source.clone()).is_some_and(|source| source == ask.source) {
                break;
            }
            self.wait(ask, None, stream, down, timer).await?;
            route(stream).map_err(Some)?;
        }
        if let Some((ask, timeout)) = self.missing_cluster(name, stream) {
            let limit = clock::now() + timeout;
            self.wait(ask, Some(limit), stream, down, timer).await?;
            if let Some(route) = stream.route.clone() {
                choose_cluster(stream, &route);
            }
        }
        Ok(())
    }

    /// The cluster of the request's route, when there is none of that name.
    fn missing_cluster(&self, name: &str, stream: &Stream) -> Option<(Ask, Duration)> {
        let route = stream.route.as_ref()?;
        if stream.cluster.is_some() || !matches!(route.action, Action::Forward(_)) {
            return None;
        }
        let choice = stream.choice.as_ref().filter(|choice| !choice.name.is_empty())?;
        let of_route = of_route(name, stream, |config| match config {
            FilterConfig::OnDemand(config) => Some(config),
            _ => None,
        });
        let clusters = &of_route.as_deref().unwrap_or(self).clusters;
        Some((clusters.ask(choice.name.as_bytes())?, clusters.timeout))
    }

    async fn wait(
        &self,
        ask: Ask,
        limit: Option<Instant>,
        stream: &mut Stream,
        down: &mut dyn Downstream,
        timer: &Timer,
    ) -> Proceed {
        let worker = stream.worker.clone();
        let Some(waiter) = worker.waiting.join(&worker.shared.asks, ask) else { return Ok(()) };
        let mut answered = pin!(waiter.answered.notified());
        wait(stream, down, timer, limit, |cx, _, _| answered.as_mut().poll(cx)).await.map(|_| ())
    }
}

/// The host of a request without a route, when its table may get more.
fn missing_route(stream: &Stream) -> Option<Ask> {
    if stream.route.is_some() {
        return None;
    }
    let table = stream.manager.route_table(&stream.request)?;
    let host = stream.request.get(HeaderId::Authority)?;
    table.on_demand.then(|| Ask {
        kind: Kind::Routes,
        source: table.name.as_bytes().into(),
        name: host.to_ascii_lowercase().into(),
    })
}
