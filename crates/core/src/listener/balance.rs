//! Exact balance: each connection goes to the worker that has the fewest of its listener
//! (`connection_balance_config`).
//! <https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/listener/v3/listener.proto>

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc::{unbounded_channel, UnboundedReceiver, UnboundedSender};

use super::accepting::Arrived;

/// The connections of one listener over all workers. A worker locks it when a connection comes and when it
/// goes, never for a request.
#[derive(Default)]
pub struct Balance {
    /// By the number of the worker.
    seats: Mutex<Vec<Seat>>,
}

#[derive(Default)]
struct Seat {
    connections: usize,
    /// None until the worker takes part.
    sender: Option<UnboundedSender<Placed>>,
}

/// A connection for the worker that gets it.
pub struct Placed {
    pub arrived: Arrived,
    pub counted: Counted,
}

/// Counts a connection for a worker until it is dropped.
pub struct Counted {
    balance: Arc<Balance>,
    worker: usize,
}

impl Balance {
    /// Lets `worker` take part: what others accept for it comes out of the receiver, until that is dropped.
    pub fn join(&self, worker: usize) -> UnboundedReceiver<Placed> {
        let (sender, receiver) = unbounded_channel();
        let mut seats = self.lock();
        if seats.len() <= worker {
            seats.resize_with(worker + 1, Seat::default);
        }
        seats[worker].sender = Some(sender);
        receiver
    }

    /// Gives a connection that worker `here` has accepted to the one with the fewest. It comes back when
    /// that is `here`.
    pub fn place(self: &Arc<Self>, here: usize, arrived: Arrived) -> Option<Placed> {
        let (worker, sender) = self.choose(here);
        let counted = Counted { balance: self.clone(), worker };
        let placed = Placed { arrived, counted };
        match sender {
            Some(sender) => sender.send(placed).err().map(|refused| refused.0),
            None => Some(placed),
        }
    }

    /// The worker with the fewest connections, of several the first, with one more from now on; and how to
    /// reach it, if it is another.
    fn choose(&self, here: usize) -> (usize, Option<UnboundedSender<Placed>>) {
        let mut seats = self.lock();
        let open = |seat: &Seat| seat.sender.as_ref().is_some_and(|sender| !sender.is_closed());
        let fewest = seats.iter().enumerate().filter(|(_, seat)| open(seat));
        let chosen =
            fewest.min_by_key(|(_, seat)| seat.connections).map_or(here, |(index, _)| index);
        let Some(seat) = seats.get_mut(chosen) else { return (here, None) };
        seat.connections += 1;
        (chosen, seat.sender.clone().filter(|_| chosen != here))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Seat>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if let Some(seat) = self.balance.lock().get_mut(self.worker) {
            seat.connections = seat.connections.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::sync::Arc;

    use super::super::accepting::{Arrived, Incoming};
    use super::Balance;
    use crate::address::Address;

    fn arrived() -> Arrived {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let address = Address::Pipe(Default::default());
        Arrived { incoming: Incoming::Tcp(stream), remote: address.clone(), local: address }
    }

    #[test]
    fn the_worker_with_the_fewest_gets_the_next() {
        let balance = Arc::new(Balance::default());
        let mut first = balance.join(0);
        let mut second = balance.join(1);
        let one = balance.place(1, arrived());
        assert!(one.is_none());
        let one = first.try_recv().unwrap();
        let two = balance.place(1, arrived()).unwrap();
        assert!(balance.place(1, arrived()).is_none());
        let three = first.try_recv().unwrap();
        drop((one, three));
        assert!(balance.place(0, arrived()).is_some());
        drop(two);
        assert!(balance.place(0, arrived()).is_some());
        assert!(second.try_recv().is_err());
    }

    #[test]
    fn a_worker_that_takes_no_part_gets_none() {
        let balance = Arc::new(Balance::default());
        assert!(balance.place(1, arrived()).is_some());
        let first = balance.join(0);
        let _second = balance.join(1);
        drop(first);
        assert!(balance.place(1, arrived()).is_some());
    }
}
