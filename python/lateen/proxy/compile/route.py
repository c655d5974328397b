"""One route: its match, its action and what it changes.

Source: Route in envoy/config/route/v3/route_components.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.protos import worker_pb2
from lateen.proxy.compile.direct_response import compile_direct_response
from lateen.proxy.compile.headers import compile_mutations
from lateen.proxy.compile.overrides import compile_overrides
from lateen.proxy.compile.redirect import compile_redirect
from lateen.proxy.compile.route_action import compile_route_action
from lateen.proxy.compile.route_match import compile_route_match
from lateen.proxy.compile.stats_blocks import BlockKind
from lateen.proxy.compile.tracing import compile_decorator, compile_route_tracing
from lateen.proxy.compile.values import metadata_json

if TYPE_CHECKING:
    from envoy.config.route.v3.route_components_pb2 import Route, VirtualHost

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.table_scope import TableScope

SUPPORT = (
    Fields(
        "envoy.config.route.v3.Route",
        implemented="""
            name match route redirect direct_response non_forwarding_action metadata
            typed_per_filter_config request_headers_to_add request_headers_to_remove
            response_headers_to_add response_headers_to_remove
            per_request_buffer_limit_bytes stat_prefix request_body_buffer_limit decorator tracing
        """,
    ),
    whole("envoy.config.route.v3.NonForwardingAction"),
)


def compile_route(
    ctx: CompileContext, route: Route, virtual_host: str, scope: TableScope, at: str
) -> worker_pb2.Route:
    """One route of the virtual host named `virtual_host`."""
    compiled = worker_pb2.Route(
        name=route.name,
        match=compile_route_match(ctx, route.match, f"{at}.match"),
        mutations=compile_mutations(ctx, route, at),
        overrides=compile_overrides(ctx, route.typed_per_filter_config, at),
    )
    _compile_action(ctx, route, compiled, scope, at)
    if route.HasField("tracing"):
        compiled.tracing.CopyFrom(compile_route_tracing(ctx, route.tracing, f"{at}.tracing"))
    if route.HasField("decorator"):
        compiled.decorator.CopyFrom(compile_decorator(route.decorator))
    if route.HasField("metadata"):
        compiled.metadata_json = metadata_json(route.metadata)
    if (limit := buffer_limit(route)) is not None:
        compiled.request_body_buffer_limit = limit
    if route.stat_prefix:
        compiled.stats_block = ctx.blocks.allot(
            BlockKind.VIRTUAL_CLUSTER,
            f"vhost.{virtual_host}.route.{route.stat_prefix}",
            {"envoy.virtual_host": virtual_host, "envoy.route": route.stat_prefix},
        )
    return compiled


def _compile_action(
    ctx: CompileContext, route: Route, out: worker_pb2.Route, scope: TableScope, at: str
) -> None:
    kind = route.WhichOneof("action")
    if kind == "route":
        action = compile_route_action(ctx, route.route, out.match, scope, f"{at}.route")
        out.route.CopyFrom(action)
    elif kind == "redirect":
        out.redirect.CopyFrom(compile_redirect(ctx, route.redirect, f"{at}.redirect"))
    elif kind == "direct_response":
        where = f"{at}.direct_response"
        response = compile_direct_response(ctx, route.direct_response, scope.body_limit, where)
        out.direct_response.CopyFrom(response)
    elif kind == "non_forwarding_action":
        out.non_forwarding = True


def buffer_limit(source: Route | VirtualHost) -> int | None:
    """How much of a request body is kept for a retry, in bytes; None when it is not said."""
    if source.HasField("request_body_buffer_limit"):
        return source.request_body_buffer_limit.value
    if source.HasField("per_request_buffer_limit_bytes"):
        return source.per_request_buffer_limit_bytes.value
    return None
