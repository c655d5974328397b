use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;

use super::SubsetSettings;
use crate::lb::testing::{asker, host};
use crate::lb::{Asker, Criteria, LbContext, LbSettings, LoadBalancer, Prepared};
use crate::proto::subsets::{selector, Fallback, Selector};
use crate::proto::{self, ClusterStat};
use crate::random::Random;
use crate::stats::{BlockKind, Registry};
use crate::upstream::{Health, Host, HostSets, LocalityHosts, PriorityHosts};

/// Hosts 1, 2... of one priority with these values of `v` and `s`.
fn sets(hosts: &[(&str, &str)]) -> Arc<HostSets> {
    let with_metadata = |(number, (v, s)): (u8, &(&str, &str))| {
        let mut host = Arc::into_inner(host(number, 1, Health::Healthy)).unwrap();
        host.metadata = Some(Arc::new(json!({"envoy.lb": {"v": v, "s": s}})));
        Arc::new(host)
    };
    let hosts = (1..).zip(hosts).map(with_metadata).collect();
    let locality = LocalityHosts { locality: Arc::default(), weight: 0, hosts };
    let priorities = vec![PriorityHosts { localities: vec![locality] }];
    Arc::new(HostSets { priorities, ..HostSets::default() })
}

fn four() -> Arc<HostSets> {
    sets(&[("1", "a"), ("1", "b"), ("2", "a"), ("2", "a")])
}

fn selector(keys: &[&str]) -> Selector {
    Selector { keys: keys.iter().map(|key| (*key).to_owned()).collect(), ..Selector::default() }
}

fn message(selectors: &[Selector]) -> proto::Subsets {
    proto::Subsets { selectors: selectors.to_vec(), ..proto::Subsets::default() }
}

struct Divided {
    settings: Arc<SubsetSettings>,
    prepared: Arc<Prepared>,
    balancer: LoadBalancer,
    counted: RefCell<Vec<ClusterStat>>,
}

impl Divided {
    fn new(sets: &Arc<HostSets>, message: &proto::Subsets) -> Self {
        let settings = SubsetSettings::compile(message).unwrap();
        Self::prepared(sets, settings, None)
    }

    fn prepared(
        sets: &Arc<HostSets>,
        settings: Arc<SubsetSettings>,
        previous: Option<&Prepared>,
    ) -> Self {
        let lb = LbSettings::default();
        let prepared = Prepared::of_cluster(sets.clone(), &lb, Some(&settings), None, previous);
        let prepared = Arc::new(prepared);
        let balancer = LoadBalancer::new(prepared.clone(), lb);
        Self { settings, prepared, balancer, counted: RefCell::default() }
    }

    fn updated(&self, sets: &Arc<HostSets>) -> Self {
        Self::prepared(sets, self.settings.clone(), Some(&self.prepared))
    }

    /// The last digits of the hosts of ten requests with these criteria.
    fn hosts(&self, criteria: &str) -> BTreeSet<String> {
        self.hosts_with(criteria, None)
    }

    fn hosts_with(&self, criteria: &str, metadata: Option<&serde_json::Value>) -> BTreeSet<String> {
        let criteria = Criteria::compile(criteria).unwrap();
        let context = LbContext { criteria: criteria.as_ref(), metadata, ..LbContext::default() };
        let random = Random::seeded(3);
        let count = |stat| self.counted.borrow_mut().push(stat);
        let asker = Asker { count: &count, ..asker(&random) };
        let name = |host: &Arc<Host>| host.address.ip().unwrap().ip().to_string().split_off(7);
        (0..10).filter_map(|_| self.balancer.choose(&context, &asker).map(name)).collect()
    }

    fn gauge(&self, stat: ClusterStat) -> u64 {
        let block = Registry::default().block(0, 1, BlockKind::Cluster);
        self.prepared.write_stats(&block, 3);
        block.get(stat)
    }
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn criteria_have_to_have_the_names_of_a_selector() {
    let divided = Divided::new(&four(), &message(&[selector(&["v"]), selector(&["s", "v"])]));
    assert_eq!(divided.hosts(r#"{"v": "1"}"#), names(&["1", "2"]));
    assert_eq!(divided.hosts(r#"{"v": "1", "s": "b"}"#), names(&["2"]));
    assert_eq!(divided.counted.borrow()[..], [ClusterStat::ClusterLbSubsetsSelected; 20]);
    for none in ["", r#"{"v": "3"}"#, r#"{"s": "a"}"#, r#"{"v": "1", "z": "1"}"#] {
        assert_eq!(divided.hosts(none), names(&[]), "{none}");
    }
    assert_eq!(divided.gauge(ClusterStat::ClusterLbSubsetsActive), 3 * 5);
}

#[test]
fn dynamic_metadata_comes_before_the_route() {
    let divided = Divided::new(&four(), &message(&[selector(&["s", "v"])]));
    let metadata = json!({"envoy.lb": {"v": "2"}, "other": {"s": "b"}});
    let found = divided.hosts_with(r#"{"s": "a", "v": "1"}"#, Some(&metadata));
    assert_eq!(found, names(&["3", "4"]));
}

#[test]
fn fallbacks_of_the_cluster() {
    let only_v = message(&[selector(&["v"])]);
    let any = proto::Subsets { fallback: Fallback::AnyEndpoint as i32, ..only_v.clone() };
    let divided = Divided::new(&four(), &any);
    assert_eq!(divided.hosts("").len(), 4);
    assert_eq!(divided.counted.borrow()[0], ClusterStat::ClusterLbSubsetsFallback);
    let default = proto::Subsets {
        fallback: Fallback::DefaultSubset as i32,
        default_subset_json: r#"{"v": "1", "s": "b"}"#.into(),
        ..only_v
    };
    assert_eq!(Divided::new(&four(), &default).hosts(r#"{"v": "9"}"#), names(&["2"]));
    let none = proto::Subsets { default_subset_json: r#"{"v": "9"}"#.into(), ..default };
    assert_eq!(Divided::new(&four(), &none).hosts(""), names(&[]));
    let panic = Divided::new(&four(), &proto::Subsets { panic_mode_any: true, ..none });
    assert_eq!(panic.hosts("").len(), 4);
    assert!(panic.counted.borrow().contains(&ClusterStat::ClusterLbSubsetsFallbackPanic));
}

#[test]
fn a_selector_may_fall_back_to_fewer_keys() {
    let both = Selector {
        fallback: selector::Fallback::KeysSubset as i32,
        fallback_keys: vec!["v".into()],
        ..selector(&["s", "v"])
    };
    let divided = Divided::new(&four(), &message(&[selector(&["v"]), both]));
    assert_eq!(divided.hosts(r#"{"v": "2", "s": "z"}"#), names(&["3", "4"]));
    assert_eq!(divided.hosts(r#"{"v": "9", "s": "z"}"#), names(&[]));
}

#[test]
fn a_subset_of_a_single_host_takes_the_first() {
    let single = Selector { single_host: true, ..selector(&["v"]) };
    let divided = Divided::new(&four(), &message(&[single]));
    assert_eq!(divided.hosts(r#"{"v": "2"}"#), names(&["3"]));
    let duplicates = ClusterStat::ClusterLbSubsetsSingleHostPerSubsetDuplicate;
    assert_eq!(divided.gauge(duplicates), 2);
}

#[test]
fn an_update_tells_which_subsets_are_new() {
    let first = Divided::new(&four(), &message(&[selector(&["v"])]));
    assert_eq!(first.prepared.subset_changes(), (2, 0));
    let second = first.updated(&sets(&[("2", "a"), ("3", "a"), ("4", "a")]));
    assert_eq!(second.prepared.subset_changes(), (2, 1));
    assert_eq!(second.hosts(r#"{"v": "3"}"#), names(&["2"]));
    assert_eq!(second.hosts(r#"{"v": "1"}"#), names(&[]));
}
