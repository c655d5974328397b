use serde_json::json;

use super::{Rules, Subject, Verdict};
use crate::address::Address;
use crate::connection::ConnectionState;
use crate::listener::Traits;
use crate::matcher::Regexes;
use crate::proto::rbac_rule::{self, Kind};
use crate::proto::{
    metadata_value, string_match, Cidr, Int64Range, MetadataMatch, MetadataValue, RbacAction,
    RbacPolicy, RbacRule, RbacRules, StringMatch,
};

fn rule(kind: Kind) -> RbacRule {
    RbacRule { kind: Some(kind) }
}

fn exact(text: &str) -> StringMatch {
    StringMatch { kind: Some(string_match::Kind::Exact(text.into())), ignore_case: false }
}

fn cidr(address: &str, prefix_len: u32) -> Cidr {
    Cidr { address: address.into(), prefix_len }
}

fn policy(name: &str, permission: Kind, principal: Kind) -> RbacPolicy {
    RbacPolicy {
        name: name.into(),
        permissions: vec![rule(permission)],
        principals: vec![rule(principal)],
        condition: None,
    }
}

fn rules(action: RbacAction, policies: Vec<RbacPolicy>) -> Rules {
    let message = RbacRules { action: action.into(), policies, matcher: None };
    Rules::compile(&message, &Regexes::default()).unwrap()
}

/// Asks about a connection from 10.1.2.3, which a proxy at 127.0.0.1 speaks for, to port 443 of 127.0.0.9.
fn judge(rules: &Rules) -> Verdict<'_> {
    let address = |text: &str| Address::Ip(text.parse().unwrap());
    let (local, remote) = (address("127.0.0.9:443"), address("10.1.2.3:5"));
    let direct = address("127.0.0.1:6");
    let state = ConnectionState::default();
    let metadata = json!({"ns": {"a": 1}});
    let filter_state = json!({"key": "text", "ip": "10.0.0.9:80"});
    rules.judge(&Subject {
        traits: Traits {
            local: &local,
            remote: &remote,
            direct: &direct,
            server_name: "a.test",
            transport_protocol: "tls",
            application_protocols: &[],
            state: &state,
        },
        remote: &remote,
        headers: None,
        dynamic_metadata: Some(&metadata),
        route_metadata: None,
        filter_state: Some(&filter_state),
        peer: None,
        context: None,
    })
}

fn holds(kind: Kind) -> bool {
    judge(&rules(RbacAction::Allow, vec![policy("p", Kind::Any(true), kind)])).allowed
}

#[test]
fn actions_decide_about_a_match() {
    let matching = || vec![policy("p", Kind::Any(true), Kind::Any(true))];
    let verdict = |action, policies| {
        let rules = rules(action, policies);
        let Verdict { allowed, policy, logged } = judge(&rules);
        (allowed, policy.map(str::to_owned), logged)
    };
    let named = || Some("p".to_owned());
    assert_eq!(verdict(RbacAction::Allow, matching()), (true, named(), None));
    assert_eq!(verdict(RbacAction::Deny, matching()), (false, named(), None));
    assert_eq!(verdict(RbacAction::Log, matching()), (true, named(), Some(true)));
    assert_eq!(verdict(RbacAction::Allow, vec![]), (false, None, None));
    assert_eq!(verdict(RbacAction::Deny, vec![]), (true, None, None));
    assert_eq!(verdict(RbacAction::Log, vec![]), (true, None, Some(false)));
}

#[test]
fn addresses_are_those_of_the_client_the_peer_and_this_side() {
    assert!(holds(Kind::ConnectionIp(cidr("10.1.0.0", 16))));
    assert!(holds(Kind::RemoteIp(cidr("10.1.0.0", 16))));
    assert!(!holds(Kind::DirectRemoteIp(cidr("10.1.0.0", 16))));
    assert!(holds(Kind::DirectRemoteIp(cidr("127.0.0.1", 32))));
    assert!(holds(Kind::DestinationIp(cidr("127.0.0.9", 32))));
    assert!(holds(Kind::DestinationPort(Int64Range { start: 443, end: 444 })));
    assert!(!holds(Kind::DestinationPort(Int64Range { start: 1, end: 443 })));
}

#[test]
fn rules_combine() {
    let set = |kinds: Vec<Kind>| rbac_rule::Rules { rules: kinds.into_iter().map(rule).collect() };
    let (yes, no) = (|| Kind::Any(true), || Kind::Not(Box::new(rule(Kind::Any(true)))));
    assert!(!holds(Kind::And(set(vec![yes(), no()]))) && holds(Kind::And(set(vec![yes(), yes()]))));
    assert!(holds(Kind::Or(set(vec![no(), yes()]))) && !holds(Kind::Or(set(vec![no()]))));
    assert!(!holds(no()));
}

#[test]
fn names_metadata_and_filter_state() {
    assert!(holds(Kind::RequestedServerName(exact("a.test"))));
    let metadata = |key: &str, invert| {
        let matcher = MetadataMatch {
            path: vec!["ns".into(), key.into()],
            value: Some(MetadataValue { kind: Some(metadata_value::Kind::Json("1".into())) }),
            invert,
        };
        Kind::Metadata(rbac_rule::Metadata { matcher: Some(matcher), of_route: false })
    };
    assert!(holds(metadata("a", false)) && !holds(metadata("b", false)));
    assert!(!holds(metadata("a", true)) && holds(metadata("b", true)));
    let state = |key: &str, kind| {
        Kind::FilterState(rbac_rule::FilterState {
            key: key.into(),
            kind: Some(kind),
            invert: false,
        })
    };
    let text = || rbac_rule::filter_state::Kind::String(exact("text"));
    assert!(holds(state("key", text())) && !holds(state("other", text())));
    let ranges = crate::proto::Cidrs { ranges: vec![cidr("10.0.0.0", 8)] };
    assert!(holds(state("ip", rbac_rule::filter_state::Kind::Ranges(ranges))));
    let authenticated = rbac_rule::Authenticated { principal_name: None };
    assert!(!holds(Kind::Authenticated(authenticated)));
}
