//! Address ranges.

use std::net::IpAddr;

use crate::compile::{CompileError, Result};
use crate::proto;

/// A range of IPv4 or IPv6 addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    is_v6: bool,
    length: u8,
    bits: u128,
}

impl Cidr {
    /// # Errors
    /// The address is none.
    pub fn compile(message: &proto::Cidr) -> Result<Self> {
        let address: IpAddr = message
            .address
            .parse()
            .map_err(|_| CompileError::new(format!("{:?} is no IP address", message.address)))?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let length = u8::try_from(message.prefix_len).unwrap_or(longest).min(longest);
        Ok(Self { is_v6: address.is_ipv6(), length, bits: first_bits(address, length) })
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.is_v6 == address.is_ipv6() && first_bits(address, self.length) == self.bits
    }

    /// How many bits its addresses share.
    pub fn length(&self) -> u8 {
        self.length
    }
}

/// The first `length` bits of an address.
fn first_bits(address: IpAddr, length: u8) -> u128 {
    let (all, width) = match address {
        IpAddr::V4(v4) => (u128::from(u32::from(v4)), 32),
        IpAddr::V6(v6) => (u128::from(v6), 128),
    };
    all.checked_shr(u32::from(width - length.min(width))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::Cidr;
    use crate::proto;

    #[test]
    fn ranges_hold_what_shares_their_bits() {
        let holds = |range: &str, address: &str| {
            let (ip, length) = range.split_once('/').unwrap();
            let message = proto::Cidr { address: ip.into(), prefix_len: length.parse().unwrap() };
            Cidr::compile(&message).unwrap().contains(address.parse().unwrap())
        };
        assert!(holds("10.0.0.0/8", "10.255.0.1") && !holds("10.0.0.0/8", "11.0.0.1"));
        assert!(holds("0.0.0.0/0", "1.2.3.4") && !holds("0.0.0.0/0", "::1"));
        assert!(holds("::/0", "::1") && holds("2001:db8::/32", "2001:db8:1::2"));
        assert!(holds("10.1.2.3/32", "::ffff:10.1.2.3") && !holds("10.1.2.3/32", "10.1.2.4"));
    }
}
