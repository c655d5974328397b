//! Which filter chain takes a connection: the criteria of `FilterChainMatch` in Envoy's order, each of
//! which keeps the chains that name the most specific value.
//! <https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/listener/v3/listener_components.proto#config-listener-v3-filterchainmatch>
//!
//! The criteria are the levels of a tree that is built with the configuration. A level that no chain of a
//! branch cares about is left out, so a listener with one chain for all has nothing to look up. A choice
//! is final: no other branch is tried when nothing matches further down.

mod build;
mod prefixes;

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};

use ahash::RandomState;
use serde_json::Value;

use crate::address::Address;
use crate::connection::ConnectionState;
use crate::formatter::find_value;
use crate::matcher::tree::{Input, Inputs};
use crate::proto::match_input::Kind as InputKind;

pub use build::compile;
use prefixes::Prefixes;

type Map<K> = std::collections::HashMap<K, Node, RandomState>;

/// What is known of a connection when its filter chain is chosen.
pub struct Traits<'a> {
    pub local: &'a Address,
    /// The client; differs from `direct` where a proxy in front named it.
    pub remote: &'a Address,
    /// The peer of the socket.
    pub direct: &'a Address,
    /// Empty when nothing has looked for one.
    pub server_name: &'a str,
    pub transport_protocol: &'a str,
    pub application_protocols: &'a [Box<str>],
    pub state: &'a ConnectionState,
}

/// One level of the tree, or the chain at its end, by index.
pub(super) enum Node {
    Chain(usize),
    DestinationPort(Values<u16>),
    Destination(Prefixes),
    /// Exact names, and suffixes with their leading dot for wildcards.
    ServerName(Values<Box<str>>),
    TransportProtocol(Values<Box<str>>),
    ApplicationProtocol(Values<Box<str>>),
    DirectSource(Prefixes),
    SourceType(Box<SourceTypes>),
    Source(Prefixes),
    SourcePort(Values<u16>),
}

/// Branches by value, and the one of chains that do not care.
pub(super) struct Values<K> {
    named: Map<K>,
    any: Option<Box<Node>>,
}

pub(super) struct SourceTypes {
    local: Option<Node>,
    external: Option<Node>,
    any: Option<Node>,
}

impl Node {
    /// The index of the chain that takes the connection.
    pub fn find(&self, traits: &Traits<'_>) -> Option<usize> {
        let mut node = self;
        loop {
            node = match node {
                Self::Chain(index) => return Some(*index),
                Self::DestinationPort(values) => values.port(traits.local),
                Self::Destination(prefixes) => prefixes.find(ip(traits.local)),
                Self::ServerName(values) => values.server_name(traits.server_name),
                Self::TransportProtocol(values) => values.get(traits.transport_protocol),
                Self::ApplicationProtocol(values) => values.first_of(traits.application_protocols),
                Self::DirectSource(prefixes) => prefixes.find(ip(traits.direct)),
                Self::SourceType(types) => types.of(traits),
                Self::Source(prefixes) => prefixes.find(ip(traits.remote)),
                Self::SourcePort(values) => values.port(traits.remote),
            }?;
        }
    }
}

impl Values<u16> {
    /// The chains of the port of `address`; a unix socket has none.
    fn port(&self, address: &Address) -> Option<&Node> {
        let named = address.ip().and_then(|ip| self.named.get(&ip.port()));
        named.or(self.any.as_deref())
    }
}

impl Values<Box<str>> {
    fn get(&self, value: &str) -> Option<&Node> {
        self.named.get(value).or(self.any.as_deref())
    }

    fn first_of(&self, values: &[Box<str>]) -> Option<&Node> {
        values.iter().find_map(|value| self.named.get(value)).or(self.any.as_deref())
    }

    /// The exact name, then wildcards from the longest to the shortest.
    fn server_name(&self, name: &str) -> Option<&Node> {
        let dots = name.char_indices().skip(1).filter(|(_, c)| *c == '.').map(|(at, _)| at);
        let suffixes = dots.filter(|at| at + 1 < name.len()).map(|at| &name[at..]);
        let exact = self.named.get(name).filter(|_| !name.starts_with('.'));
        let wild = || suffixes.into_iter().find_map(|suffix| self.named.get(suffix));
        exact.or_else(wild).or(self.any.as_deref())
    }
}

impl SourceTypes {
    fn of(&self, traits: &Traits<'_>) -> Option<&Node> {
        let named = match is_local(traits.remote, traits.local) {
            true => &self.local,
            false => &self.external,
        };
        named.as_ref().or(self.any.as_ref())
    }
}

impl Inputs for Traits<'_> {
    fn text(&self, input: &Input) -> Option<Cow<'_, str>> {
        let port = |address: &Address| address.ip().map(|ip| ip.port().to_string().into());
        let filled = |text| (!str::is_empty(text)).then_some(Cow::Borrowed(text));
        match input.kind {
            InputKind::DestinationIp | InputKind::SourceIp | InputKind::DirectSourceIp => {
                self.address(input).map(|ip| ip.to_string().into())
            }
            InputKind::DestinationPort => port(self.local),
            InputKind::SourcePort => port(self.remote),
            InputKind::SourceType => {
                is_local(self.remote, self.local).then_some(Cow::Borrowed("local"))
            }
            InputKind::ServerName => filled(self.server_name),
            InputKind::TransportProtocol => filled(self.transport_protocol),
            InputKind::ApplicationProtocol => match self.application_protocols {
                [] => None,
                names => Some(format!("'{}'", names.join("','")).into()),
            },
            InputKind::FilterState => self.state.text(input.path.first()?).map(Cow::Borrowed),
            // A connection has none: what compiles the configuration refuses it there.
            _ => None,
        }
    }

    fn value(&self, input: &Input) -> Option<&Value> {
        find_value(self.state.dynamic_metadata.as_ref()?, &input.path)
    }

    fn address(&self, input: &Input) -> Option<IpAddr> {
        let address = match input.kind {
            InputKind::DestinationIp => self.local,
            InputKind::SourceIp => self.remote,
            InputKind::DirectSourceIp => self.direct,
            _ => return None,
        };
        address.ip().map(|ip| ip.ip().to_canonical())
    }
}

/// A connection from `remote` to `local` comes from this machine. As with Envoy, of the loopback range only 127.0.0.1 counts, and a
/// connection to an internal listener comes from elsewhere.
pub fn is_local(remote: &Address, local: &Address) -> bool {
    match remote {
        Address::Ip(remote) => {
            let remote = remote.ip().to_canonical();
            let is_loopback = match remote {
                IpAddr::V4(v4) => v4 == Ipv4Addr::LOCALHOST,
                IpAddr::V6(v6) => v6.is_loopback(),
            };
            let local = local.ip().map(|local| local.ip().to_canonical());
            is_loopback || local == Some(remote)
        }
        Address::Pipe(_) => true,
        Address::Internal(_) => false,
    }
}

/// The IP of an address; any other address stands at the end of the IPv4 range, as in Envoy, so that
/// only the range of all addresses has it.
fn ip(address: &Address) -> IpAddr {
    address.ip().map_or(IpAddr::V4(Ipv4Addr::BROADCAST), |ip| ip.ip().to_canonical())
}

#[cfg(test)]
mod tests;
