"""The listener filters of a listener, and the connections that they leave alone.

Source: ListenerFilter, ListenerFilterChainMatchPredicate in
envoy/config/listener/v3/listener_components.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.protos import worker_pb2
from lateen.protos.worker_pb2 import Int64Range, ListenerPredicate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envoy.config.listener.v3 import listener_components_pb2 as envoy

    from lateen.proxy.compile.context import CompileContext

SUPPORT = (
    Fields(
        "envoy.config.listener.v3.ListenerFilter",
        implemented="name typed_config filter_disabled",
    ),
    whole("envoy.config.listener.v3.ListenerFilterChainMatchPredicate"),
    whole("envoy.config.listener.v3.ListenerFilterChainMatchPredicate.MatchSet"),
    whole("envoy.type.v3.Int32Range"),
)


def compile_listener_filters(
    ctx: CompileContext, filters: Sequence[envoy.ListenerFilter], at: str
) -> list[worker_pb2.ListenerFilter]:
    """The filters in their order."""
    compiled = []
    for index, source in enumerate(filters):
        where = f"{at}[{index}]"
        config = source.typed_config if source.HasField("typed_config") else None
        found = ctx.extensions.listener_filters.find(ctx, source.name, config, where)
        if found is None:
            continue
        extension, message = found
        listener_filter = extension.compile(ctx, message, f"{where}.typed_config")
        listener_filter.name = source.name
        if source.HasField("filter_disabled"):
            listener_filter.disabled.CopyFrom(_compile_predicate(source.filter_disabled))
        compiled.append(listener_filter)
    return compiled


def _compile_predicate(
    source: envoy.ListenerFilterChainMatchPredicate,
) -> ListenerPredicate:
    kind = source.WhichOneof("rule")
    compiled = ListenerPredicate()
    if kind == "or_match":
        rules = [_compile_predicate(rule) for rule in source.or_match.rules]
        getattr(compiled, "or").predicates.extend(rules)
    elif kind == "and_match":
        rules = [_compile_predicate(rule) for rule in source.and_match.rules]
        getattr(compiled, "and").predicates.extend(rules)
    elif kind == "not_match":
        getattr(compiled, "not").CopyFrom(_compile_predicate(source.not_match))
    elif kind == "destination_port_range":
        ports = source.destination_port_range
        compiled.destination_port.CopyFrom(Int64Range(start=ports.start, end=ports.end))
    else:
        compiled.any = True
    return compiled
