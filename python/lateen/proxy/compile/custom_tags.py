"""Values that logs tell of a stream under names of their own: texts, whatever `value_type` says.

Source: envoy/type/tracing/v3/custom_tag.proto.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lateen.config.support import whole
from lateen.protos.worker_pb2 import Command, CustomTag, Format, FormatPiece
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

# What METADATA calls the kinds.
_KINDS = {"request": "DYNAMIC", "route": "ROUTE", "cluster": "CLUSTER", "host": "UPSTREAM_HOST"}


def compile_custom_tags(
    ctx: CompileContext, tags: Iterable[envoy.CustomTag], at: str
) -> list[CustomTag]:
    """Tags in order; of those with the same name each says the value anew."""
    return [_compile(ctx, tag, f"{at}[{index}]") for index, tag in enumerate(tags)]


def _compile(ctx: CompileContext, tag: envoy.CustomTag, at: str) -> CustomTag:
    kind = tag.WhichOneof("type")
    if kind == "environment":
        found = ctx.environment.get(tag.environment.name, "")
        return _literal(tag.tag, found or tag.environment.default_value)
    if kind == "request_header":
        name, default = tag.request_header.name, tag.request_header.default_value
        return _command(tag.tag, Command(name="REQ", argument=name), default)
    if kind == "metadata":
        return _command(
            tag.tag, _metadata(ctx, tag.metadata, f"{at}.metadata"), tag.metadata.default_value
        )
    if kind == "value":
        text = compile_format(ctx, tag.value, f"{at}.value", omit_empty=True)
        return CustomTag(tag=tag.tag, format=text)
    return _literal(tag.tag, tag.literal.value)


def _metadata(ctx: CompileContext, source: envoy.CustomTag.Metadata, at: str) -> Command:
    parts = [source.metadata_key.key, *(segment.key for segment in source.metadata_key.path)]
    if any(":" in part for part in parts):
        ctx.unimplemented(f"{at}.metadata_key", "a key with a colon", "keys without")
    kind = _KINDS[source.kind.WhichOneof("kind") or "request"]
    return Command(name="METADATA", argument=":".join([kind, *parts]))


def _literal(tag: str, value: str) -> CustomTag:
    return CustomTag(tag=tag, default_value=value)


def _command(tag: str, command: Command, default: str) -> CustomTag:
    format_ = Format(pieces=[FormatPiece(command=command)], omit_empty=True)
    return CustomTag(tag=tag, format=format_, default_value=default)
