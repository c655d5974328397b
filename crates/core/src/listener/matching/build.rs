//! Building the tree: each level splits the chains of a branch by their values of one criterion.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::prefixes::{range, Prefixes, Range};
use super::{Node, SourceTypes, Values};
use crate::compile::{At, CompileError, Result};
use crate::proto::{Cidr, FilterChainMatch};

/// A chain with its criteria, address ranges read.
struct Entry {
    chain: usize,
    port: Option<u16>,
    destination: Vec<Range>,
    server_names: Vec<Box<str>>,
    transport: Vec<Box<str>>,
    application: Vec<Box<str>>,
    direct_source: Vec<Range>,
    source_type: u32,
    source: Vec<Range>,
    source_ports: Vec<u16>,
}

type Entries<'a> = Vec<&'a Entry>;
/// A level: it splits entries and gives the rest to the next level.
type Level = fn(&[&Entry], usize) -> Result<Option<Node>>;

/// The levels in the order in which Envoy looks at them.
const LEVELS: &[Level] = &[
    |entries, next| {
        let ports = |e: &Entry| e.port.into_iter().collect();
        values(entries, next, ports).map(|values| values.map(Node::DestinationPort))
    },
    |entries, next| prefixes(entries, next, |e| &e.destination).map(|it| it.map(Node::Destination)),
    |entries, next| {
        let names = |e: &Entry| e.server_names.clone();
        values(entries, next, names).map(|values| values.map(Node::ServerName))
    },
    |entries, next| {
        let transport = |e: &Entry| e.transport.clone();
        values(entries, next, transport).map(|values| values.map(Node::TransportProtocol))
    },
    |entries, next| {
        let application = |e: &Entry| e.application.clone();
        values(entries, next, application).map(|values| values.map(Node::ApplicationProtocol))
    },
    |entries, next| {
        prefixes(entries, next, |e| &e.direct_source).map(|it| it.map(Node::DirectSource))
    },
    source_types,
    |entries, next| prefixes(entries, next, |e| &e.source).map(|it| it.map(Node::Source)),
    |entries, next| {
        let ports = |e: &Entry| e.source_ports.clone();
        values(entries, next, ports).map(|values| values.map(Node::SourcePort))
    },
];

/// The tree over the matches of filter chains, which it names by index. None when there are no chains.
///
/// # Errors
/// A range that is none, with the chain's path; two chains that would take the same connection.
pub fn compile<'a>(
    matches: impl Iterator<Item = Option<&'a FilterChainMatch>>,
) -> Result<Option<Node>> {
    let default = FilterChainMatch::default();
    let entries = matches
        .enumerate()
        .map(|(chain, message)| {
            let entry = Entry::new(chain, message.unwrap_or(&default));
            entry.at(format_args!("filter_chains[{chain}].match"))
        })
        .collect::<Result<Vec<_>>>()?;
    branch(&entries.iter().collect::<Vec<_>>(), 0)
}

/// The branch of some chains from the first level on that one of them cares about.
fn branch(entries: &[&Entry], from: usize) -> Result<Option<Node>> {
    for (level, split) in LEVELS.iter().enumerate().skip(from) {
        if let Some(node) = split(entries, level + 1)? {
            return Ok(Some(node));
        }
    }
    match entries {
        [] => Ok(None),
        [one] => Ok(Some(Node::Chain(one.chain))),
        [_, other, ..] => {
            let reason = "multiple filter chains with overlapping matching rules are defined";
            let place = format_args!("filter_chains[{}].match", other.chain);
            Err(CompileError::new(reason).at(place))
        }
    }
}

/// Groups entries by value; apart those that name none. None when no entry names one.
fn group<'a, K: Ord>(
    entries: &[&'a Entry],
    keys: impl Fn(&Entry) -> Vec<K>,
) -> Option<(BTreeMap<K, Entries<'a>>, Entries<'a>)> {
    let mut groups: BTreeMap<K, Entries<'a>> = BTreeMap::new();
    let mut any = Vec::new();
    for entry in entries {
        let mut named = keys(entry);
        named.sort();
        named.dedup();
        if named.is_empty() {
            any.push(*entry);
        }
        named.into_iter().for_each(|key| groups.entry(key).or_default().push(*entry));
    }
    (!groups.is_empty()).then_some((groups, any))
}

fn nodes<K>(groups: BTreeMap<K, Entries<'_>>, next: usize) -> Result<Vec<(K, Node)>> {
    let mut nodes = Vec::new();
    for (key, entries) in groups {
        nodes.extend(branch(&entries, next)?.map(|node| (key, node)));
    }
    Ok(nodes)
}

fn values<K: Ord + std::hash::Hash + Eq>(
    entries: &[&Entry],
    next: usize,
    keys: impl Fn(&Entry) -> Vec<K>,
) -> Result<Option<Values<K>>> {
    let Some((groups, any)) = group(entries, keys) else { return Ok(None) };
    let named = nodes(groups, next)?.into_iter().collect();
    Ok(Some(Values { named, any: branch(&any, next)?.map(Box::new) }))
}

fn prefixes(
    entries: &[&Entry],
    next: usize,
    ranges: impl Fn(&Entry) -> &Vec<Range>,
) -> Result<Option<Prefixes>> {
    let Some((groups, any)) = group(entries, |e| ranges(e).clone()) else { return Ok(None) };
    let ranges = nodes(groups, next)?;
    Ok(Some(Prefixes::new(ranges, branch(&any, next)?.map(Box::new))))
}

fn source_types(entries: &[&Entry], next: usize) -> Result<Option<Node>> {
    if entries.iter().all(|entry| entry.source_type == 0) {
        return Ok(None);
    }
    let of = |kind: u32| {
        let entries: Entries<'_> =
            entries.iter().copied().filter(|entry| entry.source_type == kind).collect();
        branch(&entries, next)
    };
    let types = SourceTypes { any: of(0)?, local: of(1)?, external: of(2)? };
    Ok(Some(Node::SourceType(Box::new(types))))
}

impl Entry {
    fn new(chain: usize, message: &FilterChainMatch) -> Result<Self> {
        let protocol = &message.transport_protocol;
        let transport = (!protocol.is_empty()).then(|| protocol.as_str().into());
        Ok(Self {
            chain,
            port: (message.destination_port != 0)
                .then(|| port(message.destination_port))
                .transpose()?,
            destination: ranges(&message.prefix_ranges, "prefix_ranges")?,
            server_names: message.server_names.iter().map(|name| server_name(name)).collect(),
            transport: transport.into_iter().collect(),
            application: message.application_protocols.iter().map(|p| p.as_str().into()).collect(),
            direct_source: ranges(
                &message.direct_source_prefix_ranges,
                "direct_source_prefix_ranges",
            )?,
            source_type: message.source_type,
            source: ranges(&message.source_prefix_ranges, "source_prefix_ranges")?,
            source_ports: message.source_ports.iter().map(|p| port(*p)).collect::<Result<_>>()?,
        })
    }
}

/// `*.example.com` is kept as `.example.com`, which no exact name can be.
fn server_name(name: &str) -> Box<str> {
    match name.strip_prefix('*') {
        Some(suffix) if suffix.starts_with('.') => suffix.into(),
        _ => name.into(),
    }
}

fn port(number: u32) -> Result<u16> {
    u16::try_from(number).map_err(|_| CompileError::new(format!("{number} is not a port")))
}

fn ranges(cidrs: &[Cidr], field: &str) -> Result<Vec<Range>> {
    crate::compile::each(cidrs, field, |cidr| {
        let address: IpAddr = cidr
            .address
            .parse()
            .map_err(|_| CompileError::new(format!("{:?} is not an IP address", cidr.address)))?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        Ok(range(address, u8::try_from(cidr.prefix_len).unwrap_or(longest).min(longest)))
    })
}
