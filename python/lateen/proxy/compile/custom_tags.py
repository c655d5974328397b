"""Values that logs and spans tell of a stream under names of their own.

Source: envoy/type/tracing/v3/custom_tag.proto.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from lateen.config.support import whole
from lateen.protos.worker_pb2 import CustomTag
from lateen.proxy.compile.format import compile_format

if TYPE_CHECKING:
    from envoy.type.tracing.v3 import custom_tag_pb2 as envoy

    from lateen.proxy.compile.context import CompileContext

_CUSTOM_TAG = "envoy.type.tracing.v3.CustomTag"

SUPPORT = (
    whole(_CUSTOM_TAG),
    whole(f"{_CUSTOM_TAG}.Literal"),
    whole(f"{_CUSTOM_TAG}.Environment"),
    whole(f"{_CUSTOM_TAG}.Header"),
    whole(f"{_CUSTOM_TAG}.Metadata"),
)

_OF = {
    "request": CustomTag.Metadata.REQUEST,
    "route": CustomTag.Metadata.ROUTE,
    "cluster": CustomTag.Metadata.CLUSTER,
    "host": CustomTag.Metadata.HOST,
}
# UNSPECIFIED comes first, and is text.
_TEXT = 1


def compile_log_tags(
    ctx: CompileContext, tags: Iterable[envoy.CustomTag], at: str
) -> Iterable[CustomTag]:
    """The tags of a log; of those with the same name each says the value anew."""
    return [_compile(ctx, tag, f"{at}[{index}]") for index, tag in enumerate(tags)]


def compile_trace_tags(
    ctx: CompileContext, tags: Iterable[envoy.CustomTag], at: str
) -> Iterable[CustomTag]:
    """The tags of a connection manager or a route; of those with the same name the first counts."""
    compiled: dict[str, CustomTag] = {}
    for tag in compile_log_tags(ctx, tags, at):
        compiled.setdefault(tag.name, tag)
    return compiled.values()


def _compile(ctx: CompileContext, tag: envoy.CustomTag, at: str) -> CustomTag:
    compiled = CustomTag(name=tag.tag)
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
        _metadata(tag.metadata, compiled.metadata)
    elif kind == "value":
        value = compile_format(ctx, tag.value, f"{at}.value", omit_empty=True)
        compiled.value.CopyFrom(value)
        kind_of_value = max(tag.value_type - _TEXT, 0)
        compiled.value_type = cast("CustomTag.ValueType", kind_of_value)
    else:
        ctx.error(at, "Invalid custom tag type: oneof 'type' is not set")
    return compiled


def _metadata(source: envoy.CustomTag.Metadata, out: CustomTag.Metadata) -> None:
    out.of = _OF[source.kind.WhichOneof("kind") or "request"]
    key = source.metadata_key
    out.path.extend([key.key, *(segment.key for segment in key.path)])
    out.default_value = source.default_value
