"""Forwarding a request to a cluster.

Source: RouteAction in envoy/config/route/v3/route_components.proto; errors as in Envoy 1.40.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields
from lateen.protos import worker_pb2
from lateen.proxy.compile.cluster_specifier import compile_cluster_specifier
from lateen.proxy.compile.cors_policy import compile_cors_policy
from lateen.proxy.compile.format import compile_format
from lateen.proxy.compile.hash_policy import compile_hash_policies
from lateen.proxy.compile.internal_redirect import compile_internal_redirect
from lateen.proxy.compile.matchers import compile_regex_rewrite
from lateen.proxy.compile.metadata_criteria import criteria_json
from lateen.proxy.compile.mirror import compile_mirrors
from lateen.proxy.compile.path_template import compile_rewrite_policy
from lateen.proxy.compile.rate_limits import compile_rate_limits
from lateen.proxy.compile.retry import compile_retry_policy
from lateen.proxy.compile.upgrades import compile_route_upgrades
from lateen.proxy.compile.values import milliseconds
from lateen.proxy.compile.weighted_clusters import compile_weighted_clusters

if TYPE_CHECKING:
    from envoy.config.route.v3.route_components_pb2 import RouteAction

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.table_scope import TableScope

SUPPORT = (
    Fields(
        "envoy.config.route.v3.RouteAction",
        implemented="""
            cluster cluster_header weighted_clusters cluster_not_found_response_code
            prefix_rewrite regex_rewrite path_rewrite_policy path_rewrite
            host_rewrite_literal auto_host_rewrite host_rewrite_header
            host_rewrite_path_regex host_rewrite append_x_forwarded_host timeout
            idle_timeout retry_policy priority upgrade_configs
            max_stream_duration request_mirror_policies rate_limits include_vh_rate_limits cors
            hash_policy hedge_policy metadata_match internal_redirect_policy
            internal_redirect_action max_internal_redirects max_grpc_timeout grpc_timeout_offset
            cluster_specifier_plugin inline_cluster_specifier_plugin
        """,
        harmless={
            "retry_policy_typed_config": "Envoy does not read it",
            "early_data_policy": "requests in TLS early data are not accepted",
            "flush_timeout": "what is written of HTTP/1 is under the other timeouts",
        },
    ),
    Fields(
        "envoy.config.route.v3.RouteAction.MaxStreamDuration",
        implemented="max_stream_duration grpc_timeout_header_max grpc_timeout_header_offset",
    ),
)

_NOT_FOUND_STATUS = (503, 404, 500)


def compile_route_action(
    ctx: CompileContext,
    action: RouteAction,
    match: worker_pb2.RouteMatch,
    scope: TableScope,
    at: str,
) -> worker_pb2.RouteAction:
    """A route to a cluster; `match` is the compiled match, which a template rewrite refers to."""
    compiled = worker_pb2.RouteAction(
        cluster_not_found_status=_NOT_FOUND_STATUS[action.cluster_not_found_response_code],
        append_x_forwarded_host=action.append_x_forwarded_host,
        high_priority=bool(action.priority),
        rate_limits=compile_rate_limits(ctx, action.rate_limits, f"{at}.rate_limits"),
        include_virtual_host_rate_limits=action.include_vh_rate_limits.value,
        mirrors=compile_mirrors(
            ctx, action.request_mirror_policies, f"{at}.request_mirror_policies"
        ),
        metadata_match_json=criteria_json(action.metadata_match),
    )
    _compile_cluster(ctx, action, compiled, scope, at)
    _compile_path_rewrite(ctx, action, match, compiled, at)
    _compile_host_rewrite(ctx, action, compiled, at)
    _compile_timeouts(ctx, action, compiled, at)
    if action.HasField("cors"):
        compiled.cors.CopyFrom(compile_cors_policy(ctx, action.cors, f"{at}.cors"))
    if action.HasField("retry_policy"):
        policy = compile_retry_policy(ctx, action.retry_policy, f"{at}.retry_policy")
        compiled.retry_policy.CopyFrom(policy)
    if action.HasField("hedge_policy"):
        compiled.hedge_on_per_try_timeout = action.hedge_policy.hedge_on_per_try_timeout
    redirect = compile_internal_redirect(ctx, action, at)
    if redirect is not None:
        compiled.internal_redirect.CopyFrom(redirect)
    where = f"{at}.upgrade_configs"
    upgrades, connect = compile_route_upgrades(ctx, action.upgrade_configs, where)
    compiled.upgrades.extend(upgrades)
    if connect is not None:
        compiled.connect.CopyFrom(connect)
    compiled.hash_policy.extend(compile_hash_policies(ctx, action.hash_policy, f"{at}.hash_policy"))
    return compiled


def _compile_cluster(
    ctx: CompileContext,
    action: RouteAction,
    out: worker_pb2.RouteAction,
    scope: TableScope,
    at: str,
) -> None:
    kind = action.WhichOneof("cluster_specifier")
    if kind == "cluster":
        out.cluster = action.cluster
        reason = f"route: unknown cluster '{action.cluster}'"
        ctx.check_cluster(action.cluster, f"{at}.cluster", reason)
    elif kind == "cluster_header":
        out.cluster_header = action.cluster_header.lower()
    elif kind == "weighted_clusters":
        where = f"{at}.weighted_clusters"
        out.weighted_clusters.CopyFrom(
            compile_weighted_clusters(ctx, action.weighted_clusters, action.metadata_match, where)
        )
    elif kind == "inline_cluster_specifier_plugin":
        where = f"{at}.inline_cluster_specifier_plugin"
        tree = compile_cluster_specifier(ctx, action.inline_cluster_specifier_plugin, where)
        out.cluster_matcher.CopyFrom(tree)
    elif kind == "cluster_specifier_plugin":
        _compile_named_specifier(ctx, action.cluster_specifier_plugin, out, scope, at)


def _compile_named_specifier(
    ctx: CompileContext, name: str, out: worker_pb2.RouteAction, scope: TableScope, at: str
) -> None:
    where = f"{at}.cluster_specifier_plugin"
    plugin = scope.plugins.get(name)
    if plugin is None:
        reason = f"Unknown cluster specifier plugin name: {name} is used in the route"
        ctx.error(where, reason)
        return
    out.cluster_matcher.CopyFrom(compile_cluster_specifier(ctx, plugin, where))


def _compile_path_rewrite(
    ctx: CompileContext,
    action: RouteAction,
    match: worker_pb2.RouteMatch,
    out: worker_pb2.RouteAction,
    at: str,
) -> None:
    given = 0
    if action.prefix_rewrite:
        given += 1
        out.prefix_rewrite = action.prefix_rewrite
    if action.HasField("regex_rewrite"):
        given += 1
        rewrite = compile_regex_rewrite(ctx, action.regex_rewrite, f"{at}.regex_rewrite")
        out.regex_rewrite.CopyFrom(rewrite)
    if action.HasField("path_rewrite_policy"):
        given += 1
        out.path_template_rewrite = compile_rewrite_policy(
            ctx, action.path_rewrite_policy, match.uri_template, f"{at}.path_rewrite_policy"
        )
    if action.path_rewrite:
        given += 1
        rewritten = compile_format(ctx, action.path_rewrite, f"{at}.path_rewrite", omit_empty=True)
        out.path_rewrite.CopyFrom(rewritten)
    if given > 1:
        reason = "Specify only one of prefix_rewrite, regex_rewrite or path_rewrite_policy"
        ctx.error(at, reason)


def _compile_host_rewrite(
    ctx: CompileContext, action: RouteAction, out: worker_pb2.RouteAction, at: str
) -> None:
    kind = action.WhichOneof("host_rewrite_specifier")
    if kind == "host_rewrite_literal":
        out.host_literal = action.host_rewrite_literal
    elif kind == "host_rewrite_header":
        out.host_header = action.host_rewrite_header.lower()
    elif kind == "auto_host_rewrite":
        if action.auto_host_rewrite.value:
            out.auto_host = True
    elif kind == "host_rewrite_path_regex":
        where = f"{at}.host_rewrite_path_regex"
        rewrite = compile_regex_rewrite(ctx, action.host_rewrite_path_regex, where)
        out.host_path_regex.CopyFrom(rewrite)
    elif kind == "host_rewrite":
        where = f"{at}.host_rewrite"
        rewritten = compile_format(ctx, action.host_rewrite, where, omit_empty=False)
        out.host_format.CopyFrom(rewritten)


def _compile_timeouts(
    ctx: CompileContext, action: RouteAction, out: worker_pb2.RouteAction, at: str
) -> None:
    if action.HasField("timeout"):
        out.timeout_ms = milliseconds(action.timeout)
    if action.HasField("idle_timeout"):
        out.idle_timeout_ms = milliseconds(action.idle_timeout)
    if not action.HasField("max_stream_duration"):
        if action.HasField("max_grpc_timeout"):
            out.max_grpc_timeout_ms = milliseconds(action.max_grpc_timeout)
            out.grpc_timeout_offset_ms = milliseconds(action.grpc_timeout_offset)
        return
    # Where the newer kind of limit is used, the older one is not, even if it is set.
    out.timeout_ms = 0
    limits = action.max_stream_duration
    if limits.HasField("max_stream_duration"):
        out.max_stream_duration_ms = milliseconds(limits.max_stream_duration)
    if limits.HasField("grpc_timeout_header_max"):
        out.grpc_timeout_header_max_ms = milliseconds(limits.grpc_timeout_header_max)
    if limits.HasField("grpc_timeout_header_offset"):
        out.grpc_timeout_header_offset_ms = milliseconds(limits.grpc_timeout_header_offset)
