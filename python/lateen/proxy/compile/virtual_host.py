"""One virtual host: its domains and routes.

Source: VirtualHost in envoy/config/route/v3/route_components.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from lateen.config.support import Fields
from lateen.protos import worker_pb2
from lateen.proxy.compile.cors_policy import compile_cors_policy
from lateen.proxy.compile.headers import compile_mutations
from lateen.proxy.compile.matchers import compile_headers
from lateen.proxy.compile.mirror import compile_mirrors
from lateen.proxy.compile.overrides import compile_overrides
from lateen.proxy.compile.rate_limits import compile_rate_limits
from lateen.proxy.compile.retry import compile_retry_policy
from lateen.proxy.compile.route import buffer_limit, compile_route
from lateen.proxy.compile.route_tree import compile_route_tree
from lateen.proxy.compile.stats_blocks import BlockKind
from lateen.proxy.compile.values import metadata_json

if TYPE_CHECKING:
    from envoy.config.route.v3 import route_components_pb2 as envoy

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.table_scope import TableScope

SUPPORT = (
    Fields(
        "envoy.config.route.v3.VirtualHost",
        implemented="""
            name domains routes require_tls virtual_clusters request_headers_to_add
            request_headers_to_remove response_headers_to_add response_headers_to_remove
            typed_per_filter_config include_request_attempt_count
            include_attempt_count_in_response retry_policy
            include_is_timeout_retry_header per_request_buffer_limit_bytes
            request_body_buffer_limit metadata request_mirror_policies rate_limits cors
            hedge_policy matcher
        """,
        harmless={"retry_policy_typed_config": "Envoy does not read it"},
    ),
    Fields(
        "envoy.config.route.v3.VirtualCluster",
        implemented="headers name",
    ),
)


def compile_virtual_host(
    ctx: CompileContext, host: envoy.VirtualHost, scope: TableScope, at: str
) -> worker_pb2.VirtualHost:
    """One virtual host of a table; domains are in lower case, as hosts are compared."""
    compiled = worker_pb2.VirtualHost(
        name=host.name,
        domains=[domain.lower() for domain in host.domains],
        routes=[
            compile_route(ctx, route, host.name, scope, f"{at}.routes[{i}]")
            for i, route in enumerate(host.routes)
        ],
        require_tls=cast("worker_pb2.VirtualHost.Tls", host.require_tls),
        mutations=compile_mutations(ctx, host, at),
        overrides=compile_overrides(ctx, host.typed_per_filter_config, at),
        include_request_attempt_count=host.include_request_attempt_count,
        include_attempt_count_in_response=host.include_attempt_count_in_response,
        include_is_timeout_retry_header=host.include_is_timeout_retry_header,
        rate_limits=compile_rate_limits(ctx, host.rate_limits, f"{at}.rate_limits"),
        mirrors=compile_mirrors(ctx, host.request_mirror_policies, f"{at}.request_mirror_policies"),
    )
    if host.HasField("cors"):
        compiled.cors.CopyFrom(compile_cors_policy(ctx, host.cors, f"{at}.cors"))
    if host.HasField("retry_policy"):
        policy = compile_retry_policy(ctx, host.retry_policy, f"{at}.retry_policy")
        compiled.retry_policy.CopyFrom(policy)
    compiled.hedge_on_per_try_timeout = host.hedge_policy.hedge_on_per_try_timeout
    if (limit := buffer_limit(host)) is not None:
        compiled.request_body_buffer_limit = limit
    if host.HasField("metadata"):
        compiled.metadata_json = metadata_json(host.metadata)
    if host.HasField("matcher"):
        if host.routes:
            ctx.error(f"{at}.matcher", "cannot set both matcher and routes on virtual host")
        tree = compile_route_tree(ctx, host, scope, f"{at}.matcher")
        compiled.matcher.CopyFrom(tree)
    if host.virtual_clusters:
        _compile_virtual_clusters(ctx, host, compiled, f"{at}.virtual_clusters")
    return compiled


def _compile_virtual_clusters(
    ctx: CompileContext, host: envoy.VirtualHost, out: worker_pb2.VirtualHost, at: str
) -> None:
    for index, cluster in enumerate(host.virtual_clusters):
        where = f"{at}[{index}]"
        if not cluster.headers:
            ctx.error(f"{where}.headers", "virtual clusters must define 'headers'")
        out.virtual_clusters.add(
            name=cluster.name,
            headers=compile_headers(ctx, cluster.headers, f"{where}.headers"),
            stats_block=_allot(ctx, host.name, cluster.name),
        )
    out.stats_block = _allot(ctx, host.name, "other")


def _allot(ctx: CompileContext, host: str, cluster: str) -> int:
    return ctx.blocks.allot(
        BlockKind.VIRTUAL_CLUSTER,
        f"vhost.{host}.vcluster.{cluster}",
        {"envoy.virtual_host": host, "envoy.virtual_cluster": cluster},
    )
