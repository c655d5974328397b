"""Configurations of dynamic_forward_proxy clusters, of their filter and of their DNS caches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.interop.config import ROUTER
from tests.interop.model import Admin, Case, Step, once
from tests.support.client import get
from tests.support.http2_upstream import Script2
from tests.support.upstream import Script, TlsServer, reply

CLUSTER = "type.googleapis.com/envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig"
FILTER = "type.googleapis.com/envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig"
PER_ROUTE = (
    "type.googleapis.com/envoy.extensions.filters.http.dynamic_forward_proxy.v3.PerRouteConfig"
)
CARES = "type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig"
STATE = "type.googleapis.com/envoy.extensions.filters.http.set_filter_state.v3.Config"
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
    up: Script | Script2 | None = None,
    tls: TlsServer | None = None,
    clusters: str = "",
    hcm: str = "",
    log: str = LOG,
    unordered: bool = False,
) -> Case:
    """A connection manager whose requests say where they go."""
    asked = tuple(step for host in hosts for step in once(get(host=host)))
    source = cache(dns)
    return Case(
        name, (*asked, *steps), names=names, name_ttl=ttl, stats=STATS, log_format=log,
        clusters=clusters or f"[{cluster(in_cluster, fields, source)}]", routes=routes,
        hcm=(filters(in_filter, source, before) if with_filter else "") + hcm,
        upstreams={"up": up or Script([reply()])}, upstream_tls={"up": tls} if tls else {},
        unordered=unordered,
        ignore_stats="|".join(part for part in (COUNTED, ignore) if part),
    )  # fmt: skip


def admin(keep: str, path: str = "/clusters") -> Admin:
    """What /clusters says of the case's cluster."""
    return Admin(path, keep=keep)


def rewritten(host: str) -> str:
    """A route that puts another host in the place of the request's."""
    config = f"{{'@type': {PER_ROUTE}, {host}}}"
    return (
        "[{match: {prefix: /}, route: {cluster: $be, timeout: 2s},"
        f" typed_per_filter_config: {{envoy.filters.http.dynamic_forward_proxy: {config}}}}}]"
    )


def state(key: str, text: str) -> str:
    """The filter, with a comma behind it, that lets filter state name the host or the port."""
    source = f"format_string: {{text_format_source: {{inline_string: '{text}'}}}}"
    value = f"{{object_key: envoy.upstream.dynamic_{key}, {source}}}"
    config = f"{{'@type': {STATE}, on_request_headers: [{value}]}}"
    return f"{{name: {key}, typed_config: {config}}}, "


def filtered(address: str, length: int, more: str = "") -> str:
    """A cache in which addresses of a range do not count."""
    ranges = f"ranges: [{{address_prefix: {address}, prefix_len: {length}}}]"
    fields = ", ".join(part for part in (ranges, more) if part)
    return f"resolved_address_filter: {{{fields}}}"
