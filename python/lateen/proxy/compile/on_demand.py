"""Where clusters come from that are asked for only when something is to go there.

Source: Envoy docs, "On-demand VHDS, S/RDS and CDS Updates".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.protos.worker_pb2 import OnDemandFilter

if TYPE_CHECKING:
    from envoy.config.core.v3.config_source_pb2 import ConfigSource

    from lateen.proxy.compile.context import CompileContext


def compile_odcds(
    ctx: CompileContext, source: ConfigSource, timeout_ms: int, at: str, field: str
) -> OnDemandFilter:
    """A source of clusters, which `field` of the message at `at` names."""
    if source.WhichOneof("config_source_specifier") is None:
        reason = "Missing config source specifier in envoy::config::core::v3::ConfigSource"
        ctx.error(f"{at}.{field}", reason)
    ctx.on_demand.add(at)
    clusters = source.SerializeToString(deterministic=True)
    return OnDemandFilter(clusters=clusters, timeout_ms=timeout_ms)
