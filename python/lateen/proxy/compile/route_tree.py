"""A tree that says which routes of a virtual host are tried.

Source: VirtualHost.matcher and RouteList in envoy/config/route/v3/route_components.proto; errors as
in Envoy 1.40.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from lateen.config.support import Fields, whole
from lateen.protos.worker_pb2 import MatchAction, Matcher
from lateen.proxy.compile.match_inputs import Asked
from lateen.proxy.compile.matcher_tree import compile_matcher
from lateen.proxy.compile.route import compile_route

if TYPE_CHECKING:
    from envoy.config.route.v3 import route_components_pb2 as envoy

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.matcher_tree import TypedExtensionConfig
    from lateen.proxy.compile.table_scope import TableScope

_ROUTE = "envoy.config.route.v3.Route"
_LIST = "envoy.config.route.v3.RouteList"

SUPPORT: tuple[Fields, ...] = (whole(_LIST, category="envoy.matching.action"),)


def compile_route_tree(
    ctx: CompileContext, host: envoy.VirtualHost, scope: TableScope, at: str
) -> Matcher:
    """The tree of a virtual host; its actions are routes, whose clusters need not exist."""

    def action(ctx: CompileContext, source: TypedExtensionConfig, at: str) -> MatchAction | None:
        routes = _routes(ctx, source, at)
        where = f"{at}.typed_config"
        return MatchAction(
            routes=[compile_route(ctx, route, host.name, scope, where) for route in routes]
        )

    return compile_matcher(ctx.without_cluster_check(), host.matcher, action, Asked.ROUTE, at)


def _routes(ctx: CompileContext, source: TypedExtensionConfig, at: str) -> Sequence[envoy.Route]:
    message = ctx.unpack(source.typed_config)
    name = message.DESCRIPTOR.full_name if message else "(unknown)"
    if name == _ROUTE:
        return [cast("envoy.Route", message)]
    if name == _LIST:
        return cast("envoy.RouteList", message).routes
    ctx.unimplemented(at, f"action {name}", f"{_ROUTE}, {_LIST}")
    return ()
