"""How localities share the traffic.

Source: common_lb_config in envoy/config/cluster/v3/cluster.proto;
envoy/extensions/load_balancing_policies/common/v3/common.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole

if TYPE_CHECKING:
    from envoy.extensions.load_balancing_policies.common.v3.common_pb2 import LocalityLbConfig

    from lateen.protos.worker_pb2 import LbOptions

_NO_LOCAL_CLUSTER = "zone-aware routing needs a local cluster, which is not implemented yet"
_COMMON = "envoy.extensions.load_balancing_policies.common.v3.LocalityLbConfig"

SUPPORT = (
    Fields(
        "envoy.config.cluster.v3.Cluster.CommonLbConfig.ZoneAwareLbConfig",
        implemented="fail_traffic_on_panic",
        harmless={
            "routing_enabled": _NO_LOCAL_CLUSTER,
            "min_cluster_size": _NO_LOCAL_CLUSTER,
        },
    ),
    Fields(_COMMON, implemented="zone_aware_lb_config locality_weighted_lb_config"),
    Fields(
        f"{_COMMON}.ZoneAwareLbConfig",
        implemented="fail_traffic_on_panic",
        harmless={
            "routing_enabled": _NO_LOCAL_CLUSTER,
            "min_cluster_size": _NO_LOCAL_CLUSTER,
            "force_locality_direct_routing": _NO_LOCAL_CLUSTER,
            "force_local_zone": _NO_LOCAL_CLUSTER,
            "locality_basis": _NO_LOCAL_CLUSTER,
        },
    ),
    whole("envoy.config.cluster.v3.Cluster.CommonLbConfig.LocalityWeightedLbConfig"),
    whole(f"{_COMMON}.LocalityWeightedLbConfig"),
)


def compile_locality(source: LocalityLbConfig, out: LbOptions) -> None:
    """The locality_lb_config of a typed policy."""
    kind = source.WhichOneof("locality_config_specifier")
    if kind == "locality_weighted_lb_config":
        out.locality_weighted = True
    elif kind == "zone_aware_lb_config":
        out.fail_traffic_on_panic = source.zone_aware_lb_config.fail_traffic_on_panic
