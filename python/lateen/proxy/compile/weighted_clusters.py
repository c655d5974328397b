"""Traffic split between clusters by weight.

Source: WeightedCluster in envoy/config/route/v3/route_components.proto; errors as in Envoy 1.40.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields
from lateen.protos.worker_pb2 import WeightedCluster, WeightedClusters
from lateen.proxy.compile.headers import compile_mutations
from lateen.proxy.compile.metadata_criteria import criteria_json
from lateen.proxy.compile.overrides import compile_overrides

if TYPE_CHECKING:
    from envoy.config.core.v3.base_pb2 import Metadata
    from envoy.config.route.v3 import route_components_pb2 as route

    from lateen.proxy.compile.context import CompileContext

SUPPORT = (
    Fields(
        "envoy.config.route.v3.WeightedCluster",
        implemented="clusters runtime_key_prefix header_name",
        harmless={
            "total_weight": "the sum of the weights is used, as in Envoy",
        },
    ),
    Fields(
        "envoy.config.route.v3.WeightedCluster.ClusterWeight",
        implemented="""
            name cluster_header weight request_headers_to_add request_headers_to_remove
            response_headers_to_add response_headers_to_remove typed_per_filter_config
            host_rewrite_literal metadata_match
        """,
    ),
)
_LARGEST_SUM = 2**32 - 1


def compile_weighted_clusters(
    ctx: CompileContext, source: route.WeightedCluster, inherited: Metadata, at: str
) -> WeightedClusters:
    """All clusters of the split; their weights need not add up to anything in particular.

    `inherited` is the metadata_match of the route.
    """
    prefix = source.runtime_key_prefix
    compiled = WeightedClusters(header_name=source.header_name.lower(), runtime_key_prefix=prefix)
    for index, weight in enumerate(source.clusters):
        cluster = _compile_weight(ctx, weight, f"{at}.clusters[{index}]")
        cluster.metadata_match_json = criteria_json(weight.metadata_match, inherited)
        if prefix:
            cluster.runtime_key = f"{prefix}.{weight.name}"
        compiled.clusters.append(cluster)
    total = sum(cluster.weight for cluster in compiled.clusters)
    if total == 0:
        reason = "Sum of weights in the weighted_cluster must be greater than 0."
        ctx.error(f"{at}.clusters", reason)
    elif total > _LARGEST_SUM:
        reason = "The sum of weights of all upstream clusters of a route exceeds the max value"
        ctx.error(f"{at}.clusters", reason)
    return compiled


def _compile_weight(
    ctx: CompileContext, source: route.WeightedCluster.ClusterWeight, at: str
) -> WeightedCluster:
    compiled = WeightedCluster(
        weight=source.weight.value,
        mutations=compile_mutations(ctx, source, at),
        overrides=compile_overrides(ctx, source.typed_per_filter_config, at),
        host_rewrite_literal=source.host_rewrite_literal,
    )
    if not source.HasField("weight"):
        ctx.error(f"{at}.weight", f"Field 'weight' is missing in: {source.name}")
    if source.name and source.cluster_header:
        ctx.error(at, "Only one of name or cluster_header can be specified")
    elif source.cluster_header:
        compiled.cluster_header = source.cluster_header.lower()
    elif source.name:
        compiled.name = source.name
        reason = f"route: unknown weighted cluster '{source.name}'"
        ctx.check_cluster(source.name, f"{at}.name", reason)
    else:
        ctx.error(at, "At least one of name or cluster_header need to be specified")
    return compiled
