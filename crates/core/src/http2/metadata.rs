//! Envoy's metadata (METADATA frames), on its way from a stream of one connection to a stream of another.

use std::rc::{Rc, Weak};
use std::sync::Arc;

use super::session::Session;
use super::stream::StreamState;
use crate::headers::Headers;
use crate::stats::Block;

/// Bytes of metadata that a stream keeps for one that is yet to come; more is dropped.
const HELD: usize = 1024 * 1024;

/// What came of a stream, and where it goes.
#[derive(Default)]
pub struct Metadata {
    to: Option<Destination>,
    held: Vec<Headers>,
    held_bytes: usize,
}

#[derive(Clone)]
enum Destination {
    Stream(Weak<Session>, Weak<StreamState>),
    /// The other side takes none.
    Nobody,
    /// The other side speaks HTTP/1, where it is counted that there can be none.
    Http1(Arc<Block>, i32),
}

impl Destination {
    fn deliver(&self, fields: &Headers) {
        match self {
            Self::Nobody => {}
            Self::Http1(block, stat) => block.inc(*stat),
            Self::Stream(session, state) => {
                let both = session.upgrade().zip(state.upgrade());
                if let Some((session, state)) = both {
                    session.send_metadata(&state, fields);
                }
            }
        }
    }
}

impl Metadata {
    fn push(&mut self, fields: Headers) {
        self.held_bytes += fields.iter().map(|(_, n, v)| n.len() + v.len()).sum::<usize>();
        if self.held_bytes <= HELD {
            self.held.push(fields);
        }
    }
}

/// A stream whose metadata is passed on, or that takes what is.
pub struct MetadataEnd {
    pub(super) session: Rc<Session>,
    pub(super) state: Rc<StreamState>,
}

impl MetadataEnd {
    /// What has come and what comes goes to `other`, if it takes any.
    pub fn pass_to(&self, other: Option<Self>) {
        self.state.pass_metadata(match other {
            None => Destination::Nobody,
            Some(other) => {
                Destination::Stream(Rc::downgrade(&other.session), Rc::downgrade(&other.state))
            }
        });
    }

    /// The other side speaks HTTP/1: `stat` of `block` counts what comes.
    pub fn refuse(&self, block: &Arc<Block>, stat: impl Into<i32>) {
        self.state.pass_metadata(Destination::Http1(block.clone(), stat.into()));
    }
}

impl StreamState {
    /// Takes metadata that came.
    pub(super) fn push_metadata(&self, fields: Headers) {
        let mut metadata = self.metadata.borrow_mut();
        let metadata = metadata.get_or_insert_default();
        match metadata.to.clone() {
            None => metadata.push(fields),
            Some(to) => to.deliver(&fields),
        }
    }

    fn pass_metadata(&self, to: Destination) {
        let held = {
            let mut metadata = self.metadata.borrow_mut();
            let metadata = metadata.get_or_insert_default();
            metadata.to = Some(to.clone());
            metadata.held_bytes = 0;
            std::mem::take(&mut metadata.held)
        };
        held.iter().for_each(|fields| to.deliver(fields));
    }
}
