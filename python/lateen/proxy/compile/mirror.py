"""Copies of requests that go to other clusters.

Source: RequestMirrorPolicy in envoy/config/route/v3/route_components.proto; errors as in Envoy.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lateen.config.support import Fields
from lateen.protos.worker_pb2 import Mirror
from lateen.proxy.compile.mutation_rules import compile_header_mutations
from lateen.proxy.compile.values import runtime_fraction

if TYPE_CHECKING:
    from envoy.config.route.v3.route_components_pb2 import RouteAction

    from lateen.proxy.compile.context import CompileContext

SUPPORT = (
    Fields(
        "envoy.config.route.v3.RouteAction.RequestMirrorPolicy",
        implemented="""
            cluster cluster_header runtime_fraction disable_shadow_host_suffix_append
            request_headers_mutations host_rewrite_literal trace_sampled
        """,
    ),
)


def compile_mirrors(
    ctx: CompileContext, policies: Iterable[RouteAction.RequestMirrorPolicy], at: str
) -> list[Mirror]:
    """The mirrors of a route, virtual host or table, in order."""
    return [_compile(ctx, policy, f"{at}[{i}]") for i, policy in enumerate(policies)]


def _compile(ctx: CompileContext, policy: RouteAction.RequestMirrorPolicy, at: str) -> Mirror:
    where = f"{at}.request_headers_mutations"
    mirror = Mirror(
        keeps_host=policy.disable_shadow_host_suffix_append,
        host_rewrite_literal=policy.host_rewrite_literal,
        mutations=compile_header_mutations(ctx, policy.request_headers_mutations, where),
    )
    if policy.cluster and policy.cluster_header:
        ctx.error(
            at, "Only one of cluster or cluster_header in request mirror policy can be specified"
        )
    elif policy.cluster:
        mirror.cluster = policy.cluster
        reason = f"route: unknown shadow cluster '{policy.cluster}'"
        ctx.check_cluster(policy.cluster, f"{at}.cluster", reason)
    elif policy.cluster_header:
        mirror.cluster_header = policy.cluster_header.lower()
    else:
        ctx.error(
            at,
            "Exactly one of cluster or cluster_header in request mirror policy need to be"
            " specified",
        )
    if policy.HasField("trace_sampled"):
        mirror.sampled = policy.trace_sampled.value
    if policy.HasField("runtime_fraction"):
        mirror.fraction.CopyFrom(runtime_fraction(policy.runtime_fraction))
    return mirror
