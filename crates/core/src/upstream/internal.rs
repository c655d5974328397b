//! Connections to internal listeners: from a worker's clusters to its own listeners, without a socket.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/other_features/internal_listener>

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use serde_json::Value;

use super::pool::PoolContext;
use super::socket::{Opened, SocketError};
use super::Host;
use crate::address::{Address, InternalAddress};
use crate::connection::ConnectionState;
use crate::pipe::Pipe;
use crate::proto::{self, internal_metadata::Kind, ClusterStat};
use crate::transport::Transport;

/// What the side that connects is called.
pub const CLIENT: &str = "internal_client_address";
/// What the system says of a socket without a peer.
const INVALID: &str = "Invalid argument";

/// A connection on its way to an internal listener.
pub struct Arrival {
    pub pipe: Pipe,
    /// As the endpoint names the listener.
    pub local: Address,
    pub state: ConnectionState,
}

/// An internal listener that takes connections.
#[derive(Clone)]
struct Door {
    take: Rc<dyn Fn(Arrival)>,
    buffer_bytes: usize,
}

/// The internal listeners of one worker by name: those that take connections now.
#[derive(Default)]
pub struct Doors(RefCell<HashMap<Arc<str>, Door>>);

impl Doors {
    /// Lets `take` have the connections to the listener `name`, each of which keeps up to `buffer_bytes` in
    /// each direction.
    pub fn open(&self, name: Arc<str>, buffer_bytes: usize, take: impl Fn(Arrival) + 'static) {
        self.0.borrow_mut().insert(name, Door { take: Rc::new(take), buffer_bytes });
    }

    /// The listener takes no more connections.
    pub fn close(&self, name: &str) {
        self.0.borrow_mut().remove(name);
    }

    /// Connects to the listener of `address`.
    ///
    /// # Errors
    /// There is no such listener, it takes no connections now, or it ends this one at once.
    pub(super) async fn connect(
        &self,
        address: &Arc<InternalAddress>,
        state: ConnectionState,
    ) -> Result<Opened, SocketError> {
        let local = Address::Internal(address.clone());
        let door = self.0.borrow().get(&address.listener).cloned();
        let here = door.map(|door| {
            let (here, pipe) = Pipe::pair(door.buffer_bytes);
            (door.take)(Arrival { pipe, local: local.clone(), state });
            here
        });
        let Some(here) = here.filter(|here| !here.is_over()) else {
            let reason = format!("immediate connect error: {INVALID}|remote address:{local}");
            return Err(SocketError::Remote(reason));
        };
        tokio::task::yield_now().await;
        if here.is_over() {
            return Err(SocketError::Remote(format!("delayed connect error: {INVALID}")));
        }
        let local = Some(Address::internal(CLIENT, ""));
        Ok(Opened { transport: Transport::Internal(here), local })
    }
}

/// What connections to a host take along (envoy.transport_sockets.internal_upstream).
pub struct InternalUpstream {
    metadata: Vec<proto::InternalMetadata>,
}

impl InternalUpstream {
    pub fn compile(message: &proto::InternalUpstream) -> Self {
        Self { metadata: message.metadata.clone() }
    }

    /// The state in which a connection to `host` begins at the other end.
    pub(super) fn state(&self, context: &PoolContext, host: &Host) -> ConnectionState {
        let objects = host.opening.as_ref().map(|opening| opening.shared.as_slice());
        let mut state = ConnectionState::with_objects(objects.unwrap_or_default());
        for source in &self.metadata {
            let all = match source.kind() {
                Kind::Host => host.metadata.as_deref(),
                Kind::Cluster => context.config().metadata.as_deref(),
            };
            match all.and_then(|all| all.get(&source.name)).and_then(Value::as_object) {
                Some(fields) => state.replace_metadata(&source.name, fields.clone()),
                None => context.block.inc(ClusterStat::ClusterInternalUpstreamNoMetadata),
            }
        }
        state
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::future::poll_fn;
    use std::rc::Rc;
    use std::sync::Arc;

    use super::{Arrival, Doors};
    use crate::address::{Address, InternalAddress};
    use crate::connection::ConnectionState;
    use crate::transport::Write;
    use crate::upstream::socket::{Opened, SocketError};
    use crate::upstream::testing::run;

    async fn connect(doors: &Doors) -> Result<Opened, SocketError> {
        let address = InternalAddress { listener: "l".into(), endpoint_id: "e".into() };
        doors.connect(&Arc::new(address), ConnectionState::default()).await
    }

    fn failure(result: Result<Opened, SocketError>) -> String {
        match result.err() {
            Some(SocketError::Remote(reason)) => reason,
            other => unreachable!("{other:?}"),
        }
    }

    #[test]
    fn a_listener_gets_what_a_cluster_sends() {
        run(|_| async {
            let doors = Doors::default();
            let arrivals = Rc::<RefCell<Vec<Arrival>>>::default();
            let taken = arrivals.clone();
            doors.open("l".into(), 100, move |arrival| taken.borrow_mut().push(arrival));
            let mut opened = connect(&doors).await.ok().unwrap();
            assert_eq!(opened.local, Some(Address::internal("internal_client_address", "")));
            let write = Write { bytes: b"hello", last: false };
            poll_fn(|cx| opened.transport.poll_write(cx, &write)).await.unwrap();
            let arrival = arrivals.borrow_mut().pop().unwrap();
            let mut bytes = [0; 5];
            assert_eq!(arrival.pipe.read_slice(&mut bytes).unwrap(), 5);
            assert_eq!((&bytes, arrival.local.to_string()), (b"hello", "envoy://l/e".to_owned()));
        });
    }

    #[test]
    fn no_connection_is_made_to_who_takes_none() {
        run(|_| async {
            let doors = Doors::default();
            let missing =
                "immediate connect error: Invalid argument|remote address:envoy://l/e".to_owned();
            assert_eq!(failure(connect(&doors).await), missing);
            doors.open("l".into(), 100, drop);
            assert_eq!(failure(connect(&doors).await), missing);
            doors.open("l".into(), 100, |arrival| {
                tokio::task::spawn_local(async { drop(arrival) });
            });
            let ended = "delayed connect error: Invalid argument";
            assert_eq!(failure(connect(&doors).await), ended);
            doors.close("l");
            assert_eq!(failure(connect(&doors).await), missing);
        });
    }
}
