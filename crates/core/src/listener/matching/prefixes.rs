//! Address ranges, of which the longest that holds an address counts.

use std::net::IpAddr;

use super::{Map, Node};

/// A range: whether it is of IPv6, its length, and its first bits.
pub(super) type Range = (bool, u8, u128);

/// Branches by address range, one table for each length in use, longest first.
pub struct Prefixes {
    v4: Vec<(u8, Map<u128>)>,
    v6: Vec<(u8, Map<u128>)>,
    any: Option<Box<Node>>,
}

/// The first `length` bits of an address, as high bits of the number.
fn bits(address: IpAddr, length: u8) -> u128 {
    let all = match address {
        IpAddr::V4(v4) => u128::from(u32::from(v4)) << 96,
        IpAddr::V6(v6) => u128::from(v6),
    };
    match length {
        0 => 0,
        length => all >> (128 - u32::from(length.min(128))),
    }
}

/// The range of the addresses that share the first `length` bits of `address`.
pub(super) fn range(address: IpAddr, length: u8) -> Range {
    (address.is_ipv6(), length, bits(address, length))
}

impl Prefixes {
    pub fn new(ranges: Vec<(Range, Node)>, any: Option<Box<Node>>) -> Self {
        let mut tables = [Vec::new(), Vec::new()];
        for ((is_v6, length, bits), node) in ranges {
            let family: &mut Vec<(u8, Map<u128>)> = &mut tables[usize::from(is_v6)];
            match family.iter_mut().find(|(known, _)| *known == length) {
                Some((_, table)) => _ = table.insert(bits, node),
                None => family.push((length, [(bits, node)].into_iter().collect())),
            }
        }
        let [mut v4, mut v6] = tables;
        v4.sort_by_key(|(length, _)| std::cmp::Reverse(*length));
        v6.sort_by_key(|(length, _)| std::cmp::Reverse(*length));
        Self { v4, v6, any }
    }

    pub fn find(&self, address: IpAddr) -> Option<&Node> {
        let family = match address {
            IpAddr::V4(_) => &self.v4,
            IpAddr::V6(_) => &self.v6,
        };
        let mut tables = family.iter();
        let found = tables.find_map(|(length, table)| table.get(&bits(address, *length)));
        found.or(self.any.as_deref())
    }
}
