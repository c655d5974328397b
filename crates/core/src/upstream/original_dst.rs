//! ORIGINAL_DST clusters: the host is where the client's connection went before it was redirected.
//! <https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/service_discovery#original-destination>

use std::net::SocketAddr;

use crate::address::Address;
use crate::formatter::find_value;
use crate::headers::HeaderName;
use crate::lb::LbContext;
use crate::proto;

/// Filter state that names a host.
const STATE_KEY: &str = "envoy.network.transport_socket.original_dst_address";

/// Immutable.
pub struct OriginalDst {
    header: Option<HeaderName>,
    metadata_path: Vec<String>,
    port: u16,
}

impl OriginalDst {
    pub fn compile(message: &proto::OriginalDstHosts) -> Self {
        let name = message.header.as_str();
        Self {
            header: (!name.is_empty()).then(|| HeaderName::new(name)),
            metadata_path: message.metadata_path.clone(),
            port: u16::try_from(message.port).unwrap_or(0),
        }
    }

    /// The address to connect to; none when nothing names one. `invalid` is told of each name that is none.
    pub fn address(&self, context: &LbContext<'_>, invalid: impl Fn()) -> Option<Address> {
        let parse = |text: &str| {
            let address = text.parse::<SocketAddr>().ok();
            if address.is_none() {
                invalid();
            }
            address
        };
        let state = context.connection.map(|connection| connection.state.borrow());
        let of_state = || parse(state.as_ref()?.text(STATE_KEY)?);
        let of_metadata = || {
            let of_connection = state.as_ref().and_then(|state| state.dynamic_metadata.as_deref());
            let known = [context.metadata, of_connection].into_iter().flatten();
            let mut found = known.filter_map(|all| find_value(all, &self.metadata_path)?.as_str());
            found.next().and_then(parse)
        };
        let of_header = || {
            let value = context.headers?.get(self.header.as_ref()?)?;
            parse(std::str::from_utf8(value).unwrap_or_default())
        };
        let restored = || {
            let connection = context.connection?;
            connection.inspected.as_ref()?.direct_local.as_ref()?;
            connection.local.ip()
        };
        let metadata = (!self.metadata_path.is_empty()).then(of_metadata).flatten();
        let found = of_state().or(metadata).or_else(of_header).or_else(restored);
        found.map(|mut address| {
            if self.port != 0 {
                address.set_port(self.port);
            }
            Address::Ip(address)
        })
    }
}
