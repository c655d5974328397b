"""Hosts that requests name themselves, before another policy chooses any.

Source: envoy/extensions/load_balancing_policies/override_host/v3/override_host.proto; errors as in
Envoy 1.40.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.protos.worker_pb2 import OverrideHost
from lateen.proxy.compile.load_balancing.policy import CATEGORY

if TYPE_CHECKING:
    from envoy.extensions.load_balancing_policies.override_host.v3 import override_host_pb2

    from lateen.proxy.compile.context import CompileContext

TYPE = "envoy.extensions.load_balancing_policies.override_host.v3.OverrideHost"

SUPPORT = (
    Fields(TYPE, implemented="override_host_sources fallback_policy", category=CATEGORY),
    whole(f"{TYPE}.OverrideHostSource"),
)


def compile_override_host(
    ctx: CompileContext, source: override_host_pb2.OverrideHost, at: str
) -> OverrideHost:
    """What names the hosts; `fallback_policy` is for who calls."""
    return OverrideHost(
        sources=[
            _source(ctx, one, f"{at}.override_host_sources[{index}]")
            for index, one in enumerate(source.override_host_sources)
        ]
    )


def _source(
    ctx: CompileContext, source: override_host_pb2.OverrideHost.OverrideHostSource, at: str
) -> OverrideHost.Source:
    if source.header and source.HasField("metadata"):
        ctx.error(at, "Only one override source must be set", "keep header or metadata")
    elif not source.header and not source.HasField("metadata"):
        ctx.error(at, "Empty override source", "set header or metadata")
    path = [source.metadata.key, *(segment.key for segment in source.metadata.path)]
    if source.header:
        return OverrideHost.Source(header=source.header.lower())
    return OverrideHost.Source(metadata_path=path)
