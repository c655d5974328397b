"""MAGLEV: a table of hosts, and the one at a request's hash.

Source: maglev_lb_config in envoy/config/cluster/v3/cluster.proto;
envoy/extensions/load_balancing_policies/maglev/v3/maglev.proto.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lateen.config.support import Fields
from lateen.protos.worker_pb2 import LbOptions, LbPolicy
from lateen.proxy.compile.load_balancing import consistent_hashing
from lateen.proxy.compile.load_balancing.policy import CATEGORY, Policy

if TYPE_CHECKING:
    from envoy.config.cluster.v3.cluster_pb2 import Cluster
    from envoy.extensions.load_balancing_policies.maglev.v3.maglev_pb2 import Maglev
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext

_TYPE = "envoy.extensions.load_balancing_policies.maglev.v3.Maglev"
_OWN_CONFIG = "maglev_lb_config"
_SUPPORT = (
    Fields("envoy.config.cluster.v3.Cluster.MaglevLbConfig", implemented="table_size"),
    Fields(
        _TYPE,
        implemented="table_size consistent_hashing_lb_config locality_weighted_lb_config",
        category=CATEGORY,
    ),
)
_TABLE_SIZE = 65537


def _compile_cluster(ctx: CompileContext, source: Cluster, out: LbOptions, at: str) -> None:
    out.hashing.CopyFrom(consistent_hashing.of_cluster(source))
    _compile_table(ctx, source.maglev_lb_config, out, f"{at}.{_OWN_CONFIG}")


def _compile_typed(ctx: CompileContext, message: Message, out: LbOptions, at: str) -> None:
    config: Maglev = message  # type: ignore[assignment]
    out.locality_weighted = config.HasField("locality_weighted_lb_config")
    where = f"{at}.consistent_hashing_lb_config"
    hashing = consistent_hashing.of_policy(ctx, config.consistent_hashing_lb_config, where)
    out.hashing.CopyFrom(hashing)
    _compile_table(ctx, config, out, at)


def _compile_table(
    ctx: CompileContext, source: Cluster.MaglevLbConfig | Maglev, out: LbOptions, at: str
) -> None:
    out.hashing.table_size = _TABLE_SIZE
    if source.HasField("table_size"):
        out.hashing.table_size = source.table_size.value
    if not _is_prime(out.hashing.table_size):
        ctx.error(f"{at}.table_size", "The table size of maglev must be prime number")


def _is_prime(number: int) -> bool:
    if number < 2:
        return False
    return all(number % divisor for divisor in range(2, math.isqrt(number) + 1))


POLICY = Policy(
    "MAGLEV",
    LbPolicy.MAGLEV,
    _TYPE,
    _OWN_CONFIG,
    _compile_cluster,
    _compile_typed,
    _SUPPORT,
)
