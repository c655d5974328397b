"""How localities share the traffic.

Source: common_lb_config in envoy/config/cluster/v3/cluster.proto;
envoy/extensions/load_balancing_policies/common/v3/common.proto; defaults and errors as in
Envoy 1.40.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lateen.config.support import whole
from lateen.protos.worker_pb2 import ZoneAware
from lateen.proxy.compile.values import enum_name

if TYPE_CHECKING:
    from envoy.config.cluster.v3.cluster_pb2 import Cluster
    from envoy.extensions.load_balancing_policies.common.v3.common_pb2 import LocalityLbConfig
    from envoy.type.v3.percent_pb2 import Percent

    from lateen.protos.worker_pb2 import LbOptions
    from lateen.proxy.compile.context import CompileContext

_COMMON = "envoy.extensions.load_balancing_policies.common.v3.LocalityLbConfig"

SUPPORT = (
    whole("envoy.config.cluster.v3.Cluster.CommonLbConfig.ZoneAwareLbConfig"),
    whole(_COMMON),
    whole(f"{_COMMON}.ZoneAwareLbConfig"),
    whole(f"{_COMMON}.ZoneAwareLbConfig.ForceLocalZone"),
    whole("envoy.config.cluster.v3.Cluster.CommonLbConfig.LocalityWeightedLbConfig"),
    whole(f"{_COMMON}.LocalityWeightedLbConfig"),
)

_ALL_PERCENT = 100
_MIN_CLUSTER_SIZE = 6
_FORCED_BY = 1


def compile_locality(
    ctx: CompileContext, source: LocalityLbConfig, out: LbOptions, at: str
) -> None:
    """The locality_lb_config of a typed policy."""
    kind = source.WhichOneof("locality_config_specifier")
    if kind == "locality_weighted_lb_config":
        out.locality_weighted = True
    elif kind == "zone_aware_lb_config":
        config = source.zone_aware_lb_config
        compile_zone_aware(ctx, config, out, f"{at}.{kind}")
        zones = out.zone_aware
        if config.HasField("force_local_zone"):
            given = config.force_local_zone
            wanted = given.min_size.value if given.HasField("min_size") else _FORCED_BY
            zones.force_local_min_size = wanted
        elif config.force_locality_direct_routing:
            zones.force_local_min_size = _FORCED_BY
        zones.by_weight = enum_name(config, "locality_basis") == "HEALTHY_HOSTS_WEIGHT"


def compile_zone_aware(
    ctx: CompileContext,
    source: Cluster.CommonLbConfig.ZoneAwareLbConfig | LocalityLbConfig.ZoneAwareLbConfig,
    out: LbOptions,
    at: str,
) -> None:
    """What the configuration of a cluster and that of a typed policy have in common."""
    out.fail_traffic_on_panic = source.fail_traffic_on_panic
    zones = ZoneAware(routing_enabled_percent=_ALL_PERCENT, min_cluster_size=_MIN_CLUSTER_SIZE)
    if source.HasField("routing_enabled"):
        where = f"{at}.routing_enabled"
        zones.routing_enabled_percent = _rounded(ctx, source.routing_enabled, where)
    if source.HasField("min_cluster_size"):
        zones.min_cluster_size = source.min_cluster_size.value
    out.zone_aware.CopyFrom(zones)


def _rounded(ctx: CompileContext, source: Percent, at: str) -> int:
    if math.isnan(source.value):
        ctx.error(at, "Value not in the range of 0..100 range.")
        return _ALL_PERCENT
    return math.floor(source.value + 0.5)
