"""How a host is chosen.

Source: lb_policy, common_lb_config and load_balancing_policy in
envoy/config/cluster/v3/cluster.proto; envoy/extensions/load_balancing_policies; errors as in
Envoy 1.40.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

from lateen.config.support import Fields, whole
from lateen.protos import worker_pb2
from lateen.protos.worker_pb2 import Discovery, LbOptions, LbPolicy
from lateen.proxy.compile.values import enum_name

if TYPE_CHECKING:
    from envoy.config.cluster.v3.cluster_pb2 import Cluster, LoadBalancingPolicy
    from envoy.config.core.v3.base_pb2 import RuntimeDouble
    from envoy.extensions.load_balancing_policies.common.v3.common_pb2 import LocalityLbConfig
    from envoy.extensions.load_balancing_policies.least_request.v3 import least_request_pb2
    from envoy.extensions.load_balancing_policies.random.v3.random_pb2 import Random
    from envoy.extensions.load_balancing_policies.round_robin.v3.round_robin_pb2 import RoundRobin
    from google.protobuf.message import Message
    from google.protobuf.wrappers_pb2 import UInt32Value

    from lateen.proxy.compile.context import CompileContext

    class LeastRequestFields(Protocol):
        """What both messages that configure LEAST_REQUEST have."""

        @property
        def choice_count(self) -> UInt32Value:
            """How many hosts are compared."""

        @property
        def active_request_bias(self) -> RuntimeDouble:
            """How much a busy host loses."""

        def HasField(self, field_name: str) -> bool:
            """As of every message."""


_NO_LOCAL_CLUSTER = "zone-aware routing needs a local cluster, which is not implemented yet"
_HEALTH_CHECK = "active health checks are not implemented yet"

SUPPORT = (
    Fields(
        "envoy.config.cluster.v3.Cluster.CommonLbConfig",
        implemented="healthy_panic_threshold zone_aware_lb_config locality_weighted_lb_config",
        harmless={
            "update_merge_window": "endpoints are taken over at once",
            "ignore_new_hosts_until_first_hc": _HEALTH_CHECK,
            "consistent_hashing_lb_config": "only RING_HASH and MAGLEV clusters read it",
            "override_host_status": "no extension that overrides the host is implemented yet",
        },
    ),
    Fields(
        "envoy.config.cluster.v3.Cluster.CommonLbConfig.ZoneAwareLbConfig",
        implemented="fail_traffic_on_panic",
        harmless={
            "routing_enabled": _NO_LOCAL_CLUSTER,
            "min_cluster_size": _NO_LOCAL_CLUSTER,
        },
    ),
    Fields(
        "envoy.config.cluster.v3.Cluster.LeastRequestLbConfig",
        implemented="choice_count active_request_bias",
    ),
    Fields(
        "envoy.config.cluster.v3.Cluster.RoundRobinLbConfig",
    ),
    Fields(
        "envoy.extensions.load_balancing_policies.common.v3.LocalityLbConfig",
        implemented="zone_aware_lb_config locality_weighted_lb_config",
    ),
    Fields(
        "envoy.extensions.load_balancing_policies.common.v3.LocalityLbConfig.ZoneAwareLbConfig",
        implemented="fail_traffic_on_panic",
        harmless={
            "routing_enabled": _NO_LOCAL_CLUSTER,
            "min_cluster_size": _NO_LOCAL_CLUSTER,
            "force_locality_direct_routing": _NO_LOCAL_CLUSTER,
            "force_local_zone": _NO_LOCAL_CLUSTER,
            "locality_basis": _NO_LOCAL_CLUSTER,
        },
    ),
    Fields(
        "envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin",
        implemented="locality_lb_config",
        category="envoy.load_balancing_policies",
    ),
    Fields(
        "envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest",
        implemented="choice_count active_request_bias locality_lb_config",
        category="envoy.load_balancing_policies",
    ),
    Fields(
        "envoy.extensions.load_balancing_policies.random.v3.Random",
        implemented="locality_lb_config",
        category="envoy.load_balancing_policies",
    ),
    whole("envoy.config.cluster.v3.Cluster.CommonLbConfig.LocalityWeightedLbConfig"),
    whole(
        "envoy.extensions.load_balancing_policies.common.v3.LocalityLbConfig.LocalityWeightedLbConfig"
    ),
    whole("envoy.config.cluster.v3.LoadBalancingPolicy"),
    whole("envoy.config.cluster.v3.LoadBalancingPolicy.Policy"),
)

_PANIC_PERCENT = 50.0
_CHOICES = 2
_BIAS = 1.0
_OVERPROVISIONING_PERCENT = 140
_BY_NAME = {
    "ROUND_ROBIN": LbPolicy.ROUND_ROBIN,
    "LEAST_REQUEST": LbPolicy.LEAST_REQUEST,
    "RANDOM": LbPolicy.RANDOM,
}
_ROUND_ROBIN = "envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin"
_LEAST_REQUEST = "envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest"
_RANDOM = "envoy.extensions.load_balancing_policies.random.v3.Random"
_TYPED = (_ROUND_ROBIN, _LEAST_REQUEST, _RANDOM)


def default_options() -> LbOptions:
    """What holds when nothing is configured."""
    return LbOptions(
        panic_threshold_percent=_PANIC_PERCENT,
        choice_count=_CHOICES,
        active_request_bias=_BIAS,
        overprovisioning_factor=_OVERPROVISIONING_PERCENT,
    )


def compile_load_balancing(
    ctx: CompileContext, source: Cluster, out: worker_pb2.Cluster, at: str
) -> None:
    """Set `lb_policy` and `lb` of a compiled cluster."""
    options = default_options()
    if source.HasField("common_lb_config"):
        _compile_common(ctx, source, options, f"{at}.common_lb_config")
    policy = enum_name(source, "lb_policy") if source.lb_policy else "ROUND_ROBIN"
    if out.discovery == Discovery.ORIGINAL_DST:
        if policy != "CLUSTER_PROVIDED":
            reason = (
                f"cluster: LB policy {policy} is not valid for Cluster type ORIGINAL_DST. Only"
                " 'CLUSTER_PROVIDED' is allowed with cluster type 'ORIGINAL_DST'"
            )
            ctx.error(f"{at}.lb_policy", reason)
    elif source.HasField("load_balancing_policy"):
        where = f"{at}.load_balancing_policy"
        out.lb_policy = _compile_typed(ctx, source.load_balancing_policy, options, where)
    elif policy in _BY_NAME:
        out.lb_policy = _BY_NAME[policy]
        _compile_own_config(ctx, source, policy, options, at)
    else:
        _report(ctx, source.name, policy, f"{at}.lb_policy")
    out.lb.CopyFrom(options)


def _report(ctx: CompileContext, cluster: str, policy: str, at: str) -> None:
    if policy == "LOAD_BALANCING_POLICY_CONFIG":
        ctx.error(at, "cluster: field load_balancing_policy need to be set")
    elif policy == "CLUSTER_PROVIDED":
        ctx.error(
            at,
            f"cluster manager: cluster provided LB specified but cluster '{cluster}' did not"
            " provide one. Check cluster documentation.",
        )
    else:
        ctx.unimplemented(at, f"lb_policy {policy}", ", ".join(_BY_NAME))


def _compile_common(ctx: CompileContext, source: Cluster, out: LbOptions, at: str) -> None:
    common = source.common_lb_config
    if common.HasField("healthy_panic_threshold"):
        out.panic_threshold_percent = common.healthy_panic_threshold.value
        if math.isnan(out.panic_threshold_percent):
            ctx.error(f"{at}.healthy_panic_threshold", "Value not in the range of 0..100 range.")
    if common.HasField("zone_aware_lb_config"):
        out.fail_traffic_on_panic = common.zone_aware_lb_config.fail_traffic_on_panic
    out.locality_weighted = common.HasField("locality_weighted_lb_config")
    partial = common.WhichOneof("locality_config_specifier") is not None
    if source.HasField("load_balancing_policy") and (
        partial or common.HasField("consistent_hashing_lb_config")
    ):
        ctx.error(
            at,
            "cluster: load_balancing_policy cannot be combined with partial fields"
            " (zone_aware_lb_config, locality_weighted_lb_config, consistent_hashing_lb_config)"
            " of common_lb_config",
        )


def _compile_own_config(
    ctx: CompileContext, source: Cluster, policy: str, out: LbOptions, at: str
) -> None:
    """The config of the policy that is used; that of another policy has no effect, as in Envoy."""
    kind = source.WhichOneof("lb_config")
    if policy == "LEAST_REQUEST" and kind == "least_request_lb_config":
        where = f"{at}.least_request_lb_config"
        _compile_least_request(ctx, source.least_request_lb_config, out, where)
    elif kind in ("least_request_lb_config", "round_robin_lb_config") and (
        kind != f"{policy.lower()}_lb_config"
    ):
        ctx.warning(f"{at}.{kind}", f"has no effect: the policy is {policy}")


def _compile_least_request(
    ctx: CompileContext, source: LeastRequestFields, out: LbOptions, at: str
) -> None:
    if source.HasField("choice_count"):
        out.choice_count = source.choice_count.value
    if source.HasField("active_request_bias"):
        bias = source.active_request_bias
        out.active_request_bias = bias.default_value
        override = ctx.runtime.get(bias.runtime_key)
        if override is not None:
            try:
                out.active_request_bias = float(override)
            except ValueError:
                ctx.warning(f"{at}.active_request_bias", f"runtime value {override} is no number")


def _compile_typed(
    ctx: CompileContext, source: LoadBalancingPolicy, out: LbOptions, at: str
) -> LbPolicy:
    """The first policy that is known, as Envoy takes it."""
    skipped: list[str] = []
    for index, policy in enumerate(source.policies):
        where = f"{at}.policies[{index}].typed_extension_config.typed_config"
        message = ctx.unpack(policy.typed_extension_config.typed_config)
        if message is not None and message.DESCRIPTOR.full_name in _TYPED:
            for earlier in skipped:
                ctx.excuse(earlier, f"{message.DESCRIPTOR.full_name} is used instead")
            return _compile_policy(ctx, message, out, where)
        skipped.append(where)
    if not skipped:
        ctx.error(at, "cluster: didn't find a registered load balancer factory implementation")
    return LbPolicy.ROUND_ROBIN


def _compile_policy(ctx: CompileContext, message: Message, out: LbOptions, at: str) -> LbPolicy:
    kind = message.DESCRIPTOR.full_name
    if kind == _LEAST_REQUEST:
        least: least_request_pb2.LeastRequest = message  # type: ignore[assignment]
        _compile_least_request(ctx, least, out, at)
        _compile_locality(ctx, least.locality_lb_config, out, f"{at}.locality_lb_config")
        return LbPolicy.LEAST_REQUEST
    if kind == _RANDOM:
        random: Random = message  # type: ignore[assignment]
        _compile_locality(ctx, random.locality_lb_config, out, f"{at}.locality_lb_config")
        return LbPolicy.RANDOM
    robin: RoundRobin = message  # type: ignore[assignment]
    _compile_locality(ctx, robin.locality_lb_config, out, f"{at}.locality_lb_config")
    return LbPolicy.ROUND_ROBIN


def _compile_locality(
    ctx: CompileContext, source: LocalityLbConfig, out: LbOptions, at: str
) -> None:
    kind = source.WhichOneof("locality_config_specifier")
    if kind == "locality_weighted_lb_config":
        out.locality_weighted = True
    elif kind == "zone_aware_lb_config":
        out.fail_traffic_on_panic = source.zone_aware_lb_config.fail_traffic_on_panic
