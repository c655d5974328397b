"""envoy.filters.http.match_delegate

Source: envoy/extensions/common/matching/v3/extension_matcher.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import whole
from lateen.protos.worker_pb2 import FilterOverride, HttpFilter, MatchDelegateFilter
from lateen.proxy.compile.delegates import compile_delegate, compile_delegate_tree
from lateen.proxy.compile.network_filters.owner import HttpFilterOwner
from lateen.proxy.compile.registry import HttpExtension, Override

if TYPE_CHECKING:
    from envoy.extensions.common.matching.v3.extension_matcher_pb2 import (
        ExtensionWithMatcher,
        ExtensionWithMatcherPerRoute,
    )
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext

_PACKAGE = "envoy.extensions.common.matching.v3"

SUPPORT = (
    whole(f"{_PACKAGE}.ExtensionWithMatcher", category="envoy.filters.http"),
    whole(f"{_PACKAGE}.ExtensionWithMatcherPerRoute", category="envoy.filters.http"),
)


def compile_match_delegate(
    ctx: CompileContext, message: Message, owner: HttpFilterOwner, at: str
) -> HttpFilter:
    """The filter around one that a tree decides about."""
    config: ExtensionWithMatcher = message  # type: ignore[assignment]
    where = f"{at}.extension_config"
    inner = compile_delegate(ctx, config.extension_config, owner, where, composite=True)
    compiled = MatchDelegateFilter(filter=inner)
    if inner.composite.HasField("matcher"):
        hint = "leave one of the matchers out"
        ctx.error(where, "a composite filter in a match_delegate has no matcher of its own", hint)
    if config.HasField("xds_matcher"):
        tree = compile_delegate_tree(ctx, config.xds_matcher, owner, f"{at}.xds_matcher")
        compiled.matcher.CopyFrom(tree)
    elif config.HasField("matcher"):
        tree = compile_delegate_tree(ctx, config.matcher, owner, f"{at}.matcher")
        compiled.matcher.CopyFrom(tree)
    return HttpFilter(match_delegate=compiled)


def compile_match_delegate_override(
    ctx: CompileContext, message: Message, out: FilterOverride, at: str
) -> None:
    """The tree of a route, in place of the filter's."""
    config: ExtensionWithMatcherPerRoute = message  # type: ignore[assignment]
    where = f"{at}.xds_matcher"
    tree = compile_delegate_tree(ctx, config.xds_matcher, HttpFilterOwner(""), where)
    out.match_delegate.CopyFrom(tree)


EXTENSION = HttpExtension(
    "envoy.filters.http.match_delegate",
    f"{_PACKAGE}.ExtensionWithMatcher",
    compile_match_delegate,
    SUPPORT,
    Override(f"{_PACKAGE}.ExtensionWithMatcherPerRoute", compile_match_delegate_override),
)
