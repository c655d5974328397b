"""Tags that the configuration adds to spans.

Source: CustomTag in envoy/type/tracing/v3/custom_tag.proto, whose fields `custom_tags` lists.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from lateen.protos.worker_pb2 import TraceTag
from lateen.proxy.compile.format import compile_format

if TYPE_CHECKING:
    from envoy.type.tracing.v3.custom_tag_pb2 import CustomTag

    from lateen.proxy.compile.context import CompileContext

_OF = {
    "request": TraceTag.Metadata.REQUEST,
    "route": TraceTag.Metadata.ROUTE,
    "cluster": TraceTag.Metadata.CLUSTER,
    "host": TraceTag.Metadata.HOST,
}
# UNSPECIFIED comes first, and is text.
_TEXT = 1


def compile_trace_tags(
    ctx: CompileContext, tags: Iterable[CustomTag], at: str
) -> Iterable[TraceTag]:
    """The tags of a connection manager or a route; of those with the same name the first counts."""
    compiled: dict[str, TraceTag] = {}
    for index, tag in enumerate(tags):
        compiled.setdefault(tag.tag, _compile(ctx, tag, f"{at}[{index}]"))
    return compiled.values()


def _compile(ctx: CompileContext, tag: CustomTag, at: str) -> TraceTag:
    compiled = TraceTag(name=tag.tag)
    kind = tag.WhichOneof("type")
    if kind == "literal":
        compiled.literal = tag.literal.value
    elif kind == "environment":
        found = ctx.environment.get(tag.environment.name)
        compiled.literal = tag.environment.default_value if found is None else found
    elif kind == "request_header":
        compiled.header.name = tag.request_header.name.lower()
        compiled.header.default_value = tag.request_header.default_value
    elif kind == "metadata":
        _metadata(tag, compiled)
    elif kind == "value":
        value = compile_format(ctx, tag.value, f"{at}.value", omit_empty=True)
        compiled.value.CopyFrom(value)
        kind_of_value = max(tag.value_type - _TEXT, 0)
        compiled.value_type = cast("TraceTag.ValueType", kind_of_value)
    else:
        ctx.error(at, "Invalid custom tag type: oneof 'type' is not set")
    return compiled


def _metadata(tag: CustomTag, out: TraceTag) -> None:
    source = tag.metadata
    out.metadata.of = _OF[source.kind.WhichOneof("kind") or "request"]
    key = source.metadata_key
    out.metadata.path.extend([key.key, *(segment.key for segment in key.path)])
    out.metadata.default_value = source.default_value
