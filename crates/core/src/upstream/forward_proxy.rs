//! DYNAMIC_FORWARD_PROXY clusters: the host is the one that the request or connection names.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/dynamic_forward_proxy_filter>

use std::sync::Arc;

use serde_json::Value;

use super::dns_cache::{DnsCache, HostName};
use crate::headers::HeaderId;
use crate::lb::LbContext;

/// Filter state that names a host, and the port of it.
pub const HOST_KEY: &str = "envoy.upstream.dynamic_host";
pub const PORT_KEY: &str = "envoy.upstream.dynamic_port";

/// Immutable.
pub struct ForwardProxy {
    pub cache: Arc<DnsCache>,
    /// Of hosts that are named without one.
    pub default_port: u16,
}

impl ForwardProxy {
    /// The host that a request or connection names; none when it names none.
    pub fn name(&self, context: &LbContext<'_>) -> Option<HostName> {
        let state = context.connection.map(|connection| connection.state.borrow());
        let of_connection = state.as_ref().and_then(|state| state.filter_state.as_deref());
        let state = context.filter_state.or(of_connection);
        let port = state.and_then(port_of).unwrap_or(self.default_port);
        if let Some(host) = state.and_then(host_of) {
            return HostName::new(host, port);
        }
        let host = match (context.headers, context.connection) {
            (Some(headers), _) => {
                headers.get(HeaderId::Authority).map(std::str::from_utf8)?.ok()?
            }
            (None, Some(connection)) => connection.requested_server_name(),
            (None, None) => return None,
        };
        HostName::new(host, port)
    }
}

/// The host that filter state names.
pub fn host_of(state: &Value) -> Option<&str> {
    state.get(HOST_KEY)?.as_str()
}

/// The port that filter state names, if it is one.
pub fn port_of(state: &Value) -> Option<u16> {
    let port = state.get(PORT_KEY)?;
    let number = port.as_u64().or_else(|| port.as_str()?.parse().ok())?;
    u16::try_from(number).ok().filter(|port| *port > 0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{host_of, port_of};

    #[test]
    fn filter_state_names_a_host_and_a_port() {
        let state = |port: serde_json::Value| json!({"envoy.upstream.dynamic_host": "a.test", "envoy.upstream.dynamic_port": port});
        assert_eq!(host_of(&state(json!("80"))), Some("a.test"));
        assert_eq!(port_of(&state(json!("80"))), Some(80));
        assert_eq!(port_of(&state(json!(443))), Some(443));
        for none in [json!("0"), json!("65536"), json!("http"), json!(null)] {
            assert_eq!(port_of(&state(none)), None);
        }
        assert_eq!((host_of(&json!({})), port_of(&json!({}))), (None, None));
    }
}
