//! Copies of requests: each is a request of its own to another cluster, and what comes of it is only counted.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter>

use std::time::Duration;

use super::client::{self, Caller, Feed};
use super::Router;
use crate::clock;
use crate::filters::bodies::attach;
use crate::filters::last_place;
use crate::http::stream::Stream;
use crate::http1::BodyLength;
use crate::route::Mirror;
use crate::tracing::OwnSpan;

/// Sends the copies of a request that `mirrors` ask for, as it is now. `limit`: how long it may take.
pub(super) fn start(
    router: &Router,
    stream: &mut Stream,
    mirrors: &[Mirror],
    limit: Option<Duration>,
) {
    for mirror in mirrors {
        let concerned = stream.with_route_context(|_, context| mirror.concerns(context));
        if let Some(name) = mirror.cluster(&stream.request).filter(|_| concerned) {
            send(router, stream, mirror, &name, limit);
        }
    }
}

fn send(
    router: &Router,
    stream: &mut Stream,
    mirror: &Mirror,
    cluster: &str,
    limit: Option<Duration>,
) {
    // A cluster that is gone is no reason to fail.
    let Some(cluster) = stream.worker.clusters.get(cluster) else { return };
    let feed = Feed::new(stream.buffer_limit());
    let mut span = OwnSpan::begin(stream, "mirror", mirror.sampled);
    let mut copy = copy(stream, mirror, span.as_ref(), limit);
    copy.cluster = Some(cluster.clone());
    if stream.head.body == BodyLength::Empty {
        feed.end();
    } else {
        let place = last_place(stream);
        attach(stream, place, feed.writer());
    }
    let router = Router::of_own_requests(router.dynamic_stats);
    let route = mirror.route.clone();
    crate::sys::spawn_here(async move {
        let mut caller = Caller::indifferent(feed);
        // Nobody waits for the answer.
        let answer = client::perform(&router, &mut copy, &mut caller, &route).await;
        if let Some(span) = &mut span {
            let status = answer.map_or(copy.info.response_code, |answer| answer.status);
            span.end_http(&copy, &cluster, status);
        }
    });
}

/// The copy as a request that the proxy makes itself.
fn copy(
    stream: &Stream,
    mirror: &Mirror,
    span: Option<&OwnSpan>,
    limit: Option<Duration>,
) -> Stream {
    let connection = stream.info.connection.clone();
    let (worker, manager) = (stream.worker.clone(), stream.manager.clone());
    let mut copy = Stream::new(worker, manager, connection, clock::now());
    copy.leave_uncounted();
    copy.begin(stream.head);
    copy.info.protocol = stream.info.protocol;
    copy.request = stream.request.clone();
    mirror.change(&mut copy.request, &stream.info);
    if let Some(span) = span {
        span.inject(&mut copy.request);
    }
    client::mark(&mut copy);
    client::forward_for(&mut copy.request, stream.manager.config.local_address);
    client::limit(&mut copy.request, limit);
    copy
}
