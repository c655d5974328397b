//! The upstream PROXY protocol: what a connection to a host begins with.
//! <https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol.proto>

use crate::compile::{each, Result};
use crate::connection::Tlv;
use crate::http::stream_info::ConnectionInfo;
use crate::listener::filters::proxy_header::{write_v1, write_v2};
use crate::proto;

/// Immutable.
pub struct ProxyProtocol {
    v2: bool,
    pass: proto::PassThroughTlvs,
    added: Vec<Tlv>,
}

impl ProxyProtocol {
    /// # Errors
    /// A TLV of no type.
    pub fn compile(message: &proto::UpstreamProxyProtocol) -> Result<Self> {
        Ok(Self {
            v2: message.v2,
            pass: message.pass_through.clone().unwrap_or_default(),
            added: each(&message.added_tlvs, "added_tlvs", Tlv::compile)?,
        })
    }

    /// The header of a client's connection; without one the proxy speaks for itself.
    pub fn header(&self, client: Option<&ConnectionInfo>, more: &[Tlv]) -> Vec<u8> {
        let addresses = client.and_then(|it| it.remote.ip().zip(it.local.ip()));
        if !self.v2 {
            return write_v1(addresses);
        }
        let inspected = client.and_then(|it| it.inspected.as_deref());
        let is_proxied = inspected.is_some_and(|it| it.direct_remote.is_some());
        // As in Envoy, a tcp_proxy adds none to those of a proxy in front.
        let mut tlvs: Vec<Tlv> = if is_proxied { Vec::new() } else { more.to_vec() };
        let add = |tlvs: &mut Vec<Tlv>, tlv: &Tlv| {
            if !tlvs.iter().any(|known| known.kind == tlv.kind) {
                tlvs.push(tlv.clone());
            }
        };
        self.added.iter().for_each(|tlv| add(&mut tlvs, tlv));
        let passed = inspected.map(|it| it.tlvs.as_slice()).unwrap_or_default();
        for tlv in passed.iter().filter(|tlv| self.passes(tlv.kind)) {
            add(&mut tlvs, tlv);
        }
        let header = write_v2(addresses, &tlvs).or_else(|| write_v2(addresses, &[]));
        header.unwrap_or_default()
    }

    fn passes(&self, kind: u8) -> bool {
        self.pass.all || self.pass.types.contains(&kind.into())
    }
}
