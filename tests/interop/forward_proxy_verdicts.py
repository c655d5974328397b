"""Configurations of dynamic_forward_proxy whose verdict by `--mode validate` is compared."""

from __future__ import annotations

from tests.interop.cases.http2_upstream import OPTIONS
from tests.interop.cases.tls_upstream import socket
from tests.interop.verdicts import ROUTER, Verdict, listener, manager, whole

_CLUSTER = "type.googleapis.com/envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig"
_FILTER = "type.googleapis.com/envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig"
_FILE = "type.googleapis.com/envoy.extensions.key_value.file_based.v3.FileBasedKeyValueStoreConfig"
_POLICY = "lb_policy: CLUSTER_PROVIDED"


def _cache(fields: str = "", name: str = "c") -> str:
    more = f", {fields}" if fields else ""
    return f"dns_cache_config: {{name: {name}{more}}}"


def cluster(
    name: str,
    config: str = "",
    fields: str = _POLICY,
    cache: str = "",
    filters: str = "",
    differs: str = "",
) -> Verdict:
    """A cluster, and a filter with a cache of its own."""
    parts = ", ".join(p for p in (f"'@type': {_CLUSTER}", cache or _cache(), config) if p != "-")
    typed = f"{{name: dfp, typed_config: {{{parts}}}}}"
    clusters = f"\n  - name: be\n    cluster_type: {typed}\n    {fields}\n"
    chain = manager(filters=f"[{filters}{ROUTER[1:]}") if filters else ""
    return Verdict(f"dfp_{name}", whole(listener(chain), clusters), differs)


def cached(name: str, fields: str, differs: str = "") -> Verdict:
    """A cache."""
    return cluster(name, cache=_cache(fields), differs=differs)


def with_filter(name: str, config: str, differs: str = "") -> Verdict:
    """A filter beside the cluster."""
    typed = f"{{name: dfp, typed_config: {{'@type': {_FILTER}, {config}}}}}, "
    return cluster(name, filters=typed, differs=differs)


def options(name: str, fields: str, config: str = "") -> Verdict:
    """HttpProtocolOptions of the cluster."""
    explicit = "explicit_http_config: {http_protocol_options: {}}"
    typed = f"{{'@type': type.googleapis.com/{OPTIONS}, {explicit}{fields}}}"
    return cluster(
        name, config, f"{_POLICY}\n    typed_extension_protocol_options: {{{OPTIONS}: {typed}}}"
    )


def names(fields: str) -> str:
    """What requests decide of TLS."""
    return f", upstream_http_protocol_options: {{{fields}}}"


VERDICTS = (
    cluster("good"),
    cluster("no_policy", fields="connect_timeout: 1s"),
    cluster("round_robin", fields="lb_policy: ROUND_ROBIN"),
    cluster("policy_typed", fields=(
        "load_balancing_policy: {policies: [{typed_extension_config: {name: p, typed_config:"
        " {'@type': type.googleapis.com/envoy.extensions.load_balancing_policies"
        ".cluster_provided.v3"
        ".ClusterProvided}}}]}")),
    cluster("no_cache", cache="-"),
    cluster("empty_name", cache="dns_cache_config: {name: ''}"),
    cluster("coalesced", "allow_coalesced_connections: true"),
    cluster("with_hosts", fields=(
        f"{_POLICY}\n    load_assignment: {{cluster_name: be, endpoints: [{{lb_endpoints:"
        " [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 1}}}}]}]}")),
    cluster("with_tls", fields=f"{_POLICY}\n    transport_socket: {socket()}"),
    cluster("old_names", fields=(
        f"{_POLICY}\n    upstream_http_protocol_options: {{auto_sni: true}}")),
    cluster("old_names_both", fields=(
        f"{_POLICY}\n    upstream_http_protocol_options:"
        " {auto_sni: true, auto_san_validation: true}")),
    options("names_missing", ""),
    options("names_sni_alone", names("auto_sni: true")),
    options("names_both", names("auto_sni: true, auto_san_validation: true")),
    options("names_insecure", "", "allow_insecure_cluster_options: true"),
    cached("family_all", "dns_lookup_family: ALL"),
    cached("max_hosts_0", "max_hosts: 0"),
    cached("refresh_0", "dns_refresh_rate: 0s"),
    cached("refresh_under_a_millisecond", "dns_refresh_rate: 0.0001s"),
    cached("min_refresh_half", "dns_min_refresh_rate: 0.5s"),
    cached("min_refresh_1", "dns_min_refresh_rate: 1s"),
    cached("ttl_0", "host_ttl: 0s"),
    cached("timeout_0", "dns_query_timeout: 0s"),
    cached("timeout_below_0", "dns_query_timeout: -1s"),
    cached("failure_rate", "dns_failure_refresh_rate: {base_interval: 1s, max_interval: 2s}"),
    cached("failure_rate_wrong", "dns_failure_refresh_rate: {base_interval: 2s, max_interval: 1s}",
           "the longest time between failures is not below the first"),
    cached("preresolves", "preresolve_hostnames: [{address: a.test, port_value: 80}]"),
    cached("preresolves_without_port", "preresolve_hostnames: [{address: a.test}]"),
    cached("preresolves_too_many", "max_hosts: 1, preresolve_hostnames:"
           " [{address: a.test, port_value: 80}, {address: b.test, port_value: 80}]"),
    cached("filtered",
           "resolved_address_filter: {ranges: [{address_prefix: 10.0.0.0, prefix_len: 8}]}"),
    cached("filtered_by_nothing", "resolved_address_filter: {}"),
    cached("filtered_by_nonsense", "resolved_address_filter: {ranges: [{address_prefix: x}]}"),
    cached("stored", f"key_value_config: {{config: {{name: k, typed_config: {{'@type': {_FILE},"
           " filename: /tmp/no/such/file}}}", "names are not kept in files"),
    with_filter("same_cache", _cache()),
    with_filter("same_name_other_settings", _cache("max_hosts: 5")),
    with_filter("same_name_default_settings", _cache("max_hosts: 1024")),
    with_filter("another_cache", _cache("max_hosts: 5", "d")),
    with_filter("filter_without_cache", "save_upstream_address: true"),
    with_filter("filter_for_sub_clusters", "sub_cluster_config: {}",
                "names have no clusters of their own"),
    with_filter("filter_for_sub_clusters_now", "sub_cluster_config: {cluster_init_timeout: 0s}"),
)  # fmt: skip
