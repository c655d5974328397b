"""The policy of a cluster in its typed form, and policies that are made of others.

Source: load_balancing_policy in envoy/config/cluster/v3/cluster.proto;
envoy/extensions/load_balancing_policies; errors as in Envoy 1.40.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from lateen.proxy.compile.load_balancing import (
    client_side_weighted_round_robin,
    cluster_provided,
    override_host,
    subset,
    wrr_locality,
)
from lateen.proxy.compile.load_balancing.policies import BY_TYPE

if TYPE_CHECKING:
    from envoy.config.cluster.v3.cluster_pb2 import Cluster, LoadBalancingPolicy
    from envoy.extensions.load_balancing_policies.override_host.v3.override_host_pb2 import (
        OverrideHost,
    )
    from envoy.extensions.load_balancing_policies.subset.v3.subset_pb2 import Subset
    from envoy.extensions.load_balancing_policies.wrr_locality.v3.wrr_locality_pb2 import (
        WrrLocality,
    )
    from google.protobuf.message import Message

    from lateen.protos import worker_pb2
    from lateen.protos.worker_pb2 import LbOptions
    from lateen.proxy.compile.context import CompileContext

_NO_FALLBACK = (
    "dynamic forwarding LB: didn't find a registered fallback load balancer factory with names from"
)
# Policies that are made of others.
_OUTER = {subset.TYPE: "a subset policy", override_host.TYPE: "an override_host policy"}
# Policies that choose hosts, and such as choose localities before.
_PICKING = (*BY_TYPE, wrr_locality.TYPE)
# Whichever a cluster or another policy may have.
KNOWN = (*_PICKING, subset.TYPE, cluster_provided.TYPE)
_EVERY = (*KNOWN, override_host.TYPE)


def compile_typed(
    ctx: CompileContext, source: Cluster, out: worker_pb2.Cluster, options: LbOptions, at: str
) -> None:
    """Sets `lb_policy`, `subsets` and `lb` as the policy of a cluster says."""
    if source.HasField("lb_subset_config"):
        reason = "cluster: load_balancing_policy cannot be combined with lb_subset_config"
        ctx.error(at, reason)
    missing = no_policy(f"cluster: '{source.name}'")
    found = first_known(ctx, source.load_balancing_policy, _EVERY, missing, at)
    if found is not None and found[0].DESCRIPTOR.full_name == override_host.TYPE:
        named: OverrideHost = found[0]  # type: ignore[assignment]
        compiled = override_host.compile_override_host(ctx, named, found[1])
        options.override_host.CopyFrom(compiled)
        where = f"{found[1]}.fallback_policy"
        found = first_known(ctx, named.fallback_policy, KNOWN, _NO_FALLBACK, where)
    if found is not None and found[0].DESCRIPTOR.full_name == cluster_provided.TYPE:
        cluster_provided.report_needless(ctx, source.name, found[1])
        return
    if found is not None and found[0].DESCRIPTOR.full_name == subset.TYPE:
        config: Subset = found[0]  # type: ignore[assignment]
        out.subsets.CopyFrom(subset.compile_subsets(ctx, config, found[1]))
        where = f"{found[1]}.subset_lb_policy"
        missing = no_policy("subset lb")
        found = first_known(ctx, config.subset_lb_policy, _PICKING, missing, where)
    if found is not None and found[0].DESCRIPTOR.full_name == wrr_locality.TYPE:
        options.locality_weighted = True
        found = _endpoint_picking_policy(ctx, found[0], found[1])
    if found is not None:
        message, where = found
        policy = BY_TYPE[message.DESCRIPTOR.full_name]
        out.lb_policy = policy.number
        policy.compile_typed(ctx, message, options, where)


def _endpoint_picking_policy(
    ctx: CompileContext, message: Message, at: str
) -> tuple[Message, str] | None:
    """What chooses the hosts of a locality: Envoy takes one policy alone."""
    config: WrrLocality = message  # type: ignore[assignment]
    policies = config.endpoint_picking_policy
    where = f"{at}.endpoint_picking_policy"
    found = first_known(ctx, policies, _EVERY, wrr_locality.NO_POLICY, where)
    if found is None or found[0].DESCRIPTOR.full_name == client_side_weighted_round_robin.TYPE:
        return found
    ctx.error(found[1], wrr_locality.OTHER_POLICY)
    return None


def first_known(
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


def no_policy(who: str) -> str:
    """What Envoy says where it knows none of the policies."""
    return (
        f"cluster: didn't find a registered load balancer factory implementation for {who}"
        " with names from []"
    )
