//! A host as its checks see it: where it is, what it is called, and connections to it.

use std::net::Ipv4Addr;
use std::rc::Rc;
use std::sync::Arc;

use super::check::Check;
use crate::address::Address;
use crate::compile::{At, Result};
use crate::formatter::{FormatContext, LogType};
use crate::headers::{Headers, Side};
use crate::http::mutation::HeaderChanges;
use crate::http::stream_info::{ConnectionInfo, Protocol, StreamInfo};
use crate::proto::{self, ClusterStat};
use crate::random::Random;
use crate::stats::{BlockKind, Registry};
use crate::timer::Timers;
use crate::tls::TlsNames;
use crate::upstream::socket::{self, Opened, SocketError};
use crate::upstream::transport_sockets::{self, HostSocket};
use crate::upstream::{happy_eyeballs, ClusterShared, Host};

/// How an endpoint is checked, where it says so itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct EndpointCheck {
    address: Option<Address>,
    port: u16,
    hostname: String,
    pub disabled: bool,
}

impl EndpointCheck {
    /// # Errors
    /// The address is none.
    pub fn compile(message: &proto::EndpointCheck) -> Result<Self> {
        let address = message.address.as_ref().map(Address::compile).transpose();
        Ok(Self {
            address: address.at("address")?,
            port: u16::try_from(message.port).unwrap_or(0),
            hostname: message.hostname.clone(),
            disabled: message.disabled,
        })
    }

    /// Where it is checked, if not where it serves.
    fn address(&self, own: &Address) -> Option<Address> {
        match (self.address.as_ref().unwrap_or(own), self.port) {
            (Address::Ip(ip), port) if port > 0 => Some(Address::Ip((ip.ip(), port).into())),
            _ => self.address.clone(),
        }
    }
}

/// What the thread that checks lends.
pub struct CheckContext {
    pub registry: Arc<Registry>,
    /// Its number.
    pub thread: usize,
    pub timers: Rc<Timers>,
    pub random: Rc<Random>,
}

pub struct Target<'a> {
    pub context: &'a CheckContext,
    pub shared: &'a ClusterShared,
    pub check: &'a Check,
    pub host: &'a Arc<Host>,
}

impl Target<'_> {
    /// What a request names as its host.
    pub fn hostname<'b>(&'b self, configured: &'b str) -> &'b str {
        let own = self.host.check.as_ref().map_or("", |check| &check.hostname);
        let names = [own, configured, self.shared.name()];
        names.into_iter().find(|name| !name.is_empty()).unwrap_or_default()
    }

    /// The scheme of a request to the host.
    pub fn scheme(&self) -> &'static [u8] {
        if self.socket().tls.is_some() {
            b"https"
        } else {
            b"http"
        }
    }

    fn socket(&self) -> &HostSocket {
        let sockets = &self.shared.config.sockets;
        match &self.check.socket_criteria {
            None => sockets.of(self.host),
            Some(criteria) => sockets.matching(Some(criteria)),
        }
    }

    /// Where it is checked.
    pub fn address(&self) -> Address {
        let own = &self.host.address;
        let check = self.host.check.as_ref();
        check.and_then(|check| check.address(own)).unwrap_or_else(|| own.clone())
    }

    /// Opens a connection; the caller limits the time.
    ///
    /// # Errors
    /// The host cannot be reached.
    pub async fn connect(&self) -> std::result::Result<Opened, SocketError> {
        let options = &self.shared.config.connect;
        let apart = self.host.check.as_ref().and_then(|check| check.address(&self.host.address));
        let opened = match apart {
            Some(address) => socket::connect(&address, options).await?,
            None => happy_eyeballs::connect(self.host, options, &self.context.timers).await?,
        };
        let Some(tls) = &self.socket().tls else { return Ok(opened) };
        let names = TlsNames { alpn: self.check.alpn.clone(), ..TlsNames::default() };
        let (registry, thread) = (&self.context.registry, self.context.thread);
        transport_sockets::secure(tls, (&self.host.hostname, &names), registry, thread, opened)
            .await
    }

    /// The host broke the protocol.
    pub fn count_protocol_error(&self) {
        let number = self.shared.config.stats_block;
        let block = self.context.registry.block(self.context.thread, number, BlockKind::Cluster);
        block.inc(ClusterStat::ClusterUpstreamCxProtocolError);
    }

    /// Changes the headers of a request as the configuration says.
    pub fn change_headers(&self, changes: &HeaderChanges, headers: &mut Headers, of: Protocol) {
        if changes.is_empty() {
            return;
        }
        let start = crate::clock::now();
        // Envoy has loopback addresses where a client's would be.
        let connection = Rc::new(ConnectionInfo::without_client(0, Ipv4Addr::LOCALHOST));
        let mut info = StreamInfo::new(connection, start, crate::clock::wall());
        info.protocol = Some(of);
        info.upstream.host = Some(self.host.clone());
        changes.apply(headers, Side::Request, |formatter, request, out| {
            let context = FormatContext {
                info: &info,
                request: Some(request),
                response: None,
                trailers: None,
                local_reply_body: b"",
                log_type: LogType::NotSet,
            };
            formatter.format(&context, out);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, EndpointCheck};

    #[test]
    fn an_endpoint_is_checked_where_it_says() {
        let at = |text: &str| Address::Ip(text.parse().unwrap());
        let own = at("10.0.0.1:80");
        let check = |address: Option<&str>, port| {
            let check = EndpointCheck { address: address.map(at), port, ..Default::default() };
            check.address(&own)
        };
        assert_eq!(check(None, 0), None);
        assert_eq!(check(None, 81), Some(at("10.0.0.1:81")));
        assert_eq!(check(Some("10.0.0.2:82"), 0), Some(at("10.0.0.2:82")));
        assert_eq!(check(Some("10.0.0.2:82"), 83), Some(at("10.0.0.2:83")));
    }
}
