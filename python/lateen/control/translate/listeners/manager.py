"""HTTP connection managers and TCP proxies, as every listener has them.

Source: pilot/pkg/networking/core/listener_builder.go buildHTTPConnectionManager, networkfilter.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from lateen.control.model.protocol import Protocol
from lateen.control.translate import api, names
from lateen.control.translate.listeners.tcp_settings import TcpSettings
from lateen.control.translate.telemetry.side import Observed
from lateen.control.translate.values import by_ads, duration

if TYPE_CHECKING:
    from envoy.config.listener.v3.listener_components_pb2 import Filter
    from envoy.config.listener.v3.listener_pb2 import Listener
    from envoy.config.route.v3.route_pb2 import RouteConfiguration
    from envoy.extensions.filters.network.http_connection_manager.v3 import (
        http_connection_manager_pb2 as hcm,
    )
    from google.protobuf.message import Message

_MANAGER = "envoy.filters.network.http_connection_manager"
_TCP_PROXY = "envoy.filters.network.tcp_proxy"
_HTTP = "envoy.filters.http"


def http_manager(
    stat_prefix: str,
    routes: str | RouteConfiguration,
    protocol: Protocol,
    observed: Observed,
    filters: Sequence[hcm.HttpFilter] = (),
    last: Sequence[hcm.HttpFilter] = (),
) -> hcm.HttpConnectionManager:
    """A connection manager.

    Args:
        stat_prefix: how its stats are called.
        routes: the table, or the name under which it comes over the stream of all resources.
        protocol: of the port.
        observed: how its requests are told of.
        filters: that judge requests, before all others.
        last: that come after all others, before requests are passed on.
    """
    made = api.HttpConnectionManager(
        stat_prefix=names.for_stats(stat_prefix),
        http_filters=[*observed.first, *filters, *_filters(protocol, observed, last)],
        stream_idle_timeout=duration(0),
        access_log=observed.logs,
        tracing=observed.tracing,
    )
    made.upgrade_configs.add(upgrade_type="websocket")
    made.normalize_path.value = True
    made.use_remote_address.value = False
    if isinstance(routes, str):
        made.rds.CopyFrom(api.Rds(route_config_name=routes, config_source=by_ads(first_fetch=0)))
    else:
        made.route_config.CopyFrom(routes)
    return made


def _filters(
    protocol: Protocol, observed: Observed, last: Sequence[hcm.HttpFilter]
) -> list[hcm.HttpFilter]:
    statistics = api.GrpcStats(emit_filter_state=True)
    statistics.stats_for_all_methods.value = False
    web = [_filter("grpc_web", api.GrpcWeb())] if protocol is Protocol.GRPC_WEB else []
    return [
        *web,
        _filter("grpc_stats", statistics),
        *observed.announcing,
        _filter("fault", api.HttpFault()),
        _filter("cors", api.Cors()),
        *observed.last,
        *last,
        _filter("router", api.Router()),
    ]


def _filter(name: str, config: Message) -> hcm.HttpFilter:
    return api.HttpFilter(name=f"{_HTTP}.{name}", typed_config=api.packed(config))


def network_filter(manager: hcm.HttpConnectionManager) -> Filter:
    """The manager as a filter."""
    return api.NetworkFilter(name=_MANAGER, typed_config=api.packed(manager))


def table_names(listeners: Iterable[Listener]) -> Iterator[str]:
    """The route tables that listeners name, which come over the stream of all resources."""
    for listener in listeners:
        for chain in (*listener.filter_chains, listener.default_filter_chain):
            for one in chain.filters:
                if one.name == _MANAGER:
                    manager = api.HttpConnectionManager.FromString(one.typed_config.value)
                    yield from (manager.rds.route_config_name,) if manager.HasField("rds") else ()


def tcp_proxy(
    stat_prefix: str,
    clusters: Sequence[tuple[str, int]],
    observed: Observed | None = None,
    settings: TcpSettings | None = None,
) -> Filter:
    """A filter that passes connections on.

    Args:
        clusters: with their weights, which one alone does not need.
        observed: how its connections are told of; None: not at all.
        settings: what a rule says; None: nothing.
    """
    made = api.TcpProxy(stat_prefix=stat_prefix)
    made.access_log.extend(observed.logs if observed is not None else ())
    if len(clusters) == 1:
        made.cluster = clusters[0][0]
    for cluster, weight in clusters if len(clusters) > 1 else ():
        made.weighted_clusters.clusters.add(name=cluster, weight=weight)
    if settings is not None:
        settings.apply(made)
    return api.NetworkFilter(name=_TCP_PROXY, typed_config=api.packed(made))
