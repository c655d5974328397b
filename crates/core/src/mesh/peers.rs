//! The peers of requests and connections: what is known of them, in filter state and for a while.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use super::peer::{Labels, Peer};

/// The filter state of a peer, as an object and by its fields.
const DOWNSTREAM: [&str; 2] = ["downstream_peer", "downstream_peer_obj"];
const UPSTREAM: [&str; 2] = ["upstream_peer", "upstream_peer_obj"];

/// What is known of the other end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Found {
    /// It may still say who it is.
    #[default]
    NotYet,
    /// It does not.
    Nothing,
    Peer(Arc<Peer>),
}

impl Found {
    pub fn peer(&self) -> Option<&Arc<Peer>> {
        match self {
            Self::Peer(peer) => Some(peer),
            _ => None,
        }
    }
}

/// By the value of the header; none for one that names nobody.
type KnownPeers = HashMap<Box<[u8]>, Option<Arc<Peer>>>;

/// Peers that headers named lately.
#[derive(Default)]
pub struct PeerCache(RefCell<KnownPeers>);

impl PeerCache {
    /// More are not kept: then all are forgotten.
    const MOST: usize = 500;

    /// The peer that a header names; none when it is none.
    pub fn of_header(&self, value: &[u8], labels: &Labels) -> Option<Arc<Peer>> {
        // What is kept of a peer has no labels.
        if !labels.is_empty() {
            return Peer::of_header(value, labels).map(Arc::new);
        }
        let mut known = self.0.borrow_mut();
        if let Some(peer) = known.get(value) {
            return peer.clone();
        }
        if known.len() >= Self::MOST {
            known.clear();
        }
        let peer = Peer::of_header(value, labels).map(Arc::new);
        known.insert(value.into(), peer.clone());
        peer
    }
}

/// The peers of a request or a connection, as its filter state has them.
#[derive(Clone, Default)]
pub struct Peers {
    pub downstream: Option<Arc<Peer>>,
    pub upstream: Option<Arc<Peer>>,
    /// The client has said who it is in these headers, and wants to know the same.
    pub asked_by_id: bool,
    pub asked_by_metadata: bool,
}

impl Peers {
    /// The peer under a key of the filter state, and whether that is the one whose fields have names.
    pub fn get(&self, key: &str) -> Option<(&Peer, bool)> {
        let of = |keys: [&str; 2], peer| {
            let place = keys.iter().position(|known| *known == key)?;
            Some((Option::as_deref(peer)?, place == 1))
        };
        of(DOWNSTREAM, &self.downstream).or_else(|| of(UPSTREAM, &self.upstream))
    }
}

#[cfg(test)]
mod tests {
    use super::{PeerCache, Peers};
    use crate::mesh::{Labels, Peer};

    #[test]
    fn what_a_header_names_is_kept() {
        let (cache, labels) = (PeerCache::default(), Labels::default());
        let first = cache.of_header(b"", &labels).unwrap();
        let again = cache.of_header(b"", &labels).unwrap();
        assert!(std::sync::Arc::ptr_eq(&first, &again));
        assert!(cache.of_header(b"%%", &labels).is_none());
        assert!(cache.of_header(b"%%", &labels).is_none());
        for number in 0..2 * PeerCache::MOST {
            cache.of_header(number.to_string().as_bytes(), &labels);
            assert!(cache.0.borrow().len() <= PeerCache::MOST);
        }
    }

    #[test]
    fn filter_state_has_a_peer_in_two_forms() {
        let peers = Peers {
            upstream: Some(Peer::of_endpoint("w;;;;").unwrap().into()),
            ..Peers::default()
        };
        assert!(peers.get("upstream_peer").is_some_and(|(_, named)| !named));
        assert!(peers.get("upstream_peer_obj").is_some_and(|(_, named)| named));
        assert!(peers.get("downstream_peer").is_none());
    }
}
