"""How a host is chosen.

Source: lb_policy, common_lb_config and load_balancing_policy in
envoy/config/cluster/v3/cluster.proto; envoy/extensions/load_balancing_policies; errors as in
Envoy 1.40.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.protos import worker_pb2
from lateen.protos.worker_pb2 import Discovery, LbOptions
from lateen.proxy.compile.discovery import cluster_type_name
from lateen.proxy.compile.load_balancing import (
    cluster_provided,
    consistent_hashing,
    locality,
    override_host,
    slow_start,
    subset,
    wrr_locality,
)
from lateen.proxy.compile.load_balancing.policies import BY_NAME, POLICIES
from lateen.proxy.compile.load_balancing.typed import (
    KNOWN,
    compile_typed,
    first_known,
    no_policy,
)
from lateen.proxy.compile.values import enum_name

if TYPE_CHECKING:
    from envoy.config.cluster.v3.cluster_pb2 import Cluster

    from lateen.proxy.compile.context import CompileContext

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
    *wrr_locality.SUPPORT,
    *slow_start.SUPPORT,
    *(fields for policy in POLICIES for fields in policy.support),
)

_PANIC_PERCENT = 50.0
_CHOICES = 2
_BIAS = 1.0
_OVERPROVISIONING_PERCENT = 140
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
        compile_typed(ctx, source, out, options, where)
    elif policy in BY_NAME:
        out.lb_policy = BY_NAME[policy].number
        BY_NAME[policy].compile_cluster(ctx, source, options, at)
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
        where = f"{at}.load_balancing_policy"
        missing = no_policy(f"cluster: '{source.name}'")
        found = first_known(ctx, source.load_balancing_policy, KNOWN, missing, where)
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
        ctx.unimplemented(at, f"lb_policy {policy}", ", ".join(BY_NAME))


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
