"""RING_HASH: hosts at many points of a ring, and the one that follows a request's hash.

Source: ring_hash_lb_config in envoy/config/cluster/v3/cluster.proto;
envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields
from lateen.protos.worker_pb2 import LbOptions, LbPolicy
from lateen.proxy.compile.load_balancing import consistent_hashing
from lateen.proxy.compile.load_balancing.policy import CATEGORY, Policy
from lateen.proxy.compile.values import enum_name

if TYPE_CHECKING:
    from envoy.config.cluster.v3.cluster_pb2 import Cluster
    from envoy.extensions.load_balancing_policies.ring_hash.v3.ring_hash_pb2 import RingHash
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext

_TYPE = "envoy.extensions.load_balancing_policies.ring_hash.v3.RingHash"
_OWN_CONFIG = "ring_hash_lb_config"
_SUPPORT = (
    Fields(
        "envoy.config.cluster.v3.Cluster.RingHashLbConfig",
        implemented="minimum_ring_size maximum_ring_size hash_function",
    ),
    Fields(
        _TYPE,
        implemented="""
            hash_function minimum_ring_size maximum_ring_size use_hostname_for_hashing
            hash_balance_factor consistent_hashing_lb_config locality_weighted_lb_config
        """,
        category=CATEGORY,
    ),
)
_MINIMUM, _MAXIMUM = 1024, 8 * 1024 * 1024


def _compile_cluster(ctx: CompileContext, source: Cluster, out: LbOptions, at: str) -> None:
    out.hashing.CopyFrom(consistent_hashing.of_cluster(source))
    _compile_ring(ctx, source.ring_hash_lb_config, out, f"{at}.{_OWN_CONFIG}")


def _compile_typed(ctx: CompileContext, message: Message, out: LbOptions, at: str) -> None:
    config: RingHash = message  # type: ignore[assignment]
    out.locality_weighted = config.HasField("locality_weighted_lb_config")
    if config.HasField("consistent_hashing_lb_config"):
        where = f"{at}.consistent_hashing_lb_config"
        hashing = consistent_hashing.of_policy(ctx, config.consistent_hashing_lb_config, where)
        out.hashing.CopyFrom(hashing)
    else:
        out.hashing.use_hostname = config.use_hostname_for_hashing
        out.hashing.balance_factor = config.hash_balance_factor.value
    _compile_ring(ctx, config, out, at)


def _compile_ring(
    ctx: CompileContext, source: Cluster.RingHashLbConfig | RingHash, out: LbOptions, at: str
) -> None:
    hashing = out.hashing
    hashing.minimum_ring_size, hashing.maximum_ring_size = _MINIMUM, _MAXIMUM
    if source.HasField("minimum_ring_size"):
        hashing.minimum_ring_size = source.minimum_ring_size.value
    if source.HasField("maximum_ring_size"):
        hashing.maximum_ring_size = source.maximum_ring_size.value
    hashing.murmur_hash_2 = enum_name(source, "hash_function") == "MURMUR_HASH_2"
    if hashing.minimum_ring_size > hashing.maximum_ring_size:
        reason = (
            f"ring hash: minimum_ring_size ({hashing.minimum_ring_size}) >"
            f" maximum_ring_size ({hashing.maximum_ring_size})"
        )
        ctx.error(at, reason)


POLICY = Policy(
    "RING_HASH",
    LbPolicy.RING_HASH,
    _TYPE,
    _OWN_CONFIG,
    _compile_cluster,
    _compile_typed,
    _SUPPORT,
)
