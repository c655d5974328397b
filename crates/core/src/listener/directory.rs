//! The listeners of a worker by their addresses, also those that have no socket (`bind_to_port: false`).

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use super::Slot;
use crate::address::Address;

struct Listed {
    name: Arc<str>,
    addresses: Vec<Address>,
    slot: Rc<Slot>,
}

#[derive(Default)]
pub struct Directory {
    listeners: RefCell<Vec<Listed>>,
}

impl Directory {
    /// Adds a listener or replaces the one of its name.
    pub fn set(&self, name: &Arc<str>, addresses: Vec<Address>, slot: Rc<Slot>) {
        self.remove(name);
        self.listeners.borrow_mut().push(Listed { name: name.clone(), addresses, slot });
    }

    pub fn remove(&self, name: &str) {
        self.listeners.borrow_mut().retain(|listed| *listed.name != *name);
    }

    /// The listener of an address, else that of any address with the same port.
    pub fn find(&self, address: &Address) -> Option<Rc<Slot>> {
        let listeners = self.listeners.borrow();
        let with = |holds: &dyn Fn(&Address) -> bool| {
            listeners.iter().find(|listed| listed.addresses.iter().any(holds))
        };
        let wildcard = |known: &Address| match (known.ip(), address.ip()) {
            (Some(known), Some(wanted)) => {
                known.ip().is_unspecified()
                    && known.port() == wanted.port()
                    && (known.is_ipv4() == wanted.is_ipv4() || known.is_ipv6())
            }
            _ => false,
        };
        let found = with(&|known| known == address).or_else(|| with(&wildcard));
        found.map(|listed| listed.slot.clone())
    }
}
