"""What a value of metadata is compared with.

Source: envoy/type/matcher/v3/value.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.protos.worker_pb2 import DoubleRange, MetadataMatch, MetadataValue
from lateen.proxy.compile.matchers import compile_string
from lateen.proxy.compile.values import to_json

if TYPE_CHECKING:
    from envoy.type.matcher.v3.metadata_pb2 import MetadataMatcher
    from envoy.type.matcher.v3.value_pb2 import ValueMatcher

    from lateen.proxy.compile.context import CompileContext

_NAME = "envoy.type.matcher.v3.ValueMatcher"
_DOUBLE = {"double_match": whole("envoy.type.matcher.v3.DoubleMatcher")}
_INNER = Fields(_NAME, implemented="*", within=_DOUBLE)
_OR = Fields("envoy.type.matcher.v3.OrMatcher", implemented="*", within={"value_matchers": _INNER})
_LIST = Fields("envoy.type.matcher.v3.ListMatcher", implemented="*", within={"one_of": _INNER})
# Where more is compared than in the filters of access logs.
ANY_VALUE = Fields(_NAME, implemented="*", within={**_DOUBLE, "or_match": _OR, "list_match": _LIST})
METADATA_MATCHER = Fields(
    "envoy.type.matcher.v3.MetadataMatcher",
    implemented="filter path value invert",
    within={"value": ANY_VALUE},
)
SUPPORT = (
    whole("envoy.type.matcher.v3.ListMatcher"),
    whole("envoy.type.matcher.v3.OrMatcher"),
    whole("envoy.type.v3.DoubleRange"),
)


def compile_metadata_matcher(
    ctx: CompileContext, source: MetadataMatcher, at: str
) -> MetadataMatch:
    """Where a value is, and what it is compared with."""
    return MetadataMatch(
        path=[source.filter, *(segment.key for segment in source.path)],
        value=compile_metadata_value(ctx, source.value, f"{at}.value"),
        invert=source.invert,
    )


def compile_metadata_value(ctx: CompileContext, value: ValueMatcher, at: str) -> MetadataValue:
    """One matcher of a value."""
    kind = value.WhichOneof("match_pattern")
    if kind == "string_match":
        return MetadataValue(string=compile_string(ctx, value.string_match, f"{at}.string_match"))
    if kind == "bool_match":
        return MetadataValue(json=to_json(value.bool_match))
    if kind == "present_match":
        return MetadataValue(present=value.present_match)
    if kind == "double_match" and value.double_match.WhichOneof("match_pattern") == "range":
        limits = value.double_match.range
        return MetadataValue(range=DoubleRange(start=limits.start, end=limits.end))
    if kind == "double_match":
        return MetadataValue(json=repr(value.double_match.exact))
    if kind == "list_match":
        where = f"{at}.list_match.one_of"
        inner = compile_metadata_value(ctx, value.list_match.one_of, where)
        return MetadataValue(any_item=inner)
    if kind == "or_match":
        compiled = MetadataValue()
        for index, inner_value in enumerate(value.or_match.value_matchers):
            where = f"{at}.or_match.value_matchers[{index}]"
            compiled.any_of.values.append(compile_metadata_value(ctx, inner_value, where))
        return compiled
    return MetadataValue(json="null")
