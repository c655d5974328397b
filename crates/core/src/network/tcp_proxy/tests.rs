use super::TcpProxyConfig;
use crate::access_log::Sinks;
use crate::proto::{self, weighted_cluster::Specifier};
use crate::random::Random;
use crate::stats::Registry;

fn compile(clusters: &[(&str, u32)]) -> crate::compile::Result<TcpProxyConfig> {
    let cluster = |(name, weight): &(&str, u32)| proto::WeightedCluster {
        specifier: Some(Specifier::Name((*name).into())),
        weight: *weight,
        ..Default::default()
    };
    let clusters = clusters.iter().map(cluster).collect();
    let message = proto::TcpProxy { clusters, ..Default::default() };
    let registry = std::sync::Arc::new(Registry::default());
    let sinks = Sinks::start(std::time::Duration::from_secs(1), &registry, 1).unwrap();
    let config = TcpProxyConfig::compile(&message, &sinks);
    sinks.shutdown();
    config
}

#[test]
fn clusters_are_chosen_by_their_weights() {
    let config = compile(&[("none", 0), ("one", 1), ("three", 3)]).unwrap();
    let random = Random::seeded(3);
    let mut chosen = std::collections::HashMap::new();
    for _ in 0..4000 {
        *chosen.entry(config.choose_cluster(&random).to_string()).or_insert(0) += 1;
    }
    assert_eq!(chosen.get("none"), None);
    assert!((800..1200).contains(&chosen["one"]), "{chosen:?}");
    assert_eq!(chosen["one"] + chosen["three"], 4000);
}

#[test]
fn a_proxy_needs_a_cluster() {
    assert!(compile(&[]).is_err());
    assert!(compile(&[("a", 0)]).is_err());
}
