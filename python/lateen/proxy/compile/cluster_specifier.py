"""What chooses the cluster of a route, beside names, headers and weights.

Source: ClusterSpecifierPlugin in envoy/config/route/v3/route_components.proto and
envoy/extensions/router/cluster_specifiers/matcher/v3/matcher.proto; errors as in Envoy 1.40.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from lateen.config.support import whole
from lateen.protos.worker_pb2 import MatchAction, Matcher
from lateen.proxy.compile.match_inputs import Asked
from lateen.proxy.compile.matcher_tree import compile_matcher

if TYPE_CHECKING:
    from envoy.config.route.v3.route_components_pb2 import ClusterSpecifierPlugin
    from envoy.extensions.router.cluster_specifiers.matcher.v3 import matcher_pb2

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.matcher_tree import TypedExtensionConfig

_PACKAGE = "envoy.extensions.router.cluster_specifiers.matcher.v3"
_MATCHER = f"{_PACKAGE}.MatcherClusterSpecifier"
_ACTION = f"{_PACKAGE}.ClusterAction"

SUPPORT = (
    whole("envoy.config.route.v3.ClusterSpecifierPlugin"),
    whole(_MATCHER, category="envoy.router.cluster_specifier_plugin"),
    whole(_ACTION, category="envoy.matching.action"),
)


def compile_cluster_specifier(
    ctx: CompileContext, source: ClusterSpecifierPlugin, at: str
) -> Matcher:
    """The tree that names the cluster of a request."""
    message = ctx.unpack(source.extension.typed_config)
    where = f"{at}.extension.typed_config"
    if message is None or message.DESCRIPTOR.full_name != _MATCHER:
        name = message.DESCRIPTOR.full_name if message else source.extension.name
        ctx.unimplemented(where, f"cluster specifier plugin {name}", _MATCHER)
        return Matcher()
    config = cast("matcher_pb2.MatcherClusterSpecifier", message)
    tree = f"{where}.cluster_matcher"
    return compile_matcher(ctx, config.cluster_matcher, _action, Asked.EXCHANGE, tree)


def _action(ctx: CompileContext, source: TypedExtensionConfig, at: str) -> MatchAction | None:
    message = ctx.unpack(source.typed_config)
    name = message.DESCRIPTOR.full_name if message else "(unknown)"
    if name != _ACTION:
        ctx.unimplemented(at, f"action {name}", _ACTION)
        return None
    return MatchAction(name=cast("matcher_pb2.ClusterAction", message).cluster)
