//! The listening sockets of one listener in one worker.

use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;

use tokio::task::AbortHandle;

use super::accepting::Accepting;
use super::arrivals::{accept_loop, take};
use super::socket::Socket;
use super::{ListenerSettings, Slot};
use crate::address::Address;
use crate::log::{Component, Level};
use crate::upstream::internal::Doors;
use crate::worker::Worker;

/// A listening socket, or what stands for it.
enum State {
    /// Until the worker is started.
    Waiting(Socket),
    Accepting(Rc<Accepting>, AbortHandle),
    /// Of an internal listener, until the worker is started.
    Closed,
    /// The worker's clusters may connect to the listener of this name.
    Open(Rc<Doors>, Arc<str>),
}

/// One address of a listener.
pub struct Place {
    /// As bound.
    pub address: Address,
    /// One, or several that were inherited from more workers than there are now.
    sockets: Vec<State>,
}

impl Place {
    pub fn new(address: Address, sockets: Vec<Socket>) -> Self {
        let sockets = match address {
            Address::Internal(_) => vec![State::Closed],
            Address::Ip(_) | Address::Pipe(_) => sockets.into_iter().map(State::Waiting).collect(),
        };
        Self { address, sockets }
    }

    /// Begins to accept for the listener in `slot`, if it does not.
    pub fn start(self, worker: &Rc<Worker>, slot: &Rc<Slot>) -> Self {
        let sockets = self.sockets.into_iter().filter_map(|state| state.start(worker, slot));
        Self { address: self.address, sockets: sockets.collect() }
    }

    /// The same socket for another listener: connections that wait in its queue go there.
    pub fn hand_over(self, worker: &Rc<Worker>, slot: &Rc<Slot>) -> Self {
        let sockets = self.sockets.into_iter().map(|state| match state {
            State::Accepting(accepting, task) => {
                task.abort();
                accept(worker, slot, accepting)
            }
            state => state,
        });
        Self { address: self.address, sockets: sockets.collect() }
    }

    /// Sets the options of `settings` that can change on a socket that listens.
    pub fn adapt(&self, message: &crate::proto::Listener) -> io::Result<()> {
        self.sockets.iter().try_for_each(|state| match state {
            State::Waiting(socket) => socket.adapt(message),
            State::Accepting(accepting, _) => accepting.adapt(message),
            State::Closed | State::Open(..) => Ok(()),
        })
    }

    /// The sockets that listen, by other descriptors.
    ///
    /// # Errors
    /// There are no descriptors left.
    pub fn export(&self) -> impl Iterator<Item = io::Result<OwnedFd>> + '_ {
        self.sockets.iter().filter_map(|state| match state {
            State::Waiting(socket) => socket.export(),
            State::Accepting(accepting, _) => Some(accepting.export()),
            State::Closed | State::Open(..) => None,
        })
    }

    pub fn stop(&self) {
        for state in &self.sockets {
            match state {
                State::Accepting(_, task) => task.abort(),
                State::Open(doors, name) => doors.close(name),
                State::Waiting(_) | State::Closed => {}
            }
        }
    }
}

impl State {
    fn start(self, worker: &Rc<Worker>, slot: &Rc<Slot>) -> Option<Self> {
        let settings = slot.borrow().listener.settings.clone();
        let socket = match self {
            Self::Waiting(socket) => socket,
            Self::Closed => return Some(open(worker, slot, &settings)),
            state => return Some(state),
        };
        match socket.into_accepting(&settings.message) {
            Ok(accepting) => Some(accept(worker, slot, Rc::new(accepting))),
            Err(error) => {
                let text = format!("listener {}: {error}", settings.name);
                crate::log::send(Component::ConnHandler, Level::Error, text);
                None
            }
        }
    }
}

fn open(worker: &Rc<Worker>, slot: &Rc<Slot>, settings: &ListenerSettings) -> State {
    let limit = settings.message.internal_buffer_bytes as usize;
    let (name, slot) = (settings.name.clone(), slot.clone());
    let here = Rc::downgrade(worker);
    worker.doors.open(name.clone(), limit, move |arrival| {
        if let Some(worker) = here.upgrade() {
            take(&worker, &slot, arrival);
        }
    });
    State::Open(worker.doors.clone(), name)
}

fn accept(worker: &Rc<Worker>, slot: &Rc<Slot>, accepting: Rc<Accepting>) -> State {
    let task = accept_loop(worker.clone(), slot.clone(), accepting.clone());
    let task = crate::sys::spawn_here(task).abort_handle();
    State::Accepting(accepting, task)
}
