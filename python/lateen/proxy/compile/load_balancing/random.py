"""RANDOM: any host.

Source: envoy/extensions/load_balancing_policies/random/v3/random.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields
from lateen.protos.worker_pb2 import LbOptions, LbPolicy
from lateen.proxy.compile.load_balancing.locality import compile_locality
from lateen.proxy.compile.load_balancing.policy import CATEGORY, Policy

if TYPE_CHECKING:
    from envoy.config.cluster.v3.cluster_pb2 import Cluster
    from envoy.extensions.load_balancing_policies.random.v3.random_pb2 import Random
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext

_TYPE = "envoy.extensions.load_balancing_policies.random.v3.Random"
_SUPPORT = (Fields(_TYPE, implemented="locality_lb_config", category=CATEGORY),)


def _compile_cluster(ctx: CompileContext, source: Cluster, out: LbOptions, at: str) -> None:
    """A cluster has nothing to say of it."""


def _compile_typed(ctx: CompileContext, message: Message, out: LbOptions, at: str) -> None:
    config: Random = message  # type: ignore[assignment]
    compile_locality(ctx, config.locality_lb_config, out, f"{at}.locality_lb_config")


POLICY = Policy("RANDOM", LbPolicy.RANDOM, _TYPE, "", _compile_cluster, _compile_typed, _SUPPORT)
