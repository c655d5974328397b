"""envoy.filters.http.on_demand

Source: envoy/extensions/filters/http/on_demand/v3/on_demand.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import whole
from lateen.protos.worker_pb2 import FilterOverride, HttpFilter, OnDemandFilter
from lateen.proxy.compile.on_demand import compile_odcds
from lateen.proxy.compile.registry import HttpExtension, Override
from lateen.xds.names import XdstpName, XdstpNameError

if TYPE_CHECKING:
    from envoy.config.core.v3.config_source_pb2 import ConfigSource
    from envoy.extensions.filters.http.on_demand.v3 import on_demand_pb2 as envoy
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.network_filters.owner import HttpFilterOwner

_NAME = "envoy.filters.http.on_demand"
_PACKAGE = "envoy.extensions.filters.http.on_demand.v3"
_CLUSTER = "envoy.config.cluster.v3.Cluster"
_COLLECTIONS = "an xdstp locator over ads, DELTA_GRPC or AGGREGATED_DELTA_GRPC is needed"
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
        _check_collection(ctx, clusters, f"{at}.odcds")
    return compile_odcds(ctx, clusters.source, timeout_ms, at, "odcds.source", locator)


def _check_collection(ctx: CompileContext, clusters: envoy.OnDemandCds, at: str) -> None:
    """Refuses what no collection of clusters comes from, as Envoy does before it asks."""
    if wrong := _wrong_locator(clusters.resources_locator):
        ctx.error(f"{at}.resources_locator", wrong)
    elif not _brings_collections(clusters.source):
        ctx.error(f"{at}.source", f"a collection of clusters cannot come from here: {_COLLECTIONS}")


def _wrong_locator(locator: str) -> str:
    if locator.startswith(("file:", "http:")):
        return f"collections of clusters do not come from {locator}: {_COLLECTIONS}"
    if not XdstpName.is_one(locator):
        return f"{locator} does not have a xdstp:, http: or file: scheme"
    if "#" in locator:
        return "directives of a locator are not implemented: leave out what follows #"
    try:
        name = XdstpName.parse(locator)
    except XdstpNameError as error:
        return str(error)
    if name.type_name != _CLUSTER:
        return f"xdstp:// type does not match {_CLUSTER} in {locator}"
    return ""


def _brings_collections(source: ConfigSource) -> bool:
    if source.HasField("ads"):
        return True
    api = source.api_config_source
    delta = (api.DELTA_GRPC, api.AGGREGATED_DELTA_GRPC)
    return source.HasField("api_config_source") and api.api_type in delta


EXTENSION = HttpExtension(
    _NAME,
    f"{_PACKAGE}.OnDemand",
    compile_on_demand,
    SUPPORT,
    Override(f"{_PACKAGE}.PerRouteConfig", compile_on_demand_override),
)
