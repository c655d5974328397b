"""Clusters whose hosts are those that requests name, and the filter that has them resolved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.interop.config import ROUTER
from tests.interop.model import Admin, Case, End, Read, Step, Write, once
from tests.support.client import get
from tests.support.upstream import Script, reply

CLUSTER = "type.googleapis.com/envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig"
FILTER = "type.googleapis.com/envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig"
PER_ROUTE = (
    "type.googleapis.com/envoy.extensions.filters.http.dynamic_forward_proxy.v3.PerRouteConfig"
)
CARES = "type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig"
STATS = r"^(http|cluster|dns_cache)\."
COUNTED = "match_count|cx_tx_bytes|_length_ms|connect_ms"
NAMES: Mapping[str, Sequence[Sequence[str] | str]] = {
    "a.test": [["127.0.0.1"]],
    "b.test": [["127.0.0.1"]],
    "two.test": [["127.0.0.1", "127.0.0.2"]],
    "broken.test": ["servfail"],
    "empty.test": [[]],
}
LOG = (
    "%RESPONSE_CODE% %RESPONSE_CODE_DETAILS% flags=%RESPONSE_FLAGS% host=%UPSTREAM_HOST%"
    " cluster=%UPSTREAM_CLUSTER% fail=%UPSTREAM_TRANSPORT_FAILURE_REASON%"
    " attempts=%UPSTREAM_REQUEST_ATTEMPT_COUNT% authority=%REQ(:AUTHORITY)%\\n"
)


def cache(fields: str = "", name: str = "$cache") -> str:
    """A DNS cache that asks the server of the case."""
    servers = "resolvers: [{socket_address: {address: 127.0.0.1, port_value: $dns}}]"
    resolver = f"{{name: cares, typed_config: {{'@type': {CARES}, {servers}}}}}"
    more = f", {fields}" if fields else ""
    return (
        f"{{name: {name}, dns_lookup_family: V4_ONLY, typed_dns_resolver_config: {resolver}{more}}}"
    )


def cluster(config: str = "", fields: str = "", dns: str = "", name: str = "$be") -> str:
    """A cluster of what requests name."""
    source = f"dns_cache_config: {dns or cache()}" if "sub_clusters" not in config else ""
    parts = ", ".join(part for part in (f"'@type': {CLUSTER}", source, config) if part)
    more = f", {fields}" if fields else ""
    return (
        f"{{name: {name}, lb_policy: CLUSTER_PROVIDED, cluster_type: {{"
        f"name: envoy.clusters.dynamic_forward_proxy, typed_config: {{{parts}}}}}{more}}}"
    )


def filters(config: str = "", dns: str = "", before: str = "") -> str:
    """The filter before the router."""
    source = f"dns_cache_config: {dns or cache()}" if "sub_cluster" not in config else ""
    parts = ", ".join(part for part in (f"'@type': {FILTER}", source, config) if part)
    return (
        f"http_filters: [{before}"
        f"{{name: envoy.filters.http.dynamic_forward_proxy, typed_config: {{{parts}}}}},"
        f" {{name: router, typed_config: {{'@type': {ROUTER}}}}}]"
    )


def forward(
    name: str,
    *hosts: str,
    steps: tuple[Step, ...] = (),
    dns: str = "",
    in_filter: str = "",
    in_cluster: str = "",
    fields: str = "",
    with_filter: bool = True,
    before: str = "",
    routes: str = "[{match: {prefix: /}, route: {cluster: $be, timeout: 2s}}]",
    names: Mapping[str, Sequence[Sequence[str] | str]] = NAMES,
    ttl: int = 60,
    ignore: str = "",
    up: Script | None = None,
) -> Case:
    """A connection manager whose requests say where they go."""
    asked = tuple(step for host in hosts for step in once(get(host=host)))
    source = cache(dns)
    return Case(
        name, (*asked, *steps), names=names, name_ttl=ttl, stats=STATS, log_format=LOG,
        clusters=f"[{cluster(in_cluster, fields, source)}]", routes=routes,
        hcm=filters(in_filter, source, before) if with_filter else "",
        upstreams={"up": up or Script([reply()])},
        ignore_stats="|".join(part for part in (COUNTED, ignore) if part),
    )  # fmt: skip


def admin(keep: str, path: str = "/clusters") -> Admin:
    """What /clusters says of the case's cluster."""
    return Admin(path, keep=keep)


CASES = (
    forward("dfp_name", "a.test:$up"),
    forward("dfp_name_twice", steps=(
        Write(get(host="a.test:$up")), Read(), Write(get(host="a.test:$up")), Read(), End())),
    forward("dfp_two_names", "a.test:$up", "b.test:$up", "A.test:$up"),
    forward("dfp_default_port", "a.test"),
    forward("dfp_address", "127.0.0.1:$up"),
    forward("dfp_address_of_ip6", "[::1]:$dead"),
    forward("dfp_refused", "a.test:$dead"),
    forward("dfp_no_such_name", "no.test:$up", "no.test:$up"),
    forward("dfp_broken_name", "broken.test:$up"),
    forward("dfp_empty_answer", "empty.test:$up"),
    forward("dfp_two_addresses", "two.test:$up"),
    forward("dfp_without_filter", "a.test:$up", "a.test:$up", "no.test:$up", with_filter=False),
    forward("dfp_max_hosts", "a.test:$up", "b.test:$up", "a.test:$up", dns="max_hosts: 1"),
    forward("dfp_max_hosts_without_filter", "a.test:$up", "b.test:$up", dns="max_hosts: 1",
            with_filter=False),
    forward("dfp_no_pending", "a.test:$up",
            dns="dns_cache_circuit_breaker: {max_pending_requests: 0}"),
    forward("dfp_no_pending_without_filter", "a.test:$up", with_filter=False,
            dns="dns_cache_circuit_breaker: {max_pending_requests: 0}"),
    forward("dfp_query_timeout", "slow.test:$up", dns="dns_query_timeout: 0.3s",
            names={"slow.test": ["silence"]}),
    forward("dfp_clusters", "two.test:$up", "no.test:$up",
            steps=(admin(r"^be::"),)),
)  # fmt: skip
