//! envoy.filters.network.sni_dynamic_forward_proxy: a client waits until the name for which it asks is resolved.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/sni_dynamic_forward_proxy_filter>

use std::rc::Rc;

use super::filters::{Closed, Opened};
use crate::compile::{CompileError, Result};
use crate::http::stream_info::ConnectionInfo;
use crate::proto;
use crate::upstream::dns_cache::{CacheFull, CacheHandle, HostName, Lookup};
use crate::upstream::forward_proxy::{host_of, port_of, PORT_KEY};
use crate::worker::Worker;

/// Immutable, shared by all workers.
pub struct SniDynamicForwardProxy {
    cache: CacheHandle,
    port: u16,
}

impl SniDynamicForwardProxy {
    /// # Errors
    /// A port that is none, or a range of addresses.
    pub fn compile(message: &proto::SniDynamicForwardProxy) -> Result<Self> {
        Ok(Self {
            cache: CacheHandle::compile(message.cache.as_ref())?,
            port: u16::try_from(message.port)
                .map_err(|_| CompileError::new(format!("{} is not a port", message.port)))?,
        })
    }

    /// Begins to resolve what is known ahead.
    pub fn start(&self, worker: &Worker) {
        self.cache.of(&worker.shared.dns_caches).begin();
    }

    /// Waits for the name. A client goes on also when it has no address: its cluster has no host then.
    pub async fn open(&self, worker: &Worker, connection: &Rc<ConnectionInfo>) -> Opened {
        let Some(host) = self.host(connection) else { return Opened::Continue };
        match self.cache.of(&worker.shared.dns_caches).look_up(&host) {
            Lookup::TooManyHosts | Lookup::TooManyPending => Opened::Closed(Closed::for_reason("")),
            Lookup::Usable | Lookup::Failed(_) => Opened::Continue,
            Lookup::Loading(loading) => match loading.await {
                Ok(_) => Opened::Continue,
                Err(CacheFull) => Opened::Closed(Closed::for_reason("")),
            },
        }
    }

    /// What the filter state names, or the client asks for; none if that is nothing.
    fn host(&self, connection: &ConnectionInfo) -> Option<HostName> {
        let (host, port) = {
            let state = connection.state.borrow();
            let state = state.filter_state.as_deref();
            let host = state.and_then(host_of).unwrap_or(connection.requested_server_name());
            if host.is_empty() {
                return None;
            }
            (host.to_owned(), state.and_then(port_of))
        };
        if port.is_none() {
            connection.state.borrow_mut().set_filter_state(PORT_KEY, self.port.into());
        }
        HostName::new(&host, port.unwrap_or(self.port))
    }
}
