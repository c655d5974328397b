"""HTTP filters that stand for others: those that a matcher tree chooses.

Source: ExecuteFilterAction in envoy/extensions/filters/http/composite/v3/composite.proto,
envoy/extensions/filters/common/matcher/action/v3/skip_action.proto; errors as in Envoy 1.40.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from lateen.config.support import whole
from lateen.protos.worker_pb2 import (
    DelegateAction,
    ExecuteFilter,
    HttpFilter,
    MatchAction,
    Matcher,
)
from lateen.proxy.compile.http_filter_chain import discovered_filter
from lateen.proxy.compile.match_inputs import Asked
from lateen.proxy.compile.matcher_tree import compile_matcher
from lateen.proxy.compile.values import runtime_fraction

if TYPE_CHECKING:
    from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
    from envoy.extensions.filters.http.composite.v3.composite_pb2 import ExecuteFilterAction

    from lateen.proxy.compile import matcher_tree
    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.network_filters.owner import HttpFilterOwner

_COMPOSITE = "envoy.extensions.filters.http.composite.v3"
_EXECUTE = f"{_COMPOSITE}.ExecuteFilterAction"
_SKIP = "envoy.extensions.filters.common.matcher.action.v3.SkipFilter"

SUPPORT = (
    whole(_EXECUTE, category="envoy.matching.action"),
    whole(f"{_COMPOSITE}.DynamicConfig"),
    whole(f"{_COMPOSITE}.FilterChainConfiguration"),
    whole(_SKIP, category="envoy.matching.action"),
)


def compile_delegate_tree(
    ctx: CompileContext, source: matcher_tree.Matcher, owner: HttpFilterOwner, at: str
) -> Matcher:
    """A tree that decides about filters of the connection manager `owner`."""

    def action(
        ctx: CompileContext, source: matcher_tree.TypedExtensionConfig, at: str
    ) -> MatchAction | None:
        return _compile_action(ctx, source, owner, at)

    return compile_matcher(ctx, source, action, Asked.EXCHANGE, at)


def compile_delegates(
    ctx: CompileContext, sources: Iterable[TypedExtensionConfig], owner: HttpFilterOwner, at: str
) -> list[HttpFilter]:
    """Filters that stand for one together, in the order in which they see requests."""
    return [compile_delegate(ctx, each, owner, f"{at}[{i}]") for i, each in enumerate(sources)]


def compile_delegate(
    ctx: CompileContext,
    source: TypedExtensionConfig,
    owner: HttpFilterOwner,
    at: str,
    *,
    composite: bool = False,
) -> HttpFilter:
    """A filter that stands for another: neither the router nor one that itself stands for others.

    Args:
        composite: whether it may be the composite filter.
    """
    if not source.HasField("typed_config"):
        ctx.error(at, f"Didn't find a registered implementation for '{source.name}'")
        return HttpFilter(name=source.name)
    found = ctx.extensions.http_filters.find(ctx, source.name, source.typed_config, at)
    if found is None:
        return HttpFilter(name=source.name)
    extension, message = found
    compiled = extension.compile(ctx, message, owner, f"{at}.typed_config")
    compiled.name = source.name
    kind = compiled.WhichOneof("kind")
    if kind in ("router", "match_delegate", "istio_stats") or (
        kind == "composite" and not composite
    ):
        ctx.unimplemented(at, f"{extension.name} in the place of another filter", "other filters")
    return compiled


def _compile_action(
    ctx: CompileContext, source: matcher_tree.TypedExtensionConfig, owner: HttpFilterOwner, at: str
) -> MatchAction | None:
    message = ctx.unpack(source.typed_config)
    name = message.DESCRIPTOR.full_name if message else "(unknown)"
    if name == _SKIP:
        return MatchAction(delegate=DelegateAction(skip=True))
    if name != _EXECUTE:
        ctx.unimplemented(at, f"action {name}", f"{_EXECUTE}, {_SKIP}")
        return None
    config = cast("ExecuteFilterAction", message)
    execute = _compile_execute(ctx, config, owner, f"{at}.typed_config")
    if config.HasField("sample_percent"):
        execute.sampled.CopyFrom(runtime_fraction(config.sample_percent))
    return MatchAction(delegate=DelegateAction(execute=execute))


def _compile_execute(
    ctx: CompileContext, config: ExecuteFilterAction, owner: HttpFilterOwner, at: str
) -> ExecuteFilter:
    if config.HasField("dynamic_config") and config.HasField("typed_config"):
        ctx.error(at, "Error: Only one of `dynamic_config` or `typed_config` can be set.")
    if config.filter_chain_name:
        return ExecuteFilter(name=config.filter_chain_name, chain=config.filter_chain_name)
    if config.HasField("filter_chain"):
        sources = config.filter_chain.typed_config
        if not sources:
            ctx.error(f"{at}.filter_chain", "filter_chain must contain at least one filter.")
        where = f"{at}.filter_chain.typed_config"
        found = compile_delegates(ctx, sources, owner, where)
        return ExecuteFilter(name="filter_chain", filters=found)
    if config.HasField("dynamic_config"):
        dynamic = config.dynamic_config
        where = f"{at}.dynamic_config.config_discovery"
        one = discovered_filter(ctx, dynamic.name, dynamic.config_discovery, owner, where)
        return ExecuteFilter(name=dynamic.name, filters=[one])
    one = compile_delegate(ctx, config.typed_config, owner, f"{at}.typed_config")
    return ExecuteFilter(name=config.typed_config.name, filters=[one])
