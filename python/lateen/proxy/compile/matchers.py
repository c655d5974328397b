"""Matchers of strings, headers, query parameters and metadata.

Source: envoy/type/matcher/v3/*.proto and HeaderMatcher, QueryParameterMatcher in
envoy/config/route/v3/route_components.proto.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lateen.config.support import Fields
from lateen.protos.worker_pb2 import (
    HeaderMatch,
    Int64Range,
    QueryParameterMatch,
    RegexRewrite,
    StringMatch,
)

if TYPE_CHECKING:
    from envoy.config.route.v3.route_components_pb2 import HeaderMatcher, QueryParameterMatcher
    from envoy.type.matcher.v3.regex_pb2 import RegexMatchAndSubstitute, RegexMatcher
    from envoy.type.matcher.v3.string_pb2 import StringMatcher
    from xds.type.matcher.v3.regex_pb2 import RegexMatcher as XdsRegexMatcher
    from xds.type.matcher.v3.string_pb2 import StringMatcher as XdsStringMatcher

    from lateen.proxy.compile.context import CompileContext

SUPPORT = (
    Fields(
        "envoy.type.matcher.v3.RegexMatcher",
        implemented="regex",
        harmless={
            "google_re2": "a pattern is limited by the size of its program",
        },
    ),
    Fields(
        "envoy.type.matcher.v3.RegexMatchAndSubstitute",
        implemented="pattern substitution",
    ),
    Fields(
        "envoy.type.matcher.v3.StringMatcher",
        implemented="exact prefix suffix safe_regex contains ignore_case",
    ),
    Fields(
        "envoy.config.route.v3.HeaderMatcher",
        implemented="""
            name exact_match safe_regex_match range_match present_match prefix_match
            suffix_match contains_match string_match invert_match
            treat_missing_header_as_empty
        """,
    ),
    Fields(
        "envoy.config.route.v3.QueryParameterMatcher",
        implemented="name string_match present_match",
    ),
)


def compile_regex(ctx: CompileContext, regex: RegexMatcher | XdsRegexMatcher, at: str) -> str:
    """A pattern in RE2's syntax; the workers check it."""
    return regex.regex


def compile_regex_rewrite(
    ctx: CompileContext, rewrite: RegexMatchAndSubstitute, at: str
) -> RegexRewrite:
    """A pattern and what replaces each match."""
    pattern = compile_regex(ctx, rewrite.pattern, f"{at}.pattern")
    return RegexRewrite(pattern=pattern, substitution=rewrite.substitution)


def compile_string(
    ctx: CompileContext, matcher: StringMatcher | XdsStringMatcher, at: str
) -> StringMatch:
    """One string matcher; ignore_case has no effect on a regex, as in Envoy."""
    kind = matcher.WhichOneof("match_pattern")
    if kind == "safe_regex":
        return StringMatch(regex=compile_regex(ctx, matcher.safe_regex, f"{at}.safe_regex"))
    compiled = StringMatch(ignore_case=matcher.ignore_case)
    if kind == "exact":
        compiled.exact = matcher.exact
    elif kind == "prefix":
        compiled.prefix = matcher.prefix
    elif kind == "suffix":
        compiled.suffix = matcher.suffix
    elif kind == "contains":
        compiled.contains = matcher.contains
    return compiled


def compile_header(ctx: CompileContext, matcher: HeaderMatcher, at: str) -> HeaderMatch:
    """One header matcher; without a condition it asks for presence."""
    compiled = HeaderMatch(
        name=matcher.name.lower(),
        invert=matcher.invert_match,
        treat_missing_as_empty=matcher.treat_missing_header_as_empty,
    )
    kind = matcher.WhichOneof("header_match_specifier")
    if kind is None:
        compiled.present = True
    elif kind == "present_match":
        compiled.present = matcher.present_match
    elif kind == "range_match":
        compiled.range.CopyFrom(
            Int64Range(start=matcher.range_match.start, end=matcher.range_match.end)
        )
    elif kind == "string_match":
        inner = compile_string(ctx, matcher.string_match, f"{at}.string_match")
        compiled.string.CopyFrom(inner)
    elif kind == "safe_regex_match":
        pattern = compile_regex(ctx, matcher.safe_regex_match, f"{at}.safe_regex_match")
        compiled.string.regex = pattern
    else:
        _deprecated_form(matcher, kind, compiled.string)
    return compiled


def _deprecated_form(matcher: HeaderMatcher, kind: str, out: StringMatch) -> None:
    if kind == "exact_match":
        out.exact = matcher.exact_match
    elif kind == "prefix_match":
        out.prefix = matcher.prefix_match
    elif kind == "suffix_match":
        out.suffix = matcher.suffix_match
    elif kind == "contains_match":
        out.contains = matcher.contains_match


def compile_headers(
    ctx: CompileContext, matchers: Iterable[HeaderMatcher], at: str
) -> list[HeaderMatch]:
    """Header matchers that must all hold."""
    return [compile_header(ctx, matcher, f"{at}[{i}]") for i, matcher in enumerate(matchers)]


def compile_query_parameters(
    ctx: CompileContext, matchers: Iterable[QueryParameterMatcher], at: str
) -> list[QueryParameterMatch]:
    """Query parameter matchers that must all hold; without a condition one asks for presence."""
    compiled = []
    for index, matcher in enumerate(matchers):
        where = f"{at}[{index}]"
        if matcher.WhichOneof("query_parameter_match_specifier") == "string_match":
            text = compile_string(ctx, matcher.string_match, f"{where}.string_match")
            compiled.append(QueryParameterMatch(name=matcher.name, string=text))
        else:
            present = matcher.present_match or not matcher.HasField("present_match")
            compiled.append(QueryParameterMatch(name=matcher.name, present=present))
    return compiled
