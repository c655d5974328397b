//! The listening sockets of one listener in one worker.

use std::rc::Rc;

use tokio::task::AbortHandle;

use super::accept::accept_loop;
use super::accepting::Accepting;
use super::socket::Socket;
use super::Slot;
use crate::address::Address;
use crate::log::{Component, Level};
use crate::worker::Worker;

/// A listening socket.
enum State {
    /// Until the worker is started.
    Waiting(Socket),
    Accepting(Rc<Accepting>, AbortHandle),
}

/// One address of a listener.
pub struct Place {
    /// As bound.
    pub address: Address,
    state: State,
}

impl Place {
    pub fn new(address: Address, socket: Socket) -> Self {
        Self { address, state: State::Waiting(socket) }
    }

    /// Begins to accept for the listener in `slot`, if it does not.
    pub fn start(self, worker: &Rc<Worker>, slot: &Rc<Slot>) -> Option<Self> {
        match self.state {
            State::Waiting(socket) => match socket.into_accepting() {
                Ok(accepting) => Some(accept(worker, slot, self.address, Rc::new(accepting))),
                Err(error) => {
                    let name = slot.borrow().listener.settings.name.clone();
                    let text = format!("listener {name}: {error}");
                    crate::log::send(Component::ConnHandler, Level::Error, text);
                    None
                }
            },
            State::Accepting(..) => Some(self),
        }
    }

    /// The same socket for another listener: connections that wait in its queue go there.
    pub fn hand_over(self, worker: &Rc<Worker>, slot: &Rc<Slot>) -> Self {
        match &self.state {
            State::Waiting(_) => self,
            State::Accepting(accepting, task) => {
                task.abort();
                let accepting = accepting.clone();
                accept(worker, slot, self.address, accepting)
            }
        }
    }

    /// Sets the options of `settings` that can change on a socket that listens.
    pub fn adapt(&self, message: &crate::proto::Listener) -> std::io::Result<()> {
        match &self.state {
            State::Waiting(socket) => socket.adapt(message),
            State::Accepting(accepting, _) => accepting.adapt(message),
        }
    }

    pub fn stop(&self) {
        if let State::Accepting(_, task) = &self.state {
            task.abort();
        }
    }
}

fn accept(
    worker: &Rc<Worker>,
    slot: &Rc<Slot>,
    address: Address,
    accepting: Rc<Accepting>,
) -> Place {
    let task = accept_loop(worker.clone(), slot.clone(), accepting.clone());
    let task = tokio::task::spawn_local(task).abort_handle();
    Place { address, state: State::Accepting(accepting, task) }
}
