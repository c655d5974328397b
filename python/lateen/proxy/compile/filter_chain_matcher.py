"""The tree that chooses a filter chain by its name.

Source: Listener.filter_chain_matcher in envoy/config/listener/v3/listener.proto; errors as in
Envoy 1.40.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from lateen.protos.worker_pb2 import MatchAction, Matcher
from lateen.proxy.compile.match_inputs import Asked
from lateen.proxy.compile.matcher_tree import compile_matcher

if TYPE_CHECKING:
    from envoy.config.listener.v3 import listener_pb2 as envoy
    from google.protobuf.wrappers_pb2 import StringValue

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.matcher_tree import TypedExtensionConfig


def compile_filter_chain_matcher(
    ctx: CompileContext, source: envoy.Listener, address: str, at: str
) -> Matcher:
    """The tree of a listener; its chains must have names, each its own."""
    known: set[str] = set()
    for index, chain in enumerate(source.filter_chains):
        where = f"{at}.filter_chains[{index}]"
        front = f"error adding listener '{address}':"
        if not chain.name:
            reason = f'{front} "name" field is required when using a listener matcher'
            ctx.error(where, reason)
        elif chain.name in known:
            reason = f"{front} \"name\" field is duplicated with value '{chain.name}'"
            ctx.error(f"{where}.name", reason)
        known.add(chain.name)
    where = f"{at}.filter_chain_matcher"
    return compile_matcher(ctx, source.filter_chain_matcher, _action, Asked.CONNECTION, where)


def _action(ctx: CompileContext, source: TypedExtensionConfig, at: str) -> MatchAction | None:
    message = ctx.unpack(source.typed_config)
    name = message.DESCRIPTOR.full_name if message else "(unknown)"
    if name != "google.protobuf.StringValue":
        ctx.unimplemented(at, f"action {name}", "google.protobuf.StringValue")
        return None
    return MatchAction(name=cast("StringValue", message).value)
