use std::net::SocketAddr;
use std::rc::Rc;

use crate::lb::LbContext;
use crate::proto::{self, Discovery};
use crate::upstream::testing::*;
use crate::upstream::{Cluster, Clusters, UpstreamContext};

fn host(number: u8) -> SocketAddr {
    ([10, 0, 0, number], 80).into()
}

fn member(name: &str, hosts: &[SocketAddr]) -> proto::Cluster {
    proto::Cluster { name: name.into(), ..message(hosts) }
}

fn aggregate(name: &str, members: &[&str]) -> proto::Cluster {
    proto::Cluster {
        name: name.into(),
        discovery: Discovery::Aggregate.into(),
        members: members.iter().map(|&name| name.into()).collect(),
        endpoints: None,
        ..message(&[])
    }
}

fn clusters(upstream: Rc<UpstreamContext>, messages: &[proto::Cluster]) -> Clusters {
    let clusters = Clusters::new(upstream);
    messages.iter().for_each(|message| clusters.set(shared(message)));
    clusters
}

/// The name of the member that a request to `cluster` goes to, and its host.
fn ask(clusters: &Clusters, cluster: &Rc<Cluster>) -> Option<(String, String)> {
    let target = cluster.target(clusters, None)?;
    let context = LbContext { at: target.at, ..LbContext::default() };
    let host = target.cluster.choose_host(&context)?;
    Some((target.cluster.shared().name().to_string(), host.address.to_string()))
}

fn of(name: &str, host: &str) -> Option<(String, String)> {
    Some((name.into(), host.into()))
}

#[test]
fn members_serve_in_their_order() {
    run(|upstream| async move {
        let all = [member("a", &[host(1)]), member("b", &[host(2)]), aggregate("all", &["b", "a"])];
        let clusters = clusters(upstream, &all);
        let cluster = clusters.get("all").unwrap();
        assert_eq!(ask(&clusters, &cluster), of("b", "10.0.0.2:80"));
        let own = clusters.get("a").unwrap();
        assert_eq!(ask(&clusters, &own), of("a", "10.0.0.1:80"));
    });
}

#[test]
fn members_come_change_and_go() {
    run(|upstream| async move {
        let clusters = clusters(upstream, &[aggregate("all", &["a", "b"])]);
        let cluster = clusters.get("all").unwrap();
        assert_eq!(ask(&clusters, &cluster), None);
        clusters.set(shared(&member("b", &[host(2)])));
        assert_eq!(ask(&clusters, &cluster), of("b", "10.0.0.2:80"));
        clusters.set(shared(&member("a", &[host(1)])));
        assert_eq!(ask(&clusters, &cluster), of("a", "10.0.0.1:80"));
        let a = clusters.get("a").unwrap();
        assert_eq!(a.shared().set_endpoints(&endpoints(&[])), Ok(true));
        assert_eq!(ask(&clusters, &cluster), of("b", "10.0.0.2:80"));
        clusters.set(shared(&member("a", &[host(3)])));
        assert_eq!(ask(&clusters, &cluster), of("a", "10.0.0.3:80"));
        assert!(clusters.remove("a"));
        assert_eq!(ask(&clusters, &cluster), of("b", "10.0.0.2:80"));
        assert!(clusters.remove("b"));
        assert_eq!(ask(&clusters, &cluster), None);
    });
}

#[test]
fn aggregates_have_no_hosts_for_others() {
    run(|upstream| async move {
        let all = [
            member("a", &[host(1)]),
            aggregate("inner", &["a"]),
            aggregate("outer", &["outer", "inner"]),
        ];
        let clusters = clusters(upstream, &all);
        let cluster = clusters.get("outer").unwrap();
        assert_eq!(ask(&clusters, &cluster), None);
    });
}
