//! The listeners of one worker: they come, change and go without losing a connection that may stay.

use std::cell::RefCell;
use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::AbortHandle;

use super::arrivals::balance_loop;
use super::drains::Drains;
use super::places::Place;
use super::socket::Socket;
use super::{Current, ListenerConfig, Slot};
use crate::address::Address;
use crate::log::{Component, Level};
use crate::worker::Worker;

/// Where the socket of an address comes from.
pub enum Source {
    New(Vec<Socket>),
    /// The listener has it.
    Kept,
    /// Another listener has it, which is about to be removed.
    From(Arc<str>),
}

/// A listener that is new or replaces the one of its name. Sockets that are not named are closed.
pub struct ListenerUpdate {
    pub config: Arc<ListenerConfig>,
    /// By address, as bound.
    pub sockets: Vec<(Address, Source)>,
    /// The options of sockets that are kept changed.
    pub adapt: bool,
    /// Dropped once sockets that went are closed.
    pub closing: Arc<()>,
}

struct Entry {
    slot: Rc<Slot>,
    places: Vec<Place>,
    /// Takes what other workers accept for this one.
    balancing: Option<AbortHandle>,
}

impl Entry {
    /// Begins to accept.
    fn start(&mut self, worker: &Rc<Worker>) {
        self.slot.borrow().config.start(worker);
        let balance = self.slot.borrow().listener.settings.balance.clone();
        if let Some(balance) = balance {
            let placed = balance.join(worker.index);
            let task = balance_loop(worker.clone(), self.slot.clone(), placed);
            self.balancing = Some(crate::sys::spawn_here(task).abort_handle());
        }
        let places = std::mem::take(&mut self.places).into_iter();
        self.places = places.map(|place| place.start(worker, &self.slot)).collect();
    }

    /// Accepts no more.
    fn stop(&self) {
        self.places.iter().for_each(Place::stop);
        if let Some(task) = &self.balancing {
            task.abort();
        }
    }
}

/// The listeners of one worker.
pub struct Listeners {
    entries: HashMap<Arc<str>, Entry>,
    drains: Rc<Drains>,
    drain_time: Duration,
    started: bool,
}

impl Listeners {
    /// `drain_time`: what connections of chains that went have to end.
    pub fn new(worker: &Rc<Worker>, drain_time: Duration) -> Self {
        let drains = Rc::new(Drains::default());
        crate::sys::spawn_here(drains.clone().run(worker.timers.clone()));
        Self { entries: HashMap::new(), drains, drain_time, started: false }
    }

    /// Takes a listener; it accepts once the worker is started.
    pub fn set(&mut self, worker: &Rc<Worker>, update: ListenerUpdate) {
        let ListenerUpdate { config, sockets, adapt, closing } = update;
        let name = config.settings.name.clone();
        let message = adapt.then(|| config.settings.clone());
        let (slot, mut known) = self.replace(worker, &name, config);
        let mut places = Vec::new();
        for (address, source) in sockets {
            let place = match source {
                Source::New(sockets) => Some(Place::new(address, sockets)),
                Source::Kept => take(&mut known, &address),
                Source::From(other) => self
                    .entries
                    .get_mut(&other)
                    .and_then(|entry| take(&mut entry.places, &address))
                    .map(|place| place.hand_over(worker, &slot)),
            };
            places.extend(place);
        }
        known.iter().for_each(Place::stop);
        if let Some(settings) = message {
            adapt_places(&places, &settings.message);
        }
        let addresses = slot.borrow().listener.settings.addresses.clone();
        worker.directory.set(&name, addresses, slot.clone());
        let mut entry = Entry { slot, places, balancing: None };
        if self.started {
            entry.start(worker);
        }
        self.entries.insert(name, entry);
        close_later(closing);
    }

    /// Puts `config` in the slot of its listener and lets the chains that went drain. Returns the places
    /// that the listener had.
    fn replace(
        &mut self,
        worker: &Rc<Worker>,
        name: &Arc<str>,
        config: Arc<ListenerConfig>,
    ) -> (Rc<Slot>, Vec<Place>) {
        let Some(entry) = self.entries.remove(name) else {
            return (Rc::new(RefCell::new(Current::new(worker, config, None))), Vec::new());
        };
        let old = entry.slot.borrow().clone();
        let new = Current::new(worker, config, Some(&old));
        old.gone(Some(&new)).for_each(|chain| self.drains.start(chain, self.drain_time));
        *entry.slot.borrow_mut() = new;
        (entry.slot, entry.places)
    }

    /// Stops accepting; connections have the drain time.
    pub fn remove(&mut self, worker: &Worker, name: &str, closing: Arc<()>) {
        worker.directory.remove(name);
        if let Some(entry) = self.entries.remove(name) {
            entry.stop();
            let current = entry.slot.borrow().clone();
            current.gone(None).for_each(|chain| self.drains.start(chain, self.drain_time));
        }
        close_later(closing);
    }

    pub fn start(&mut self, worker: &Rc<Worker>) {
        self.started = true;
        self.entries.values_mut().for_each(|entry| entry.start(worker));
    }

    /// Every listening socket, by another descriptor.
    pub fn export(&self) -> std::io::Result<Vec<OwnedFd>> {
        self.entries.values().flat_map(|entry| &entry.places).flat_map(Place::export).collect()
    }

    pub fn stop(&mut self, inbound_only: bool) {
        for entry in self.entries.values_mut() {
            let direction = entry.slot.borrow().listener.settings.traffic_direction;
            if !inbound_only || direction == "INBOUND" {
                entry.stop();
                entry.places.clear();
            }
        }
    }

    /// Ends every connection as it is.
    pub fn close(&mut self) {
        for entry in self.entries.values() {
            entry.stop();
            entry.slot.borrow().gone(None).for_each(|chain| chain.close());
        }
        self.drains.close_all();
    }
}

fn take(places: &mut Vec<Place>, address: &Address) -> Option<Place> {
    let index = places.iter().position(|place| place.address == *address)?;
    Some(places.remove(index))
}

fn adapt_places(places: &[Place], message: &crate::proto::Listener) {
    for place in places {
        if let Err(error) = place.adapt(message) {
            let text = format!("listener {}: socket options: {error}", message.name);
            crate::log::send(Component::ConnHandler, Level::Warning, text);
        }
    }
}

/// Lets go of `closing` after the tasks that were told to stop have dropped their sockets.
fn close_later(closing: Arc<()>) {
    crate::sys::spawn_here(async move {
        tokio::task::yield_now().await;
        drop(closing);
    });
}
