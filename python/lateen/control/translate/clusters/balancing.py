"""How an endpoint is chosen, and which get no traffic for a while.

Source: pilot/pkg/networking/core/cluster_traffic_policy.go applyLoadBalancer,
ApplyRingHashLoadBalancer, applyOutlierDetection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.control.mesh_config import MeshConfig
from lateen.control.model.service import Service
from lateen.control.resources.destination_rule import (
    ConsistentHash,
    LoadBalancer,
    OutlierDetection,
    TrafficPolicy,
    Warmup,
    ZoneAwareLoadBalancer,
)
from lateen.control.translate import api
from lateen.control.translate.locality import setting_of, takes_over
from lateen.control.translate.values import duration, uint32

if TYPE_CHECKING:
    from envoy.config.cluster.v3.cluster_pb2 import Cluster

_RING_SIZE = 1024
_WARMUP_PERCENT = 10.0


def balance(cluster: Cluster, lb: LoadBalancer | None) -> None:
    """Set the policy of a cluster that knows its endpoints; LEAST_REQUEST: nothing is said."""
    lb = lb or LoadBalancer()
    if lb.consistent_hash is not None:
        _hash(cluster, lb.consistent_hash)
    elif lb.simple == "RANDOM":
        cluster.lb_policy = api.Cluster.RANDOM
    elif lb.simple == "ROUND_ROBIN":
        cluster.lb_policy = api.Cluster.ROUND_ROBIN
        if (slow := _slow_start(lb)) is not None:
            cluster.round_robin_lb_config.slow_start_config.CopyFrom(slow)
    else:
        cluster.lb_policy = api.Cluster.LEAST_REQUEST
        if (slow := _slow_start(lb)) is not None:
            cluster.least_request_lb_config.slow_start_config.CopyFrom(slow)


def passes_through(lb: LoadBalancer | None) -> bool:
    """Whether calls go to the address that the application called."""
    return lb is not None and lb.simple == "PASSTHROUGH"


def _slow_start(lb: LoadBalancer) -> Cluster.SlowStartConfig | None:
    if lb.warmup is not None:
        return _warmup(lb.warmup)
    if lb.warmup_duration_secs is not None:
        return api.Cluster.SlowStartConfig(slow_start_window=duration(lb.warmup_duration_secs))
    return None


def _warmup(warmup: Warmup) -> Cluster.SlowStartConfig:
    percent = _WARMUP_PERCENT if warmup.minimum_percent is None else warmup.minimum_percent
    aggression = 1.0 if warmup.aggression is None else warmup.aggression
    return api.Cluster.SlowStartConfig(
        slow_start_window=duration(warmup.duration),
        # Envoy wants a key; nobody sets one of this name.
        aggression=api.RuntimeDouble(default_value=aggression, runtime_key="("),
        min_weight_percent=api.Percent(value=percent),
    )


def _hash(cluster: Cluster, by: ConsistentHash) -> None:
    if by.maglev is not None:
        cluster.lb_policy = api.Cluster.MAGLEV
        if by.maglev.table_size:
            cluster.maglev_lb_config.table_size.value = by.maglev.table_size
        return
    cluster.lb_policy = api.Cluster.RING_HASH
    if by.ring_hash is not None:
        size = by.ring_hash.minimum_ring_size
    else:
        size = by.minimum_ring_size or _RING_SIZE
    if size:
        cluster.ring_hash_lb_config.minimum_ring_size.value = size


def detect_outliers(cluster: Cluster, outliers: OutlierDetection | None) -> None:
    """Set which endpoints are ejected: those of so many errors in a row, never by their rates."""
    if outliers is None:
        return
    made = api.OutlierDetection(enforcing_success_rate=uint32(0))
    for errors, count, enforced in (
        (outliers.consecutive_5xx_errors, made.consecutive_5xx, made.enforcing_consecutive_5xx),
        (
            outliers.consecutive_gateway_errors,
            made.consecutive_gateway_failure,
            made.enforcing_consecutive_gateway_failure,
        ),
    ):
        if errors is not None:
            count.value = errors
            enforced.value = 100 if errors else 0
    if outliers.interval is not None:
        made.interval.CopyFrom(duration(outliers.interval))
    if outliers.base_ejection_time is not None:
        made.base_ejection_time.CopyFrom(duration(outliers.base_ejection_time))
    if outliers.max_ejection_percent:
        made.max_ejection_percent.value = outliers.max_ejection_percent
    if outliers.split_external_local_origin_errors:
        made.split_external_local_origin_errors = True
        made.enforcing_local_origin_success_rate.value = 0
        if outliers.consecutive_local_origin_failures:
            made.consecutive_local_origin_failure.value = outliers.consecutive_local_origin_failures
            made.enforcing_consecutive_local_origin_failure.value = 100
    cluster.outlier_detection.CopyFrom(made)
    cluster.common_lb_config.healthy_panic_threshold.value = outliers.min_health_percent


def prefer_places(
    cluster: Cluster, policy: TrafficPolicy, config: MeshConfig, service: Service
) -> None:
    """Say how the cluster weighs the places of its endpoints, where their weights are set."""
    setting = setting_of(policy, config, service)
    if isinstance(setting, ZoneAwareLoadBalancer):
        zones = cluster.common_lb_config.zone_aware_lb_config
        zones.SetInParent()
        if setting.enabled is False:
            zones.routing_enabled.SetInParent()
        if setting.min_cluster_size is not None:
            zones.min_cluster_size.value = setting.min_cluster_size
    elif setting is not None:
        order = bool(setting.failover or setting.failover_priority)
        if setting.distribute or (order and takes_over(policy, setting)):
            cluster.common_lb_config.locality_weighted_lb_config.SetInParent()
