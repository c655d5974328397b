//! Listeners on the main thread: their sockets are bound here, so that a failure is an answer, and given
//! to the workers.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::retired::Retired;
use super::Workers;
use crate::address::Address;
use crate::compile::CompileError;
use crate::listener::socket::{bind, check, has_mptcp, spread};
use crate::listener::{Inherited, ListenerConfig, ListenerUpdate, Socket, Source};
use crate::proto;
use crate::worker::Command;

/// How long workers may take to close a socket whose address is wanted again.
const CLOSING_LIMIT: Duration = Duration::from_secs(1);

/// An address as it is configured and as it was bound.
#[derive(Clone)]
struct Bound {
    wanted: Address,
    bound: Address,
}

struct Known {
    config: Arc<ListenerConfig>,
    addresses: Vec<Bound>,
}

impl Known {
    fn status(&self, name: &str) -> proto::ListenerStatus {
        let bound = self.addresses.iter().map(|address| address.bound.to_message());
        let mut addresses: Vec<_> = bound.collect();
        if addresses.is_empty() {
            let wanted = self.config.settings.addresses.iter();
            addresses.extend(wanted.map(Address::to_message));
        }
        proto::ListenerStatus { name: name.to_owned(), addresses }
    }
}

/// Where the sockets of an address come from, for all workers.
enum Plan {
    /// By worker.
    New(Vec<Vec<Socket>>),
    Kept,
    From(Arc<str>),
}

/// The listeners that are applied now.
#[derive(Default)]
pub struct ListenerTable {
    known: HashMap<String, Known>,
    /// Addresses whose sockets workers are closing.
    closing: Vec<(Address, Arc<()>)>,
    /// Sockets of the process that this one replaces.
    pub inherited: Inherited,
    /// The process accepts no more, nor does it after an update: another may have the addresses.
    pub is_stopped: bool,
}

/// The kernel's words without the number.
fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

impl ListenerTable {
    /// The listeners and their addresses: those that were bound, or that are wanted where nothing is bound.
    pub fn statuses(&self) -> Vec<proto::ListenerStatus> {
        self.known.iter().map(|(name, known)| known.status(name)).collect()
    }

    /// Adds a listener or replaces the one of its name; `removed` are about to go, and a listener takes
    /// over their sockets where it wants their addresses.
    ///
    /// # Errors
    /// The listener cannot be compiled or bound; then nothing changes.
    pub fn set(
        &mut self,
        workers: &Workers,
        message: &proto::Listener,
        removed: &[String],
        retired: &mut Retired,
    ) -> Result<(), CompileError> {
        let old = self.known.get(&message.name);
        let config = ListenerConfig::compile(
            message,
            &workers.sinks,
            &workers.contexts,
            old.map(|k| &*k.config),
        )?;
        let config = Arc::new(config);
        let adapt = old.is_some_and(|old| options_differ(&old.config.settings.message, message));
        if let Some(old) = old.filter(|_| adapt) {
            check_change(&old.config.settings.message, message, &config)?;
        }
        let plans = self.plan(workers, message, &config, removed)?;
        let addresses: Vec<_> = plans.iter().map(|(bound, _)| bound.clone()).collect();
        let known = Known { config: config.clone(), addresses: addresses.clone() };
        let old = self.known.insert(message.name.clone(), known);
        let closing = Arc::new(());
        if let Some(old) = old {
            let gone = old
                .addresses
                .into_iter()
                .filter(|old| !addresses.iter().any(|new| new.bound == old.bound));
            self.closing.extend(gone.map(|gone| (gone.bound, closing.clone())));
            retired.listener(old.config, Some(&config));
        }
        send(workers, config, plans, adapt, closing);
        Ok(())
    }

    /// Finds or binds the sockets of each address.
    fn plan(
        &mut self,
        workers: &Workers,
        message: &proto::Listener,
        config: &ListenerConfig,
        removed: &[String],
    ) -> Result<Vec<(Bound, Plan)>, CompileError> {
        if !message.bind_to_port || self.is_stopped {
            return Ok(Vec::new());
        }
        let own = self.known.get(&message.name);
        let mut own = own.map(|known| known.addresses.clone()).unwrap_or_default();
        let mut plans = Vec::new();
        for wanted in &config.settings.addresses {
            if let Some(index) = own.iter().position(|known| known.wanted == *wanted) {
                plans.push((own.swap_remove(index), Plan::Kept));
            } else if let Some((name, bound)) = self.find_removed(wanted, message, removed) {
                plans.push((bound, Plan::From(name)));
            } else {
                let (bound, sockets) = self.open(workers, message, wanted)?;
                plans.push((Bound { wanted: wanted.clone(), bound }, Plan::New(sockets)));
            }
        }
        Ok(plans)
    }

    /// Sockets for each worker: those that the process inherited, else new ones.
    fn open(
        &mut self,
        workers: &Workers,
        message: &proto::Listener,
        wanted: &Address,
    ) -> Result<(Address, Vec<Vec<Socket>>), CompileError> {
        let inherited = self.inherited.take(wanted);
        let opened = if inherited.is_empty() {
            self.wait_closed(wanted);
            bind(wanted, message, workers.concurrency)
        } else {
            let sockets = spread(inherited, message, workers.concurrency);
            sockets.map(|sockets| (wanted.clone(), sockets))
        };
        opened.map_err(|error| {
            CompileError::new(format!("cannot bind '{wanted}': {}", reason(&error)))
        })
    }

    /// A listener that is about to go and has sockets of this address that fit.
    fn find_removed(
        &self,
        wanted: &Address,
        message: &proto::Listener,
        removed: &[String],
    ) -> Option<(Arc<str>, Bound)> {
        let fits = |known: &Known| !options_differ(&known.config.settings.message, message);
        removed.iter().filter(|name| **name != message.name).find_map(|name| {
            let known = self.known.get(name).filter(|known| fits(known))?;
            let bound = known.addresses.iter().find(|known| known.wanted == *wanted)?;
            Some((known.config.settings.name.clone(), bound.clone()))
        })
    }

    /// Waits until workers have closed sockets of this address.
    fn wait_closed(&mut self, address: &Address) {
        let deadline = Instant::now() + CLOSING_LIMIT;
        while Instant::now() < deadline {
            self.closing.retain(|(_, closing)| Arc::strong_count(closing) > 1);
            if !self.closing.iter().any(|(closing, _)| closing == address) {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Stops accepting for a listener; its connections drain.
    pub fn remove(&mut self, workers: &Workers, name: &str, retired: &mut Retired) {
        let Some(known) = self.known.remove(name) else { return };
        let closing = Arc::new(());
        let addresses = known.addresses.into_iter();
        self.closing.extend(addresses.map(|address| (address.bound, closing.clone())));
        retired.listener(known.config, None);
        workers.send_all(|_| Command::RemoveListener(name.to_owned(), closing.clone()));
    }
}

/// Whether this machine has what a listener asks for.
///
/// # Errors
/// It has not.
pub fn check_system(message: &proto::Listener) -> Result<(), CompileError> {
    if message.mptcp && !has_mptcp() {
        let reason = "enable_mptcp is set but MPTCP is not supported by the operating system";
        return Err(CompileError::new(format!("listener {}: {reason}", message.name)));
    }
    Ok(())
}

fn send(
    workers: &Workers,
    config: Arc<ListenerConfig>,
    plans: Vec<(Bound, Plan)>,
    adapt: bool,
    closing: Arc<()>,
) {
    let plans = std::cell::RefCell::new(plans);
    workers.send_all(|index| {
        let mut plans = plans.borrow_mut();
        let source = |plan: &mut Plan| match plan {
            // An internal listener has none.
            Plan::New(sockets) => {
                Source::New(sockets.get_mut(index).map(std::mem::take).unwrap_or_default())
            }
            Plan::Kept => Source::Kept,
            Plan::From(name) => Source::From(name.clone()),
        };
        let sockets = plans.iter_mut().map(|(bound, plan)| (bound.bound.clone(), source(plan)));
        Command::Listener(ListenerUpdate {
            config: config.clone(),
            sockets: sockets.collect(),
            adapt,
            closing: closing.clone(),
        })
    });
}

/// What sockets of the two listeners have in common by configuration is not the same.
fn options_differ(old: &proto::Listener, new: &proto::Listener) -> bool {
    fn options(listener: &proto::Listener) -> impl PartialEq + '_ {
        (
            listener.backlog,
            listener.reuse_port,
            listener.mptcp,
            listener.freebind,
            listener.transparent,
            listener.tcp_fast_open_queue_length,
            &listener.socket_options,
        )
    }
    options(old) != options(new)
}

/// Whether sockets that are kept can take the options of the new configuration.
fn check_change(
    old: &proto::Listener,
    new: &proto::Listener,
    config: &ListenerConfig,
) -> Result<(), CompileError> {
    if old.reuse_port != new.reuse_port {
        let reason = "reuse port cannot be changed during an update";
        return Err(CompileError::new(format!("Listener {}: {reason}", new.name)));
    }
    for address in &config.settings.addresses {
        check(address, new).map_err(|error| {
            CompileError::new(format!("cannot set options of '{address}': {}", reason(&error)))
        })?;
    }
    Ok(())
}
