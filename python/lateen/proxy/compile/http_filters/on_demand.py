"""envoy.filters.http.on_demand

Source: envoy/extensions/filters/http/on_demand/v3/on_demand.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.protos.worker_pb2 import FilterOverride, HttpFilter, OnDemandFilter
from lateen.proxy.compile.on_demand import compile_odcds
from lateen.proxy.compile.registry import HttpExtension, Override

if TYPE_CHECKING:
    from envoy.extensions.filters.http.on_demand.v3 import on_demand_pb2 as envoy
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext

_NAME = "envoy.filters.http.on_demand"
_PACKAGE = "envoy.extensions.filters.http.on_demand.v3"
_DEFAULT_TIMEOUT_MS = 5000

SUPPORT = (
    whole(f"{_PACKAGE}.OnDemand", category="envoy.filters.http"),
    whole(f"{_PACKAGE}.PerRouteConfig", category="envoy.filters.http"),
    Fields(
        f"{_PACKAGE}.OnDemandCds",
        implemented="source timeout",
        rejected={"resources_locator": "leave it out: clusters are asked for by their names"},
    ),
)


def compile_on_demand(ctx: CompileContext, message: Message, at: str) -> HttpFilter:
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
    return compile_odcds(ctx, clusters.source, timeout_ms, at, "odcds.source")


EXTENSION = HttpExtension(
    _NAME,
    f"{_PACKAGE}.OnDemand",
    compile_on_demand,
    SUPPORT,
    Override(f"{_PACKAGE}.PerRouteConfig", compile_on_demand_override),
)
