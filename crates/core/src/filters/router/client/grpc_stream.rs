//! Messages that the proxy sends itself, one after the other in one call of gRPC. What the service says to them is
//! not looked at.

use std::cell::Cell;
use std::rc::Rc;

use super::{perform, Caller, Feed, GrpcClient};
use crate::filters::grpc::frame_header;
use crate::filters::router::Router;
use crate::worker::Worker;

/// Bytes that may wait before the service counts as slow, as many as Envoy keeps for a connection.
const HELD: usize = 1 << 20;

/// A call that goes on until the service ends it, or this is dropped.
pub struct GrpcStream {
    feed: Feed,
    state: Rc<State>,
}

#[derive(Default)]
struct State {
    ended: Cell<bool>,
    /// Of the messages since none waited.
    items: Cell<u64>,
}

impl GrpcClient {
    /// Begins a call of `path` (`/package.Service/Method`). `ended` hears of its end, and how many of the items in
    /// its messages nobody got. None: there is no cluster of that name.
    pub fn open(
        &self,
        worker: &Rc<Worker>,
        path: &str,
        ended: impl FnOnce(u64) + 'static,
    ) -> Option<GrpcStream> {
        let mut stream = self.begin(worker, path)?;
        let (feed, state) = (Feed::new(usize::MAX), Rc::<State>::default());
        let opened = GrpcStream { feed: feed.clone(), state: state.clone() };
        let route = self.route().clone();
        crate::sys::spawn_here(async move {
            let mut caller = Caller::indifferent(feed.clone());
            // An answer in place of the service's says no more than that the call is over.
            _ = perform(&Router::of_own_requests(true), &mut stream, &mut caller, &route).await;
            state.ended.set(true);
            ended(if feed.waiting() > 0 { state.items.get() } else { 0 });
        });
        Some(opened)
    }
}

impl GrpcStream {
    pub fn is_open(&self) -> bool {
        !self.state.ended.get()
    }

    /// The service does not keep up.
    pub fn is_slow(&self) -> bool {
        self.feed.waiting() >= HELD
    }

    /// Sends a message in which there are so many items.
    pub fn send(&self, message: &[u8], items: u64) {
        let before = if self.feed.waiting() > 0 { self.state.items.get() } else { 0 };
        self.state.items.set(before + items);
        self.feed.push(&frame_header(message.len()));
        self.feed.push(message);
    }
}

impl Drop for GrpcStream {
    fn drop(&mut self) {
        self.feed.end();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use lateen_http2::{Config, FieldRef};

    use super::GrpcStream;
    use crate::filters::router::client::tests::run;
    use crate::filters::router::client::GrpcClient;
    use crate::proto;
    use crate::upstream::testing::{http2, listen, message, shared, until, Peer};
    use crate::worker::Worker;

    /// What the end of a stream has told.
    type Lost = Rc<Cell<Option<u64>>>;

    fn open(worker: &Rc<Worker>) -> (Option<GrpcStream>, Lost) {
        let client = proto::ServiceClient { cluster: "c".into(), ..Default::default() };
        let client = GrpcClient::compile(&proto::GrpcServiceClient {
            client: Some(client),
            ..Default::default()
        });
        let lost = Lost::default();
        let told = lost.clone();
        (client.unwrap().open(worker, "/s/m", move |items| told.set(Some(items))), lost)
    }

    #[test]
    fn messages_go_out_until_the_service_ends_the_call() {
        run(|worker| async move {
            let (listener, address) = listen().await;
            worker.clusters.set(shared(&http2(message(&[address]), 100)));
            let (stream, lost) = open(&worker);
            let stream = stream.expect("a stream");
            stream.send(b"ab", 1);
            let mut peer = Peer::accept(&listener, &Config::default()).await;
            let key = peer.request().await.expect("a request");
            let body = async {
                while stream.feed.waiting() > 0 {
                    tokio::task::yield_now().await
                }
            };
            body.await;
            let fields = [FieldRef::new(b":status", b"200"), FieldRef::new(b"grpc-status", b"0")];
            peer.engine.send_headers(key, fields.into_iter(), true);
            peer.flush().await;
            until(|| !stream.is_open()).await;
            assert_eq!(lost.get(), Some(0));
        });
    }

    #[test]
    fn what_nobody_got_is_told() {
        run(|worker| async move {
            let (listener, address) = listen().await;
            drop(listener);
            worker.clusters.set(shared(&http2(message(&[address]), 100)));
            let (stream, lost) = open(&worker);
            let stream = stream.expect("a stream");
            stream.send(b"ab", 2);
            stream.send(b"c", 1);
            until(|| !stream.is_open()).await;
            assert_eq!(lost.get(), Some(3));
        });
    }

    #[test]
    fn without_a_cluster_there_is_no_stream() {
        run(|worker| async move { assert!(open(&worker).0.is_none()) });
    }

    #[test]
    fn a_service_that_reads_nothing_is_slow() {
        run(|worker| async move {
            let (_listener, address) = listen().await;
            worker.clusters.set(shared(&http2(message(&[address]), 100)));
            let stream = open(&worker).0.expect("a stream");
            assert!(!stream.is_slow());
            stream.send(&vec![0; super::HELD], 1);
            assert!(stream.is_slow());
        });
    }
}
