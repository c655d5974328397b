"""What RING_HASH and MAGLEV have in common.

Source: consistent_hashing_lb_config in envoy/config/cluster/v3/cluster.proto;
ConsistentHashingLbConfig in envoy/extensions/load_balancing_policies/common/v3/common.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.protos.worker_pb2 import Hashing
from lateen.proxy.compile.hash_policy import compile_hash_policies

if TYPE_CHECKING:
    from envoy.config.cluster.v3.cluster_pb2 import Cluster
    from envoy.extensions.load_balancing_policies.common.v3.common_pb2 import (
        ConsistentHashingLbConfig,
    )

    from lateen.proxy.compile.context import CompileContext

SUPPORT = (
    whole("envoy.config.cluster.v3.Cluster.CommonLbConfig.ConsistentHashingLbConfig"),
    Fields(
        "envoy.extensions.load_balancing_policies.common.v3.ConsistentHashingLbConfig",
        implemented="use_hostname_for_hashing hash_balance_factor hash_policy",
    ),
)


def of_cluster(source: Cluster) -> Hashing:
    """What the common_lb_config of a cluster says."""
    config = source.common_lb_config.consistent_hashing_lb_config
    return Hashing(
        use_hostname=config.use_hostname_for_hashing,
        balance_factor=config.hash_balance_factor.value,
    )


def of_policy(ctx: CompileContext, config: ConsistentHashingLbConfig, at: str) -> Hashing:
    """What the consistent_hashing_lb_config of a typed policy says."""
    return Hashing(
        use_hostname=config.use_hostname_for_hashing,
        balance_factor=config.hash_balance_factor.value,
        hash_policy=compile_hash_policies(ctx, config.hash_policy, f"{at}.hash_policy"),
    )
