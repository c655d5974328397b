"""envoy.filters.http.on_demand

Source: envoy/extensions/filters/http/on_demand/v3/on_demand.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import whole
from lateen.protos.worker_pb2 import FilterOverride, HttpFilter, OnDemandFilter
from lateen.proxy.compile.collection import check_collection
from lateen.proxy.compile.on_demand import compile_odcds
from lateen.proxy.compile.registry import HttpExtension, Override

if TYPE_CHECKING:
    from envoy.extensions.filters.http.on_demand.v3 import on_demand_pb2 as envoy
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.network_filters.owner import HttpFilterOwner

_NAME = "envoy.filters.http.on_demand"
_PACKAGE = "envoy.extensions.filters.http.on_demand.v3"
_CLUSTER = "envoy.config.cluster.v3.Cluster"
_DEFAULT_TIMEOUT_MS = 5000

SUPPORT = (
    whole(f"{_PACKAGE}.OnDemand", category="envoy.filters.http"),
    whole(f"{_PACKAGE}.PerRouteConfig", category="envoy.filters.http"),
    whole(f"{_PACKAGE}.OnDemandCds", category="envoy.filters.http"),
)


def compile_on_demand(
    ctx: CompileContext, message: Message, _owner: HttpFilterOwner, at: str
) -> HttpFilter:
    """The filter, with where the clusters of all routes come from."""
    config: envoy.OnDemand = message  # type: ignore[assignment]
    return HttpFilter(on_demand=_compile(ctx, config, at))


def compile_on_demand_override(
    ctx: CompileContext, message: Message, out: FilterOverride, at: str
) -> None:
    """Where the clusters of a route, virtual host or table come from."""
    config: envoy.PerRouteConfig = message  # type: ignore[assignment]
    out.on_demand.CopyFrom(_compile(ctx, config, at))


def _compile(
    ctx: CompileContext, config: envoy.OnDemand | envoy.PerRouteConfig, at: str
) -> OnDemandFilter:
    if not config.HasField("odcds"):
        return OnDemandFilter()
    clusters = config.odcds
    timeout_ms = _DEFAULT_TIMEOUT_MS
    if clusters.HasField("timeout"):
        timeout_ms = clusters.timeout.ToMilliseconds()
    locator = clusters.resources_locator
    if locator and clusters.source.WhichOneof("config_source_specifier") is not None:
        where = (f"{at}.odcds.resources_locator", f"{at}.odcds.source")
        check_collection(ctx, locator, clusters.source, _CLUSTER, where)
    return compile_odcds(ctx, clusters.source, timeout_ms, at, "odcds.source", locator)


EXTENSION = HttpExtension(
    _NAME,
    f"{_PACKAGE}.OnDemand",
    compile_on_demand,
    SUPPORT,
    Override(f"{_PACKAGE}.PerRouteConfig", compile_on_demand_override),
)
