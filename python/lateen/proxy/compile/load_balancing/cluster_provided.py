"""Clusters whose type chooses the host.

Source: lb_policy in envoy/config/cluster/v3/cluster.proto;
envoy/extensions/load_balancing_policies/cluster_provided/v3/cluster_provided.proto; errors as in
Envoy 1.40.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import whole

if TYPE_CHECKING:
    from lateen.proxy.compile.context import CompileContext

NAME = "CLUSTER_PROVIDED"
TYPE = "envoy.extensions.load_balancing_policies.cluster_provided.v3.ClusterProvided"

SUPPORT = (whole(TYPE, category="envoy.load_balancing_policies"),)


def report_needless(ctx: CompileContext, cluster: str, at: str) -> None:
    """A cluster asks for its type's own way to choose hosts, which has none."""
    ctx.error(
        at,
        f"cluster manager: cluster provided LB specified but cluster '{cluster}' did not"
        " provide one. Check cluster documentation.",
    )


def report_missing(ctx: CompileContext, cluster: str, at: str) -> None:
    """A cluster asks for another way to choose hosts than that of its type."""
    ctx.error(
        at,
        f"cluster manager: cluster provided LB not specified but cluster '{cluster}' provided"
        " one. Check cluster documentation.",
        f"set lb_policy to {NAME}",
    )
