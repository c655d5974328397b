"""The extensions that are implemented: one line each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from google.protobuf.message import Message

from lateen.protos.worker_pb2 import AccessLog, FilterOverride, HttpFilter, NetworkFilter
from lateen.proxy.compile import access_log
from lateen.proxy.compile.http_filters import (
    grpc_http1_bridge,
    grpc_http1_reverse_bridge,
    grpc_stats,
    grpc_web,
    header_mutation,
    on_demand,
    router,
)
from lateen.proxy.compile.network_filters import http_connection_manager, tcp_proxy
from lateen.proxy.compile.network_filters.owner import FilterOwner
from lateen.proxy.compile.registry import Extension, Registry

if TYPE_CHECKING:
    from envoy.config.core.v3.base_pb2 import Node

    from lateen.proxy.compile.context import CompileContext

AccessLogCompiler = Callable[["CompileContext", Message, str], AccessLog]
HttpFilterCompiler = Callable[["CompileContext", Message, str], HttpFilter]
NetworkFilterCompiler = Callable[["CompileContext", Message, FilterOwner, str], NetworkFilter]
OverrideCompiler = Callable[["CompileContext", Message, FilterOverride, str], None]

_NETWORK_FILTERS: tuple[Extension[NetworkFilterCompiler], ...] = (
    http_connection_manager.EXTENSION,
    tcp_proxy.EXTENSION,
)
_HTTP_FILTERS: tuple[Extension[HttpFilterCompiler], ...] = (
    grpc_http1_bridge.EXTENSION,
    grpc_http1_reverse_bridge.EXTENSION,
    grpc_stats.EXTENSION,
    grpc_web.EXTENSION,
    header_mutation.EXTENSION,
    on_demand.EXTENSION,
    router.EXTENSION,
)
_ACCESS_LOGGERS: tuple[Extension[AccessLogCompiler], ...] = (
    access_log.FILE,
    access_log.STDERR,
    access_log.STDOUT,
)
_OVERRIDES: tuple[Extension[OverrideCompiler], ...] = (
    grpc_http1_reverse_bridge.OVERRIDE,
    header_mutation.OVERRIDE,
    on_demand.OVERRIDE,
)

_WITHOUT_OVERRIDE = frozenset(
    extension.type
    for extension in (
        grpc_http1_bridge.EXTENSION,
        grpc_stats.EXTENSION,
        grpc_web.EXTENSION,
        router.EXTENSION,
    )
)


@dataclass(frozen=True)
class Extensions:
    """Every category of extensions.

    Attributes:
        network_filters: filters of a filter chain.
        http_filters: filters of a connection manager.
        access_loggers: sinks of access logs.
        overrides: what a route may change in an HTTP filter, by message type.
        without_override: HTTP filters in which a route can change nothing, by message type.
    """

    network_filters: Registry[NetworkFilterCompiler]
    http_filters: Registry[HttpFilterCompiler]
    access_loggers: Registry[AccessLogCompiler]
    overrides: Mapping[str, OverrideCompiler]
    without_override: frozenset[str]


def describe(extensions: Extensions, node: Node) -> None:
    """Lists the extensions in a node, for control planes."""
    categories: tuple[tuple[str, Iterable[Extension[object]]], ...] = (
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
        network_filters=Registry("network filter", _NETWORK_FILTERS),
        http_filters=Registry("HTTP filter", _HTTP_FILTERS),
        access_loggers=Registry("access logger", _ACCESS_LOGGERS),
        overrides={override.type: override.compile for override in _OVERRIDES},
        without_override=_WITHOUT_OVERRIDE,
    )
