"""The hosts of a cluster, by locality and priority.

Source: envoy/config/endpoint/v3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from lateen.config.support import Fields, whole
from lateen.protos.worker_pb2 import Endpoint, Endpoints, Locality
from lateen.proxy.compile.address import compile_address
from lateen.proxy.compile.values import denominator, metadata_json

if TYPE_CHECKING:
    from envoy.config.endpoint.v3 import endpoint_components_pb2 as envoy
    from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment

    from lateen.proxy.compile.context import CompileContext

_HEALTH_CHECK = "active health checks are not implemented yet"

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
        implemented="address hostname additional_addresses",
        harmless={
            "health_check_config": _HEALTH_CHECK,
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
    compiled = Endpoints(
        cluster=cluster,
        localities=[
            _compile_locality(ctx, locality, f"{at}.endpoints[{i}]", host_names=host_names)
            for i, locality in enumerate(assignment.endpoints)
        ],
    )
    if assignment.HasField("policy"):
        _compile_policy(ctx, assignment.policy, compiled, f"{at}.policy")
    return compiled


def _compile_policy(
    ctx: CompileContext, policy: ClusterLoadAssignment.Policy, out: Endpoints, at: str
) -> None:
    out.overprovisioning_factor = policy.overprovisioning_factor.value
    out.weighted_priority_health = policy.weighted_priority_health
    for drop in policy.drop_overloads:
        out.drop_overloads.add(
            category=drop.category,
            numerator=drop.drop_percentage.numerator,
            denominator=denominator(drop.drop_percentage),
        )


def _compile_locality(
    ctx: CompileContext, source: envoy.LocalityLbEndpoints, at: str, *, host_names: bool
) -> Locality:
    place = source.locality
    locality = Locality(
        region=place.region,
        zone=place.zone,
        sub_zone=place.sub_zone,
        priority=source.priority,
        endpoints=[
            _compile_endpoint(ctx, endpoint, f"{at}.lb_endpoints[{i}]", host_names=host_names)
            for i, endpoint in enumerate(source.lb_endpoints)
        ],
    )
    if source.HasField("load_balancing_weight"):
        locality.weight = source.load_balancing_weight.value
    return locality


def _compile_endpoint(
    ctx: CompileContext, source: envoy.LbEndpoint, at: str, *, host_names: bool
) -> Endpoint:
    host = source.endpoint
    inner = f"{at}.endpoint"
    endpoint = Endpoint(
        address=compile_address(ctx, host.address, f"{inner}.address", host_names=host_names),
        hostname=host.hostname,
        weight=source.load_balancing_weight.value or 1,
        health=cast("Endpoint.Health", source.health_status),
    )
    for index, additional in enumerate(host.additional_addresses):
        where = f"{inner}.additional_addresses[{index}].address"
        endpoint.additional_addresses.append(compile_address(ctx, additional.address, where))
    if source.HasField("metadata"):
        endpoint.metadata_json = metadata_json(source.metadata)
        balancer = source.metadata.filter_metadata
        if "envoy.lb" in balancer and "canary" in balancer["envoy.lb"].fields:
            endpoint.canary = balancer["envoy.lb"].fields["canary"].bool_value
    return endpoint
