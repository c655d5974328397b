"""envoy.filters.http.composite

Source: envoy/extensions/filters/http/composite/v3/composite.proto; errors as in Envoy 1.40.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import whole
from lateen.protos.worker_pb2 import CompositeFilter, FilterOverride, HttpFilter
from lateen.proxy.compile import delegates
from lateen.proxy.compile.delegates import compile_delegate_tree, compile_delegates
from lateen.proxy.compile.network_filters.owner import HttpFilterOwner
from lateen.proxy.compile.registry import HttpExtension, Override
from lateen.proxy.compile.stats_blocks import BlockKind

if TYPE_CHECKING:
    from envoy.extensions.filters.http.composite.v3.composite_pb2 import (
        Composite,
        CompositePerRoute,
    )
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext

_PACKAGE = "envoy.extensions.filters.http.composite.v3"

SUPPORT = (
    whole(f"{_PACKAGE}.Composite", category="envoy.filters.http"),
    whole(f"{_PACKAGE}.CompositePerRoute", category="envoy.filters.http"),
    *delegates.SUPPORT,
)


def compile_composite(
    ctx: CompileContext, message: Message, owner: HttpFilterOwner, at: str
) -> HttpFilter:
    """The filter that stands for those that a tree chooses."""
    config: Composite = message  # type: ignore[assignment]
    block = owner.block(ctx.blocks, BlockKind.COMPOSITE, "composite")
    compiled = CompositeFilter(stats_block=block)
    for name in sorted(config.named_filter_chains):
        where = f"{at}.named_filter_chains[{name}]"
        sources = config.named_filter_chains[name].typed_config
        if not sources:
            ctx.error(where, f"Named filter chain '{name}' must contain at least one filter.")
        found = compile_delegates(ctx, sources, owner, f"{where}.typed_config")
        compiled.chains.add(name=name, filters=found)
    if config.HasField("matcher"):
        tree = compile_delegate_tree(ctx, config.matcher, owner, f"{at}.matcher")
        compiled.matcher.CopyFrom(tree)
    return HttpFilter(composite=compiled)


def compile_composite_override(
    ctx: CompileContext, message: Message, out: FilterOverride, at: str
) -> None:
    """The tree of a route, in place of the filter's."""
    config: CompositePerRoute = message  # type: ignore[assignment]
    tree = compile_delegate_tree(ctx, config.matcher, HttpFilterOwner(""), f"{at}.matcher")
    out.composite.CopyFrom(tree)


EXTENSION = HttpExtension(
    "envoy.filters.http.composite",
    f"{_PACKAGE}.Composite",
    compile_composite,
    SUPPORT,
    Override(f"{_PACKAGE}.CompositePerRoute", compile_composite_override),
)
