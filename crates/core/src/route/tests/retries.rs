//! The retry policy of a request.

use std::sync::Arc;

use crate::headers::{HeaderId, Headers};
use crate::matcher::Regexes;
use crate::proto::route_match::Path;
use crate::proto::{self};
use crate::route::test_support::{compile, forward, request, route, Lines};
use crate::route::{Action, RetryOn, RetryPolicy};

fn policy(message: &proto::RetryPolicy) -> Arc<RetryPolicy> {
    let policy = RetryPolicy::compile(message, &Regexes::default());
    Arc::new(policy.unwrap_or_else(|e| unreachable!("{e}")))
}

fn of_route() -> proto::RetryPolicy {
    proto::RetryPolicy {
        retry_on: vec!["5xx".into(), "cancelled".into()],
        num_retries: 3,
        retriable_status_codes: vec![418],
        ..Default::default()
    }
}

fn effective(message: &proto::RetryPolicy, headers: Lines<'_>) -> Option<Arc<RetryPolicy>> {
    RetryPolicy::effective(Some(&policy(message)), &mut request("h", "/", headers))
}

#[test]
fn without_headers_the_policy_of_the_route_is_used_as_it_is() {
    let policy = policy(&of_route());
    let effective = RetryPolicy::effective(Some(&policy), &mut request("h", "/", &[]));
    assert!(effective.is_some_and(|effective| Arc::ptr_eq(&effective, &policy)));
    assert!(RetryPolicy::effective(None, &mut request("h", "/", &[])).is_none());
    let nothing = proto::RetryPolicy { retry_on: Vec::new(), ..of_route() };
    let limits = self::effective(&nothing, &[]);
    assert!(limits.is_some_and(|policy| !policy.retries_any()));
}

#[test]
fn headers_add_conditions_codes_and_header_names() {
    let headers = [
        ("x-envoy-retry-on", "reset, retriable-headers,nonsense,retriable-status-codes"),
        ("x-envoy-retry-grpc-on", "internal,5xx"),
        ("x-envoy-max-retries", "7"),
        ("x-envoy-retriable-status-codes", "429, x,503"),
        ("x-envoy-retriable-header-names", "X-Again, "),
    ];
    let Some(policy) = effective(&of_route(), &headers) else { unreachable!("no policy") };
    let expected = RetryOn::FIVE_XX
        | RetryOn::GRPC_CANCELLED
        | RetryOn::RESET
        | RetryOn::RETRIABLE_HEADERS
        | RetryOn::RETRIABLE_STATUS_CODES
        | RetryOn::GRPC_INTERNAL;
    assert_eq!(policy.conditions, expected);
    assert_eq!(policy.num_retries, 7);
    assert_eq!(policy.retriable_status_codes, [418, 429, 503]);
    let mut response = Headers::new();
    assert!(!policy.retriable_headers.iter().any(|m| m.matches(&response)));
    response.append_raw(b"x-again", b"1");
    assert!(policy.retriable_headers.iter().all(|m| m.matches(&response)));
}

#[test]
fn headers_alone_make_a_policy_and_do_not_go_further() {
    let mut request =
        request("h", "/", &[("x-envoy-retry-on", "5xx"), ("x-envoy-max-retries", "x")]);
    let policy = RetryPolicy::effective(None, &mut request);
    let Some(policy) = policy else { unreachable!("no policy") };
    assert_eq!((policy.conditions, policy.num_retries), (RetryOn::FIVE_XX, 1));
    assert_eq!(policy.backoff_base.as_millis(), 25);
    assert!(!request.contains(HeaderId::XEnvoyRetryOn));
    assert!(!request.contains(HeaderId::XEnvoyMaxRetries));
}

#[test]
fn a_policy_may_be_for_some_requests_only() {
    let only = proto::HeaderMatch { name: "x-idempotent".into(), ..Default::default() };
    let message = proto::RetryPolicy { retriable_request_headers: vec![only], ..of_route() };
    let retries = |headers| effective(&message, headers).is_some_and(|policy| policy.retries_any());
    assert!(!retries(&[]));
    assert!(retries(&[("x-idempotent", "1")]));
}

#[test]
fn a_request_may_ask_for_hedging_and_against_it() {
    let says = |value| {
        let policy = effective(&of_route(), &[("x-envoy-hedge-on-per-try-timeout", value)]);
        policy.and_then(|policy| policy.hedge)
    };
    assert_eq!(says("true"), Some(true));
    assert_eq!(says("false"), Some(false));
    assert_eq!(says("yes"), None);
    assert_eq!(effective(&of_route(), &[]).and_then(|policy| policy.hedge), None);
}

#[test]
fn a_route_hedges_as_its_virtual_host_unless_it_says_so() {
    let mut own = forward("own", Path::Exact("/own".into()));
    if let Some(proto::route::Action::Route(action)) = &mut own.action {
        action.hedge_on_per_try_timeout = Some(false);
    }
    let host = proto::VirtualHost {
        domains: vec!["*".into()],
        routes: vec![own, forward("rest", Path::Prefix("/".into()))],
        hedge_on_per_try_timeout: true,
        ..Default::default()
    };
    let table = compile(proto::RouteTable { virtual_hosts: vec![host], ..Default::default() });
    let hedges = |target: &str| match &route(&table, &request("h", target, &[]))?.action {
        Action::Forward(forward) => Some(forward.hedge),
        _ => None,
    };
    assert_eq!(hedges("/own"), Some(false));
    assert_eq!(hedges("/"), Some(true));
}

#[test]
fn unknown_conditions_do_not_compile() {
    let message = proto::RetryPolicy { retry_on: vec!["6xx".into()], ..of_route() };
    let error = RetryPolicy::compile(&message, &Regexes::default()).err();
    assert_eq!(error.map(|error| error.path).as_deref(), Some("retry_on[0]"));
}

#[test]
fn a_route_takes_the_policy_of_its_virtual_host() {
    let mut own = forward("own", Path::Exact("/own".into()));
    if let Some(proto::route::Action::Route(action)) = &mut own.action {
        action.retry_policy = Some(proto::RetryPolicy { num_retries: 9, ..of_route() });
    }
    let host = proto::VirtualHost {
        domains: vec!["*".into()],
        routes: vec![own, forward("rest", Path::Prefix("/".into()))],
        retry_policy: Some(of_route()),
        ..Default::default()
    };
    let table = compile(proto::RouteTable { virtual_hosts: vec![host], ..Default::default() });
    let retries = |target: &str| match &route(&table, &request("h", target, &[]))?.action {
        Action::Forward(forward) => forward.retry_policy.as_ref().map(|policy| policy.num_retries),
        _ => None,
    };
    assert_eq!(retries("/own"), Some(9));
    assert_eq!(retries("/"), Some(3));
}
