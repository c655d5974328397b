//! Copies of requests: each is a request of its own to another cluster, and what comes of it is only counted.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter>

mod client;
mod feed;

use std::time::Duration;

use super::forward::forward;
use super::Router;
use crate::clock;
use crate::filters::bodies::attach;
use crate::headers::HeaderId;
use crate::http::manager::request::append_list;
use crate::http::stream::Stream;
use crate::http1::BodyLength;
use crate::proto::ProcessStat;
use crate::route::{Action, Mirror};

use client::MirrorClient;
use feed::Feed;

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
    let mut copy = copy(stream, mirror, limit);
    copy.cluster = Some(cluster);
    if stream.head.body == BodyLength::Empty {
        feed.end();
    } else {
        let place = stream.manager.config.filters.len();
        attach(stream, place, feed.writer());
    }
    stream.worker.process.inc(ProcessStat::ProcessHttpAsyncClientRqTotal);
    let router = Router::of_mirrors(router.dynamic_stats);
    let route = mirror.route.clone();
    crate::sys::spawn_here(async move {
        let Action::Forward(action) = &route.action else { return };
        let mut client = MirrorClient::new(feed);
        let timer = copy.worker.timers.timer();
        // Nobody waits for the answer.
        _ = forward(&router, &mut copy, &mut client, &timer, &route, action).await;
    });
}

/// The copy as a request that the proxy makes itself.
fn copy(stream: &Stream, mirror: &Mirror, limit: Option<Duration>) -> Stream {
    let connection = stream.info.connection.clone();
    let (worker, manager) = (stream.worker.clone(), stream.manager.clone());
    let mut copy = Stream::new(worker, manager, connection, clock::now());
    copy.leave_uncounted();
    copy.begin(stream.head);
    copy.info.protocol = stream.info.protocol;
    copy.internal = true;
    copy.request = stream.request.clone();
    mirror.change(&mut copy.request, &stream.info);
    copy.request.set(HeaderId::XEnvoyInternal, b"true");
    let address = stream.manager.config.local_address.to_string();
    append_list(&mut copy.request, HeaderId::XForwardedFor, address.as_bytes(), b",");
    if let Some(limit) = limit {
        // The router takes it from there, and sends it nowhere.
        let ms = limit.as_millis().max(1).to_string();
        copy.request.set(HeaderId::XEnvoyUpstreamRqTimeoutMs, ms.as_bytes());
    }
    copy
}
