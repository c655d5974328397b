"""Comparing dynamic metadata in an access-log filter.

Source: envoy/type/matcher/v3/metadata.proto and value.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.protos import worker_pb2
from lateen.proxy.compile.matchers import compile_string
from lateen.proxy.compile.values import to_json

if TYPE_CHECKING:
    from envoy.config.accesslog.v3.accesslog_pb2 import MetadataFilter
    from envoy.type.matcher.v3.value_pb2 import ValueMatcher

    from lateen.proxy.compile.context import CompileContext

SUPPORT = (
    Fields(
        "envoy.config.accesslog.v3.MetadataFilter",
        implemented="matcher match_if_key_not_found",
    ),
    Fields(
        "envoy.type.matcher.v3.MetadataMatcher",
        implemented="filter path value invert",
    ),
    Fields(
        "envoy.type.matcher.v3.ValueMatcher",
        implemented="null_match double_match string_match bool_match",
    ),
    Fields(
        "envoy.type.matcher.v3.DoubleMatcher",
        implemented="exact",
    ),
    whole("envoy.type.matcher.v3.MetadataMatcher.PathSegment"),
    whole("envoy.type.matcher.v3.ValueMatcher.NullMatch"),
)


def compile_metadata_match(
    ctx: CompileContext, source: MetadataFilter, at: str
) -> worker_pb2.AccessLogFilter.Metadata:
    """One metadata filter; a key that is not there matches unless the filter says otherwise."""
    matcher = source.matcher
    missing = source.match_if_key_not_found
    compiled = worker_pb2.AccessLogFilter.Metadata(
        filter=matcher.filter,
        path=[segment.key for segment in matcher.path],
        invert=matcher.invert,
        match_if_key_not_found=missing.value or not source.HasField("match_if_key_not_found"),
    )
    _compile_value(ctx, matcher.value, compiled, f"{at}.matcher.value")
    return compiled


def _compile_value(
    ctx: CompileContext,
    value: ValueMatcher,
    out: worker_pb2.AccessLogFilter.Metadata,
    at: str,
) -> None:
    kind = value.WhichOneof("match_pattern")
    if kind == "string_match":
        out.string.CopyFrom(compile_string(ctx, value.string_match, f"{at}.string_match"))
    elif kind == "bool_match":
        out.value_json = to_json(value.bool_match)
    elif kind == "null_match":
        out.value_json = to_json(None)
    elif kind == "double_match":
        number = value.double_match.exact
        out.value_json = to_json(int(number) if number.is_integer() else number)
