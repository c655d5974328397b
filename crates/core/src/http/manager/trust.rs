//! Whose word counts: the client's address from x-forwarded-for, and which clients are internal.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#x-forwarded-for>

use std::net::{IpAddr, SocketAddr};

use crate::address::Address;
use crate::compile::{CompileError, Result};
use crate::headers::{HeaderId, Headers, Key};
use crate::proto;

/// A range of addresses.
#[derive(Clone, Debug)]
pub struct Cidr {
    address: IpAddr,
    prefix: u32,
}

impl Cidr {
    pub fn compile(message: &proto::Cidr) -> Result<Self> {
        let address = message.address.parse().map_err(|_| {
            CompileError::new(format!("{:?} is not an IP address", message.address))
        })?;
        Ok(Self { address, prefix: message.prefix_len })
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        fn same(a: u128, b: u128, bits: u32, prefix: u32) -> bool {
            let shift = bits.saturating_sub(prefix);
            shift >= bits || (a >> shift) == (b >> shift)
        }
        match (self.address, address) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                same(u32::from(a).into(), u32::from(b).into(), 32, self.prefix)
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => same(a.into(), b.into(), 128, self.prefix),
            _ => false,
        }
    }
}

/// Which clients are internal (`internal_address_config`). None are by default.
#[derive(Default)]
pub struct InternalAddresses {
    ranges: Vec<Cidr>,
    unix_sockets: bool,
}

impl InternalAddresses {
    pub fn compile(message: &proto::HttpConnectionManager) -> Result<Self> {
        let ranges = message.internal_addresses.iter().map(Cidr::compile).collect::<Result<_>>()?;
        Ok(Self { ranges, unix_sockets: message.internal_unix_sockets })
    }

    pub fn contains(&self, address: &Address) -> bool {
        match address {
            Address::Ip(ip) => self.ranges.iter().any(|range| range.contains(ip.ip())),
            Address::Pipe(_) => self.unix_sockets,
            Address::Internal(_) => false,
        }
    }
}

/// An address that x-forwarded-for names.
#[derive(Debug, PartialEq, Eq)]
pub struct Forwarded {
    pub address: IpAddr,
    /// It stands alone: no proxy was between.
    pub single: bool,
}

/// The address `skip` places before the last of x-forwarded-for, when it is one.
pub fn forwarded_for(headers: &Headers, skip: usize) -> Option<Forwarded> {
    let joined = headers.joined(Key::Known(HeaderId::XForwardedFor))?;
    let mut parts: Vec<&[u8]> =
        joined.split(|&byte| byte == b',').map(<[u8]>::trim_ascii).collect();
    let single = parts.len() == 1;
    parts.truncate(parts.len().checked_sub(skip)?);
    let text = std::str::from_utf8(parts.pop()?).ok()?;
    let address = text.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|a| a.ip()))?;
    Some(Forwarded { address, single })
}

#[cfg(test)]
mod tests {
    use super::{forwarded_for, Cidr};
    use crate::headers::{HeaderId, Headers};
    use crate::proto;

    fn at(values: &[&str], skip: usize) -> Option<(String, bool)> {
        let mut headers = Headers::new();
        for value in values {
            headers.append(HeaderId::XForwardedFor, value.as_bytes());
        }
        forwarded_for(&headers, skip).map(|f| (f.address.to_string(), f.single))
    }

    #[test]
    fn the_hop_counts_from_the_right() {
        assert_eq!(at(&["1.1.1.1, 2.2.2.2"], 0), Some(("2.2.2.2".into(), false)));
        assert_eq!(at(&["1.1.1.1", "2.2.2.2"], 1), Some(("1.1.1.1".into(), false)));
        assert_eq!(at(&["::1"], 0), Some(("::1".into(), true)));
        assert_eq!(at(&["1.1.1.1"], 1), None);
        assert_eq!(at(&["unknown"], 0), None);
        assert_eq!(at(&[], 0), None);
    }

    #[test]
    fn ranges_hold_their_own_family() {
        let range = |address: &str, prefix_len| {
            Cidr::compile(&proto::Cidr { address: address.into(), prefix_len }).unwrap()
        };
        assert!(range("10.0.0.0", 8).contains("10.9.9.9".parse().unwrap()));
        assert!(!range("10.0.0.0", 8).contains("11.0.0.0".parse().unwrap()));
        assert!(range("0.0.0.0", 0).contains("1.2.3.4".parse().unwrap()));
        assert!(!range("0.0.0.0", 0).contains("::1".parse().unwrap()));
        assert!(range("fd00::", 8).contains("fd12::1".parse().unwrap()));
    }
}
