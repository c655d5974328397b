"""Slow start: how the weight of a new host grows.

Source: SlowStartConfig in envoy/config/cluster/v3/cluster.proto and
envoy/extensions/load_balancing_policies/common/v3/common.proto; defaults as in Envoy 1.40.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import whole
from lateen.protos.worker_pb2 import SlowStart
from lateen.proxy.compile.runtime import runtime_double
from lateen.proxy.compile.values import milliseconds

if TYPE_CHECKING:
    from envoy.config.cluster.v3.cluster_pb2 import Cluster
    from envoy.extensions.load_balancing_policies.common.v3.common_pb2 import SlowStartConfig

    from lateen.proxy.compile.context import CompileContext

SUPPORT = (
    whole("envoy.config.cluster.v3.Cluster.SlowStartConfig"),
    whole("envoy.extensions.load_balancing_policies.common.v3.SlowStartConfig"),
)
_LEAST_PERCENT = 10.0
_EVEN = 1.0


def compile_slow_start(
    ctx: CompileContext, source: Cluster.SlowStartConfig | SlowStartConfig, at: str
) -> SlowStart:
    """The settings; an aggression that is not above 0 counts as 1."""
    compiled = SlowStart(
        window_ms=milliseconds(source.slow_start_window),
        aggression=_EVEN,
        min_weight_percent=_LEAST_PERCENT,
    )
    if source.HasField("aggression"):
        aggression = runtime_double(ctx, source.aggression, f"{at}.aggression")
        if aggression > 0:
            compiled.aggression = aggression
        else:
            ctx.warning(f"{at}.aggression", "it is not above 0: 1 is used instead")
    if source.HasField("min_weight_percent"):
        compiled.min_weight_percent = source.min_weight_percent.value
    return compiled
