use std::net::SocketAddr;

use super::{compile, Node, Traits};
use crate::address::Address;
use crate::connection::ConnectionState;
use crate::proto::{Cidr, FilterChainMatch};

fn tree(matches: &[FilterChainMatch]) -> Node {
    compile(matches.iter().map(Some)).unwrap().unwrap()
}

fn address(text: &str) -> Address {
    match text.parse::<SocketAddr>() {
        Ok(ip) => ip.into(),
        Err(_) => Address::Pipe(std::sync::Arc::new(text.into())),
    }
}

fn ranges(texts: &[&str]) -> Vec<Cidr> {
    let cidr = |text: &&str| {
        let (address, length) = text.split_once('/').unwrap();
        Cidr { address: address.into(), prefix_len: length.parse().unwrap() }
    };
    texts.iter().map(cidr).collect()
}

/// A connection from 10.0.0.9:999 to 192.0.2.1:443, or as said.
struct Connection {
    local: &'static str,
    remote: &'static str,
    server_name: &'static str,
    transport: &'static str,
    protocols: &'static [&'static str],
}

const PLAIN: Connection = Connection {
    local: "192.0.2.1:443",
    remote: "10.0.0.9:999",
    server_name: "",
    transport: "raw_buffer",
    protocols: &[],
};

impl Connection {
    fn chain(&self, tree: &Node) -> Option<usize> {
        let (local, remote) = (address(self.local), address(self.remote));
        tree.find(&Traits {
            local: &local,
            remote: &remote,
            direct: &remote,
            server_name: self.server_name,
            transport_protocol: self.transport,
            application_protocols: &self.protocols.iter().map(|p| (*p).into()).collect::<Vec<_>>(),
            state: &ConnectionState::default(),
        })
    }
}

fn named(names: &[&str]) -> FilterChainMatch {
    let server_names = names.iter().map(|name| (*name).into()).collect();
    FilterChainMatch { server_names, ..Default::default() }
}

#[test]
fn one_chain_for_all_is_no_look_up() {
    assert!(matches!(tree(&[FilterChainMatch::default()]), Node::Chain(0)));
    assert!(compile(std::iter::empty()).unwrap().is_none());
}

#[test]
fn the_destination_port_comes_first_and_decides() {
    let tree = tree(&[
        FilterChainMatch { destination_port: 443, source_ports: vec![1], ..Default::default() },
        FilterChainMatch::default(),
    ]);
    assert_eq!(PLAIN.chain(&tree), None, "a chain of the port has the connection or none has");
    assert_eq!(Connection { local: "192.0.2.1:80", ..PLAIN }.chain(&tree), Some(1));
    assert_eq!(Connection { local: "/socket", ..PLAIN }.chain(&tree), Some(1));
}

#[test]
fn the_longest_range_wins_and_families_are_apart() {
    let tree = tree(&[
        FilterChainMatch { prefix_ranges: ranges(&["192.0.2.0/24"]), ..Default::default() },
        FilterChainMatch { prefix_ranges: ranges(&["192.0.2.1/32"]), ..Default::default() },
        FilterChainMatch { prefix_ranges: ranges(&["0.0.0.0/0"]), ..Default::default() },
        FilterChainMatch { prefix_ranges: ranges(&["2001:db8::/32"]), ..Default::default() },
    ]);
    let to = |local| Connection { local, ..PLAIN }.chain(&tree);
    assert_eq!(to("192.0.2.1:443"), Some(1));
    assert_eq!(to("192.0.2.77:443"), Some(0));
    assert_eq!(to("198.51.100.1:443"), Some(2));
    assert_eq!(to("[::ffff:192.0.2.77]:443"), Some(0));
    assert_eq!(to("[2001:db8::1]:443"), Some(3));
    assert_eq!(to("[2001:db9::1]:443"), None);
    assert_eq!(to("/socket"), Some(2));
}

#[test]
fn server_names_are_exact_then_wildcards_from_the_longest() {
    let tree = tree(&[
        named(&["a.test"]),
        named(&["*.a.test", "b.test"]),
        named(&["*.x.a.test"]),
        FilterChainMatch::default(),
    ]);
    let of = |server_name| Connection { server_name, ..PLAIN }.chain(&tree);
    assert_eq!(of("a.test"), Some(0));
    assert_eq!(of("z.a.test"), Some(1));
    assert_eq!(of("z.y.a.test"), Some(1));
    assert_eq!(of("z.x.a.test"), Some(2));
    assert_eq!(of("b.test"), Some(1));
    assert_eq!(of("c.b.test"), Some(3));
    assert_eq!(of(".a.test"), Some(3), "a name that begins with a dot is no wildcard");
    assert_eq!(of(""), Some(3));
}

#[test]
fn protocols_come_after_names_and_the_clients_order_counts() {
    let transport = |protocol: &str, application: &[&str]| FilterChainMatch {
        transport_protocol: protocol.into(),
        application_protocols: application.iter().map(|name| (*name).into()).collect(),
        ..Default::default()
    };
    let tree = tree(&[
        transport("tls", &["h2"]),
        transport("tls", &["http/1.1"]),
        transport("raw_buffer", &[]),
        named(&["a.test"]),
    ]);
    let tls = |protocols| Connection { transport: "tls", protocols, ..PLAIN };
    assert_eq!(tls(&["http/1.1", "h2"]).chain(&tree), Some(1));
    assert_eq!(tls(&["quux", "h2"]).chain(&tree), Some(0));
    assert_eq!(tls(&[]).chain(&tree), None);
    assert_eq!(PLAIN.chain(&tree), Some(2));
    assert_eq!(Connection { server_name: "a.test", ..tls(&["h2"]) }.chain(&tree), Some(3));
}

#[test]
fn sources_by_direct_range_type_range_and_port() {
    let tree = tree(&[
        FilterChainMatch {
            direct_source_prefix_ranges: ranges(&["203.0.113.0/24"]),
            ..Default::default()
        },
        FilterChainMatch { source_type: 1, ..Default::default() },
        FilterChainMatch {
            source_type: 2,
            source_prefix_ranges: ranges(&["10.0.0.0/8"]),
            source_ports: vec![7, 8],
            ..Default::default()
        },
        FilterChainMatch { source_type: 2, ..Default::default() },
    ]);
    let from = |remote| Connection { remote, ..PLAIN }.chain(&tree);
    assert_eq!(from("203.0.113.9:7"), Some(0));
    assert_eq!(from("127.0.0.1:7"), Some(1));
    assert_eq!(from("127.0.0.2:7"), Some(3));
    assert_eq!(from("192.0.2.1:7"), Some(1), "the client has the address of the listener");
    assert_eq!(from("/client"), Some(1));
    assert_eq!(from("10.1.1.1:8"), Some(2));
    assert_eq!(from("10.1.1.1:9"), None, "the range decided before the port");
    assert_eq!(from("11.1.1.1:9"), Some(3));
}

#[test]
fn chains_that_overlap_and_ranges_that_are_none_are_errors() {
    let error = compile([named(&["a", "b"]), named(&["c", "b"])].iter().map(Some)).err().unwrap();
    assert_eq!(error.path, "filter_chains[1].match");
    assert!(error.reason.contains("overlapping"), "{error}");
    let cidr = Cidr { address: "nowhere".into(), prefix_len: 8 };
    let bad = FilterChainMatch { source_prefix_ranges: vec![cidr], ..Default::default() };
    let error = compile([bad].iter().map(Some)).err().unwrap();
    assert_eq!(error.path, "filter_chains[0].match.source_prefix_ranges[0]");
}
