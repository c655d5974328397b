"""The hosts of a cluster, by locality and priority.

Source: envoy/config/endpoint/v3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from lateen.config.support import Fields, whole
from lateen.protos.worker_pb2 import Endpoint, Endpoints, Locality
from lateen.proxy.compile.address import compile_address
from lateen.proxy.compile.health_check import compile_endpoint_check
from lateen.proxy.compile.values import denominator, metadata_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envoy.config.endpoint.v3 import endpoint_components_pb2 as envoy
    from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment

    from lateen.proxy.compile.context import CompileContext

SUPPORT = (
    Fields(
        "envoy.config.endpoint.v3.ClusterLoadAssignment",
        implemented="cluster_name endpoints policy",
    ),
    Fields(
        "envoy.config.endpoint.v3.ClusterLoadAssignment.Policy",
        implemented="drop_overloads overprovisioning_factor weighted_priority_health",
        harmless={
            "endpoint_stale_after": "endpoints do not go stale without EDS",
        },
    ),
    Fields(
        "envoy.config.endpoint.v3.LocalityLbEndpoints",
        implemented="locality lb_endpoints load_balancing_weight priority",
        harmless={
            "metadata": "nothing reads a locality's metadata",
            "proximity": "nothing reads it, as in Envoy",
        },
    ),
    Fields(
        "envoy.config.endpoint.v3.LbEndpoint",
        implemented="endpoint health_status metadata load_balancing_weight",
    ),
    Fields(
        "envoy.config.endpoint.v3.Endpoint",
        implemented="address hostname additional_addresses health_check_config",
        harmless={
            "observability_name": "hosts have no stats of their own yet",
        },
    ),
    whole("envoy.config.endpoint.v3.ClusterLoadAssignment.Policy.DropOverload"),
    whole("envoy.config.endpoint.v3.Endpoint.AdditionalAddress"),
)


def compile_endpoints(
    ctx: CompileContext,
    assignment: ClusterLoadAssignment,
    cluster: str,
    at: str,
    *,
    host_names: bool = False,
) -> Endpoints:
    """The endpoints of the cluster named `cluster`.

    Args:
        host_names: whether an address may be a DNS name (STRICT_DNS and LOGICAL_DNS).
    """
    compiled = Endpoints(cluster=cluster)
    for index, locality in enumerate(assignment.endpoints):
        where = f"{at}.endpoints[{index}]"
        _compile_locality(ctx, locality, compiled.localities.add(), where, host_names=host_names)
    if assignment.HasField("policy"):
        _compile_policy(ctx, assignment.policy, compiled, f"{at}.policy")
    return compiled


def _compile_policy(
    ctx: CompileContext, policy: ClusterLoadAssignment.Policy, out: Endpoints, at: str
) -> None:
    out.overprovisioning_factor = policy.overprovisioning_factor.value
    out.weighted_priority_health = policy.weighted_priority_health
    if policy.drop_overloads:
        out.drop_share = _drop_share(ctx, policy.drop_overloads, f"{at}.drop_overloads")


def _drop_share(
    ctx: CompileContext, drops: Sequence[ClusterLoadAssignment.Policy.DropOverload], at: str
) -> float:
    if len(drops) > 1:
        reason = (
            f"Cluster drop_overloads config has {len(drops)} categories. Envoy only support one."
        )
        ctx.error(at, reason)
    percentage = drops[0].drop_percentage
    share = percentage.numerator / denominator(percentage)
    if share > 1:
        reason = (
            f"Cluster drop_overloads config is invalid. drop_ratio={share:g}(Numerator"
            f" {percentage.numerator} / Denominator {denominator(percentage)}). The valid range is"
            " 0~1."
        )
        ctx.error(f"{at}[0].drop_percentage", reason)
    return share


def _compile_locality(
    ctx: CompileContext,
    source: envoy.LocalityLbEndpoints,
    out: Locality,
    at: str,
    *,
    host_names: bool,
) -> None:
    place = source.locality
    out.region = place.region
    out.zone = place.zone
    out.sub_zone = place.sub_zone
    out.priority = source.priority
    if source.HasField("load_balancing_weight"):
        out.weight = source.load_balancing_weight.value
    for index, endpoint in enumerate(source.lb_endpoints):
        where = f"{at}.lb_endpoints[{index}]"
        if host_names and not endpoint.endpoint.HasField("address"):
            # Envoy takes it and never finds a host there.
            ctx.warning(f"{where}.endpoint", "there is no address: nothing is resolved for it")
            continue
        _compile_endpoint(ctx, endpoint, out.endpoints.add(), where, host_names=host_names)


def _compile_endpoint(
    ctx: CompileContext, source: envoy.LbEndpoint, out: Endpoint, at: str, *, host_names: bool
) -> None:
    host = source.endpoint
    where = f"{at}.endpoint.address"
    address = compile_address(ctx, host.address, where, host_names=host_names, internal=True)
    out.address.CopyFrom(address)
    out.hostname = host.hostname
    out.weight = source.load_balancing_weight.value or 1
    out.health = cast("Endpoint.Health", source.health_status)
    for index, additional in enumerate(host.additional_addresses):
        where = f"{at}.endpoint.additional_addresses[{index}].address"
        out.additional_addresses.append(compile_address(ctx, additional.address, where))
    if out.additional_addresses and address.HasField("internal"):
        where = f"{at}.endpoint.additional_addresses"
        ctx.unimplemented(where, "an alternative to an internal listener", "alternatives of IPs")
    if host.HasField("health_check_config"):
        compile_endpoint_check(ctx, host, out, f"{at}.endpoint.health_check_config")
    if source.HasField("metadata"):
        out.metadata_json = metadata_json(source.metadata)
        balancer = source.metadata.filter_metadata
        if "envoy.lb" in balancer and "canary" in balancer["envoy.lb"].fields:
            out.canary = balancer["envoy.lb"].fields["canary"].bool_value
