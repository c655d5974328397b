"""The extensions that are implemented: one line each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lateen.config.support import Fields
from lateen.proxy.compile import access_log, grpc_access_log, otlp_access_log
from lateen.proxy.compile.http_filters import (
    buffer,
    composite,
    cors,
    csrf,
    dynamic_forward_proxy,
    ext_authz,
    fault,
    grpc_http1_bridge,
    grpc_http1_reverse_bridge,
    grpc_stats,
    grpc_web,
    header_mutation,
    header_to_metadata,
    health_check,
    istio_alpn,
    jwt_authn,
    match_delegate,
    on_demand,
    peer_metadata,
    python,
    ratelimit,
    router,
    set_metadata,
)
from lateen.proxy.compile.http_filters import istio_stats as http_istio_stats
from lateen.proxy.compile.http_filters import local_ratelimit as http_local_ratelimit
from lateen.proxy.compile.http_filters import rbac as http_rbac
from lateen.proxy.compile.http_filters import set_filter_state as http_set_filter_state
from lateen.proxy.compile.listener_filters import (
    http_inspector,
    local_ratelimit,
    original_dst,
    proxy_protocol,
    tls_inspector,
)
from lateen.proxy.compile.network_filters import (
    connection_limit,
    direct_response,
    echo,
    http_connection_manager,
    metadata_exchange,
    rbac,
    set_filter_state,
    sni_cluster,
    sni_dynamic_forward_proxy,
    tcp_proxy,
)
from lateen.proxy.compile.network_filters import istio_stats as network_istio_stats
from lateen.proxy.compile.network_filters import local_ratelimit as network_local_ratelimit
from lateen.proxy.compile.registry import (
    AccessLogCompiler,
    Extension,
    HttpExtension,
    HttpFilterCompiler,
    ListenerFilterCompiler,
    NetworkExtension,
    NetworkFilterCompiler,
    OverrideCompiler,
    Registry,
)

if TYPE_CHECKING:
    from envoy.config.core.v3.base_pb2 import Node

_LISTENER_FILTERS: tuple[Extension[ListenerFilterCompiler], ...] = (
    http_inspector.EXTENSION,
    local_ratelimit.EXTENSION,
    original_dst.EXTENSION,
    proxy_protocol.EXTENSION,
    tls_inspector.EXTENSION,
)
_NETWORK_FILTERS: tuple[NetworkExtension, ...] = (
    connection_limit.EXTENSION,
    direct_response.EXTENSION,
    echo.EXTENSION,
    http_connection_manager.EXTENSION,
    network_istio_stats.EXTENSION,
    metadata_exchange.EXTENSION,
    network_local_ratelimit.EXTENSION,
    rbac.EXTENSION,
    set_filter_state.EXTENSION,
    sni_cluster.EXTENSION,
    sni_dynamic_forward_proxy.EXTENSION,
    tcp_proxy.EXTENSION,
)
_HTTP_FILTERS: tuple[HttpExtension, ...] = (
    buffer.EXTENSION,
    composite.EXTENSION,
    cors.EXTENSION,
    csrf.EXTENSION,
    dynamic_forward_proxy.EXTENSION,
    ext_authz.EXTENSION,
    fault.EXTENSION,
    grpc_http1_bridge.EXTENSION,
    grpc_http1_reverse_bridge.EXTENSION,
    grpc_stats.EXTENSION,
    grpc_web.EXTENSION,
    header_mutation.EXTENSION,
    header_to_metadata.EXTENSION,
    health_check.EXTENSION,
    istio_alpn.EXTENSION,
    http_istio_stats.EXTENSION,
    jwt_authn.EXTENSION,
    http_local_ratelimit.EXTENSION,
    match_delegate.EXTENSION,
    on_demand.EXTENSION,
    peer_metadata.EXTENSION,
    python.EXTENSION,
    ratelimit.EXTENSION,
    http_rbac.EXTENSION,
    router.EXTENSION,
    http_set_filter_state.EXTENSION,
    set_metadata.EXTENSION,
)
_ACCESS_LOGGERS: tuple[Extension[AccessLogCompiler], ...] = (
    access_log.FILE,
    access_log.STDERR,
    access_log.STDOUT,
    grpc_access_log.HTTP_GRPC,
    grpc_access_log.TCP_GRPC,
    otlp_access_log.OPEN_TELEMETRY,
)


@dataclass(frozen=True)
class Extensions:
    """Every category of extensions.

    Attributes:
        listener_filters: filters of a listener.
        network_filters: filters of a filter chain.
        terminal_filters: network filters that are the last of their chain, by message type.
        http_filters: filters of a connection manager.
        access_loggers: sinks of access logs.
        overrides: what a route may change in an HTTP filter, by message type.
        without_override: HTTP filters in which a route can change nothing, by message type.
    """

    listener_filters: Registry[ListenerFilterCompiler]
    network_filters: Registry[NetworkFilterCompiler]
    terminal_filters: frozenset[str]
    http_filters: Registry[HttpFilterCompiler]
    access_loggers: Registry[AccessLogCompiler]
    overrides: Mapping[str, OverrideCompiler]
    without_override: frozenset[str]


def describe(extensions: Extensions, node: Node) -> None:
    """Lists the extensions in a node, for control planes."""
    categories: tuple[tuple[str, Iterable[Extension[object]]], ...] = (
        ("envoy.filters.listener", extensions.listener_filters),
        ("envoy.filters.network", extensions.network_filters),
        ("envoy.filters.http", extensions.http_filters),
        ("envoy.access_loggers", extensions.access_loggers),
    )
    for category, members in categories:
        for each in members:
            node.extensions.add(name=each.name, category=category, type_urls=[each.type])


def known_extensions() -> Extensions:
    """The extensions of this version."""
    return Extensions(
        listener_filters=Registry("listener filter", _LISTENER_FILTERS),
        network_filters=Registry("network filter", _NETWORK_FILTERS),
        terminal_filters=frozenset(each.type for each in _NETWORK_FILTERS if each.terminal),
        http_filters=Registry("HTTP filter", _HTTP_FILTERS),
        access_loggers=Registry("access logger", _ACCESS_LOGGERS),
        overrides={
            each.override.type: each.override.compile for each in _HTTP_FILTERS if each.override
        },
        without_override=frozenset(each.type for each in _HTTP_FILTERS if not each.override),
    )


def supported_fields() -> Iterator[Fields]:
    """What the extensions of this version implement."""
    every: tuple[tuple[Extension[object], ...], ...] = (
        _LISTENER_FILTERS,
        _NETWORK_FILTERS,
        _HTTP_FILTERS,
        _ACCESS_LOGGERS,
    )
    for category in every:
        for each in category:
            yield from each.support
