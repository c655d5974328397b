"""ROUND_ROBIN: hosts in turn, by their weight.

Source: round_robin_lb_config in envoy/config/cluster/v3/cluster.proto;
envoy/extensions/load_balancing_policies/round_robin/v3/round_robin.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.protos.worker_pb2 import LbOptions, LbPolicy
from lateen.proxy.compile.load_balancing.locality import compile_locality
from lateen.proxy.compile.load_balancing.policy import CATEGORY, Policy
from lateen.proxy.compile.load_balancing.slow_start import compile_slow_start

if TYPE_CHECKING:
    from envoy.config.cluster.v3.cluster_pb2 import Cluster
    from envoy.extensions.load_balancing_policies.round_robin.v3.round_robin_pb2 import RoundRobin
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext

_TYPE = "envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin"
_OWN_CONFIG = "round_robin_lb_config"
_SUPPORT = (
    whole("envoy.config.cluster.v3.Cluster.RoundRobinLbConfig"),
    Fields(_TYPE, implemented="slow_start_config locality_lb_config", category=CATEGORY),
)


def _compile_cluster(ctx: CompileContext, source: Cluster, out: LbOptions, at: str) -> None:
    if source.round_robin_lb_config.HasField("slow_start_config"):
        config = source.round_robin_lb_config.slow_start_config
        where = f"{at}.{_OWN_CONFIG}.slow_start_config"
        out.slow_start.CopyFrom(compile_slow_start(ctx, config, where))


def _compile_typed(ctx: CompileContext, message: Message, out: LbOptions, at: str) -> None:
    config: RoundRobin = message  # type: ignore[assignment]
    if config.HasField("slow_start_config"):
        where = f"{at}.slow_start_config"
        out.slow_start.CopyFrom(compile_slow_start(ctx, config.slow_start_config, where))
    compile_locality(ctx, config.locality_lb_config, out, f"{at}.locality_lb_config")


POLICY = Policy(
    "ROUND_ROBIN",
    LbPolicy.ROUND_ROBIN,
    _TYPE,
    _OWN_CONFIG,
    _compile_cluster,
    _compile_typed,
    _SUPPORT,
)
