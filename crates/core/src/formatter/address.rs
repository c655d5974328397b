//! Addresses: whole, without the port, masked, or the port alone.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::text::Appender;
use super::{FormatContext, Rendered};
use crate::address::Address;

/// Whose address is meant.
#[derive(Clone, Copy)]
pub enum AddressOf {
    DownstreamRemote,
    DownstreamDirectRemote,
    DownstreamLocal,
    DownstreamDirectLocal,
    UpstreamRemote,
    UpstreamLocal,
}

/// Which part of it.
#[derive(Clone, Copy)]
pub enum AddressPart {
    Whole,
    /// The IP address, with a prefix length as a masked range.
    Host(Option<u8>),
    Port,
    /// Of an internal address.
    EndpointId,
}

impl AddressPart {
    /// `*_WITHOUT_PORT(length)`: a text that is no length means none, as in Envoy.
    pub fn host(argument: Option<&str>) -> Self {
        let length = argument.and_then(|text| text.parse::<u32>().ok());
        Self::Host(length.map(|length| length.min(128) as u8))
    }
}

impl AddressOf {
    fn find(self, context: &FormatContext<'_>) -> Option<Address> {
        let info = context.info;
        match self {
            Self::DownstreamRemote => Some(info.remote.clone()),
            Self::DownstreamDirectRemote => Some(info.connection.direct_remote().clone()),
            Self::DownstreamLocal => Some(info.connection.local.clone()),
            Self::DownstreamDirectLocal => Some(info.connection.direct_local().clone()),
            Self::UpstreamLocal => info.upstream.local.clone(),
            Self::UpstreamRemote => {
                info.upstream.connection_id?;
                Some(info.upstream.host.as_ref()?.address.clone())
            }
        }
    }

    pub fn render(
        self,
        part: &AddressPart,
        context: &FormatContext<'_>,
        out: &mut Vec<u8>,
    ) -> Rendered {
        let Some(address) = self.find(context) else { return Rendered::Absent };
        match (part, address.ip()) {
            (AddressPart::Whole, _) => push_address(&address, out),
            (AddressPart::Host(Some(length)), Some(ip)) => push_range(ip.ip(), *length, out),
            (AddressPart::Host(_), _) => push_host(&address, out),
            (AddressPart::Port, Some(ip)) => return Rendered::number(ip.port(), out),
            (AddressPart::Port, None) => return Rendered::Null,
            (AddressPart::EndpointId, _) => out.extend_from_slice(address.endpoint_id().as_bytes()),
        }
        Rendered::Text
    }
}

/// Appends an address as Envoy writes it: `1.2.3.4:80`, `[::1]:80`, a path or `envoy://NAME/ID`.
pub fn push_address(address: &Address, out: &mut Vec<u8>) {
    match address {
        Address::Ip(ip) => {
            let bracket = ip.is_ipv6();
            if bracket {
                out.push(b'[');
            }
            push_ip(ip.ip(), out);
            if bracket {
                out.push(b']');
            }
            out.push(b':');
            Rendered::number(ip.port(), out);
        }
        Address::Pipe(path) => out.extend_from_slice(path.as_os_str().as_encoded_bytes()),
        // Writing to a Vec cannot fail.
        Address::Internal(_) => _ = write!(Appender(out), "{address}"),
    }
}

/// Appends the address without its port.
pub fn push_host(address: &Address, out: &mut Vec<u8>) {
    match address {
        Address::Ip(ip) => push_ip(ip.ip(), out),
        Address::Pipe(_) | Address::Internal(_) => push_address(address, out),
    }
}

fn push_ip(ip: IpAddr, out: &mut Vec<u8>) {
    match ip {
        IpAddr::V4(ip) => {
            for (index, octet) in ip.octets().into_iter().enumerate() {
                if index > 0 {
                    out.push(b'.');
                }
                Rendered::number(octet, out);
            }
        }
        // Writing to a Vec cannot fail.
        IpAddr::V6(ip) => _ = write!(Appender(out), "{ip}"),
    }
}

fn push_range(ip: IpAddr, length: u8, out: &mut Vec<u8>) {
    let length = length.min(if ip.is_ipv4() { 32 } else { 128 });
    let masked = match ip {
        IpAddr::V4(ip) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(ip.to_bits() & mask))
        }
        IpAddr::V6(ip) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & mask))
        }
    };
    push_ip(masked, out);
    out.push(b'/');
    Rendered::number(length, out);
}
