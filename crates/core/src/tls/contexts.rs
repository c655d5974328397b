//! TLS contexts by name: what a listener or a cluster holds stays, what it points to is replaced.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use super::context::Context;
use crate::compile::Result;
use crate::proto;

/// The place of a context.
pub struct Handle {
    current: ArcSwap<Context>,
}

impl Handle {
    /// What a new connection is to use.
    pub fn load(&self) -> Arc<Context> {
        self.current.load_full()
    }
}

/// Every context of the process.
#[derive(Default)]
pub struct Contexts {
    handles: Mutex<HashMap<String, Arc<Handle>>>,
}

impl Contexts {
    /// The place of `name`; there is nothing in it before `set`.
    pub fn handle(&self, name: &str) -> Arc<Handle> {
        let mut handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        let empty = || Arc::new(Handle { current: ArcSwap::from_pointee(Context::NotReady) });
        handles.entry(name.to_owned()).or_insert_with(empty).clone()
    }

    /// Replaces a context; connections that have begun keep theirs.
    ///
    /// # Errors
    /// It cannot be used: nothing changes.
    pub fn set(&self, message: &proto::TlsContext, dry: bool) -> Result<()> {
        let context = Context::compile(message)?;
        if !dry {
            self.handle(&message.name).current.store(Arc::new(context));
        }
        Ok(())
    }

    /// Forgets what nobody uses.
    pub fn sweep(&self) {
        let mut handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        handles.retain(|_, handle| Arc::strong_count(handle) > 1);
    }
}

/// How connections of a filter chain or a cluster are secured.
#[derive(Clone)]
pub struct TransportSocket {
    pub context: Arc<Handle>,
    /// SslStat.
    pub stats_block: u32,
}

impl TransportSocket {
    /// None for plain TCP.
    pub fn compile(message: Option<&proto::TransportSocket>, contexts: &Contexts) -> Option<Self> {
        let message = message.filter(|message| !message.tls_context.is_empty())?;
        let context = contexts.handle(&message.tls_context);
        Some(Self { context, stats_block: message.stats_block })
    }
}
