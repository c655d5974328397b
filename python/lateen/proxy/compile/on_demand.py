"""Where clusters come from that are asked for only when something is to go there.

Source: Envoy docs, "On-demand VHDS, S/RDS and CDS Updates".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.protos.worker_pb2 import OnDemandFilter

if TYPE_CHECKING:
    from envoy.config.core.v3.config_source_pb2 import ConfigSource
    from envoy.extensions.filters.http.on_demand.v3.on_demand_pb2 import OnDemandCds

    from lateen.proxy.compile.context import CompileContext

_ON_DEMAND_CDS = "envoy.extensions.filters.http.on_demand.v3.OnDemandCds"


def compile_odcds(
    ctx: CompileContext,
    source: ConfigSource,
    timeout_ms: int,
    at: str,
    field: str,
    locator: str = "",
) -> OnDemandFilter:
    """A source of clusters, which `field` of the message at `at` names.

    Args:
        locator: the collection that the clusters are of; empty: they are asked for by name.
    """
    if source.WhichOneof("config_source_specifier") is None:
        reason = "Missing config source specifier in envoy::config::core::v3::ConfigSource"
        ctx.error(f"{at}.{field}", reason)
    ctx.on_demand.add(at)
    # Filters that differ in their timeouts alone share what they asked for.
    clusters: OnDemandCds = ctx.types.message_class(_ON_DEMAND_CDS)()  # type: ignore[assignment]
    clusters.source.CopyFrom(source)
    clusters.resources_locator = locator
    serialized = clusters.SerializeToString(deterministic=True)
    return OnDemandFilter(clusters=serialized, timeout_ms=timeout_ms)
