"""How a host is chosen.

Source: lb_policy, common_lb_config and load_balancing_policy in
envoy/config/cluster/v3/cluster.proto; envoy/extensions/load_balancing_policies; errors as in
Envoy 1.40.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.protos import worker_pb2
from lateen.protos.worker_pb2 import Discovery, LbOptions
from lateen.proxy.compile.discovery import cluster_type_name
from lateen.proxy.compile.load_balancing import (
    cluster_provided,
    consistent_hashing,
    least_request,
    locality,
    maglev,
    override_host,
    random,
    ring_hash,
    round_robin,
    slow_start,
    subset,
)
from lateen.proxy.compile.load_balancing.policy import Policy
from lateen.proxy.compile.values import enum_name

if TYPE_CHECKING:
    from envoy.config.cluster.v3.cluster_pb2 import Cluster, LoadBalancingPolicy
    from envoy.extensions.load_balancing_policies.override_host.v3.override_host_pb2 import (
        OverrideHost,
    )
    from envoy.extensions.load_balancing_policies.subset.v3.subset_pb2 import Subset
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext

POLICIES: tuple[Policy, ...] = (
    round_robin.POLICY,
    least_request.POLICY,
    random.POLICY,
    ring_hash.POLICY,
    maglev.POLICY,
)

SUPPORT = (
    Fields(
        "envoy.config.cluster.v3.Cluster.CommonLbConfig",
        implemented="""
            healthy_panic_threshold zone_aware_lb_config locality_weighted_lb_config
            consistent_hashing_lb_config ignore_new_hosts_until_first_hc
        """,
        harmless={
            "update_merge_window": "endpoints are taken over at once",
            "override_host_status": "only stateful sessions, not implemented yet, ask for it",
        },
    ),
    whole("envoy.config.cluster.v3.LoadBalancingPolicy"),
    whole("envoy.config.cluster.v3.LoadBalancingPolicy.Policy"),
    *cluster_provided.SUPPORT,
    *override_host.SUPPORT,
    *locality.SUPPORT,
    *consistent_hashing.SUPPORT,
    *subset.SUPPORT,
    *slow_start.SUPPORT,
    *(fields for policy in POLICIES for fields in policy.support),
)

_PANIC_PERCENT = 50.0
_CHOICES = 2
_BIAS = 1.0
_OVERPROVISIONING_PERCENT = 140
_BY_NAME = {policy.name: policy for policy in POLICIES}
_BY_TYPE = {policy.type: policy for policy in POLICIES}
_NO_FALLBACK = (
    "dynamic forwarding LB: didn't find a registered fallback load balancer factory with names from"
)
# Policies that are made of others.
_OUTER = {subset.TYPE: "a subset policy", override_host.TYPE: "an override_host policy"}
_NAMED_BY_DNS = "envoy.cluster.strict_dns"


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
    elif out.discovery in (Discovery.AGGREGATE, Discovery.DYNAMIC_FORWARD_PROXY):
        _check_provided(ctx, source, policy, at)
    elif source.HasField("load_balancing_policy"):
        where = f"{at}.load_balancing_policy"
        _compile_typed(ctx, source, out, options, where)
    elif policy in _BY_NAME:
        out.lb_policy = _BY_NAME[policy].number
        _BY_NAME[policy].compile_cluster(ctx, source, options, at)
        _warn_of_others(ctx, source, policy, at)
        if source.lb_subset_config.subset_selectors:
            where = f"{at}.lb_subset_config"
            out.subsets.CopyFrom(subset.compile_subsets(ctx, source.lb_subset_config, where))
    elif policy == cluster_provided.NAME and source.HasField("lb_subset_config"):
        _report_subsets(ctx, f"{at}.lb_policy")
    else:
        _report(ctx, source.name, policy, f"{at}.lb_policy")
    out.lb.CopyFrom(options)


def _check_provided(ctx: CompileContext, source: Cluster, policy: str, at: str) -> None:
    """The type of the cluster chooses hosts, and no other policy can."""
    if source.HasField("load_balancing_policy"):
        known = (*_BY_TYPE, subset.TYPE, cluster_provided.TYPE)
        where = f"{at}.load_balancing_policy"
        missing = _missing(f"cluster: '{source.name}'")
        found = _first_known(ctx, source.load_balancing_policy, known, missing, where)
        if found is not None and found[0].DESCRIPTOR.full_name != cluster_provided.TYPE:
            cluster_provided.report_missing(ctx, source.name, found[1])
    elif policy != cluster_provided.NAME:
        cluster_provided.report_missing(ctx, source.name, f"{at}.lb_policy")
    elif source.HasField("lb_subset_config"):
        _report_subsets(ctx, f"{at}.lb_policy")


def _report_subsets(ctx: CompileContext, at: str) -> None:
    what = f"cluster: LB policy {cluster_provided.NAME}"
    ctx.error(at, f"{what} cannot be combined with lb_subset_config")


def _report(ctx: CompileContext, cluster: str, policy: str, at: str) -> None:
    if policy == "LOAD_BALANCING_POLICY_CONFIG":
        ctx.error(at, "cluster: field load_balancing_policy need to be set")
    elif policy == cluster_provided.NAME:
        cluster_provided.report_needless(ctx, cluster, at)
    else:
        ctx.unimplemented(at, f"lb_policy {policy}", ", ".join(_BY_NAME))


def _compile_common(ctx: CompileContext, source: Cluster, out: LbOptions, at: str) -> None:
    common = source.common_lb_config
    if common.HasField("healthy_panic_threshold"):
        out.panic_threshold_percent = common.healthy_panic_threshold.value
        if math.isnan(out.panic_threshold_percent):
            ctx.error(f"{at}.healthy_panic_threshold", "Value not in the range of 0..100 range.")
    if common.HasField("zone_aware_lb_config"):
        where = f"{at}.zone_aware_lb_config"
        locality.compile_zone_aware(ctx, common.zone_aware_lb_config, out, where)
    out.locality_weighted = common.HasField("locality_weighted_lb_config")
    kind = cluster_type_name(source)
    if common.consistent_hashing_lb_config.use_hostname_for_hashing and kind != _NAMED_BY_DNS:
        ctx.error(
            f"{at}.consistent_hashing_lb_config.use_hostname_for_hashing",
            "Cannot use hostname for consistent hashing loadbalancing for cluster of type:"
            f" '{kind}'",
        )
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


def _warn_of_others(ctx: CompileContext, source: Cluster, policy: str, at: str) -> None:
    """The config of another policy has no effect, as in Envoy."""
    kind = source.WhichOneof("lb_config")
    others = {other.own_config for other in POLICIES if other.name != policy}
    if kind in others:
        ctx.warning(f"{at}.{kind}", f"has no effect: the policy is {policy}")


def _compile_typed(
    ctx: CompileContext, source: Cluster, out: worker_pb2.Cluster, options: LbOptions, at: str
) -> None:
    if source.HasField("lb_subset_config"):
        reason = "cluster: load_balancing_policy cannot be combined with lb_subset_config"
        ctx.error(at, reason)
    known = (*_BY_TYPE, subset.TYPE, cluster_provided.TYPE)
    every = (*known, override_host.TYPE)
    missing = _missing(f"cluster: '{source.name}'")
    found = _first_known(ctx, source.load_balancing_policy, every, missing, at)
    if found is not None and found[0].DESCRIPTOR.full_name == override_host.TYPE:
        named: OverrideHost = found[0]  # type: ignore[assignment]
        compiled = override_host.compile_override_host(ctx, named, found[1])
        options.override_host.CopyFrom(compiled)
        where = f"{found[1]}.fallback_policy"
        found = _first_known(ctx, named.fallback_policy, known, _NO_FALLBACK, where)
    if found is not None and found[0].DESCRIPTOR.full_name == cluster_provided.TYPE:
        cluster_provided.report_needless(ctx, source.name, found[1])
        return
    if found is not None and found[0].DESCRIPTOR.full_name == subset.TYPE:
        config: Subset = found[0]  # type: ignore[assignment]
        out.subsets.CopyFrom(subset.compile_subsets(ctx, config, found[1]))
        where = f"{found[1]}.subset_lb_policy"
        missing = _missing("subset lb")
        found = _first_known(ctx, config.subset_lb_policy, tuple(_BY_TYPE), missing, where)
    if found is not None:
        message, where = found
        policy = _BY_TYPE[message.DESCRIPTOR.full_name]
        out.lb_policy = policy.number
        policy.compile_typed(ctx, message, options, where)


def _first_known(
    ctx: CompileContext, source: LoadBalancingPolicy, known: Collection[str], missing: str, at: str
) -> tuple[Message, str] | None:
    """The first policy whose type is in `known`, as Envoy takes it, and its path."""
    skipped: list[str] = []
    for index, policy in enumerate(source.policies):
        where = f"{at}.policies[{index}].typed_extension_config.typed_config"
        message = ctx.unpack(policy.typed_extension_config.typed_config)
        if message is not None and message.DESCRIPTOR.full_name in known:
            for earlier in skipped:
                ctx.excuse(earlier, f"{message.DESCRIPTOR.full_name} is used instead")
            return message, where
        if message is not None and message.DESCRIPTOR.full_name in _OUTER:
            what = _OUTER[message.DESCRIPTOR.full_name]
            ctx.unimplemented(where, f"{what} within one", ", ".join(known))
        skipped.append(where)
    if not skipped:
        ctx.error(at, missing)
    return None


def _missing(who: str) -> str:
    return (
        f"cluster: didn't find a registered load balancer factory implementation for {who}"
        " with names from []"
    )
