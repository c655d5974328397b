"""Envoy's matchers of texts, values, headers and addresses, and what they want in words.

Source: envoy/type/matcher/v3/string.proto, value.proto, metadata.proto;
envoy/config/route/v3/route_components.proto HeaderMatcher, QueryParameterMatcher.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from lateen.control.simulate.call import Request
from lateen.control.translate.values import Json

if TYPE_CHECKING:
    from envoy.config.core.v3.address_pb2 import CidrRange
    from envoy.config.route.v3.route_components_pb2 import HeaderMatcher, QueryParameterMatcher
    from envoy.type.matcher.v3.metadata_pb2 import MetadataMatcher
    from envoy.type.matcher.v3.path_pb2 import PathMatcher
    from envoy.type.matcher.v3.string_pb2 import StringMatcher
    from envoy.type.matcher.v3.value_pb2 import ValueMatcher

JWT = "envoy.filters.http.jwt_authn"


def full_match(expression: str, text: str) -> bool:
    """Whether a regular expression is met by the whole text; one that is none meets nothing."""
    try:
        return re.fullmatch(expression, text, re.DOTALL) is not None
    except re.error:
        return False


def is_text(matcher: StringMatcher, text: str) -> bool:
    """Whether the text is what the matcher wants."""
    kind = matcher.WhichOneof("match_pattern")
    if kind == "safe_regex":
        return full_match(matcher.safe_regex.regex, text)
    wanted = str(getattr(matcher, kind)) if kind else ""
    if matcher.ignore_case:
        wanted, text = wanted.lower(), text.lower()
    if kind == "prefix":
        return text.startswith(wanted)
    if kind == "suffix":
        return text.endswith(wanted)
    return wanted in text if kind == "contains" else text == wanted


def wanted_text(matcher: StringMatcher) -> str:
    """What the matcher wants, in words."""
    kind = matcher.WhichOneof("match_pattern")
    words = {
        "prefix": ("begins with", matcher.prefix),
        "suffix": ("ends with", matcher.suffix),
        "contains": ("has", matcher.contains),
        "safe_regex": ("matches", matcher.safe_regex.regex),
    }
    verb, value = words.get(kind or "", ("is", matcher.exact))
    return f"{verb} {value!r}"


def is_path(matcher: PathMatcher, request: Request) -> bool:
    """Whether the path without its query is what the matcher wants."""
    return is_text(matcher.path, request.url_path)


def is_header(matcher: HeaderMatcher, request: Request) -> bool:
    """Whether a request's header is what the matcher wants."""
    value = request.header(matcher.name)
    if value is None and matcher.treat_missing_header_as_empty:
        value = ""
    kind = matcher.WhichOneof("header_match_specifier")
    if kind in ("present_match", None):
        there = value is not None
        return (there == (matcher.present_match or kind is None)) != matcher.invert_match
    # A header that is not there meets no matcher, an inverted one neither.
    if value is None:
        return False
    return is_text(matcher.string_match, value) != matcher.invert_match


def wanted_header(matcher: HeaderMatcher) -> str:
    """What the matcher wants of a header, in words."""
    negated = "not " if matcher.invert_match else ""
    if matcher.WhichOneof("header_match_specifier") == "string_match":
        return f"{matcher.name} {negated}{wanted_text(matcher.string_match)}"
    return f"{matcher.name} is {negated}there"


def is_query(matcher: QueryParameterMatcher, request: Request) -> bool:
    """Whether a parameter of the query is what the matcher wants."""
    value = request.query.get(matcher.name)
    if matcher.WhichOneof("query_parameter_match_specifier") == "string_match":
        return value is not None and is_text(matcher.string_match, value)
    return value is not None


def is_metadata(matcher: MetadataMatcher, claims: Mapping[str, Json] | None) -> bool:
    """Whether the claims of a token, as the token's filter tells them, are what is wanted."""
    value: Json = {"payload": dict(claims)} if claims is not None else {}
    if matcher.filter != JWT:
        value = {}
    for segment in matcher.path:
        value = value.get(segment.key) if isinstance(value, dict) else None
    return is_value(matcher.value, value) != matcher.invert


def is_value(matcher: ValueMatcher, value: Json) -> bool:
    """Whether a value is what the matcher wants."""
    kind = matcher.WhichOneof("match_pattern")
    if kind == "or_match":
        return any(is_value(one, value) for one in matcher.or_match.value_matchers)
    if kind == "list_match":
        return isinstance(value, list) and any(
            is_value(matcher.list_match.one_of, one) for one in value
        )
    if kind == "string_match":
        return isinstance(value, str) and is_text(matcher.string_match, value)
    if kind == "bool_match":
        return value is matcher.bool_match
    if kind == "present_match":
        return (value is not None) == matcher.present_match
    return kind == "null_match" and value is None


def in_range(found: CidrRange, address: str) -> bool:
    """Whether an address is in a range; what is no address is in none."""
    try:
        return ip_address(address) in ip_network(written_range(found), strict=False)
    except ValueError:
        return False


def written_range(found: CidrRange) -> str:
    """A range as it is usually written."""
    return f"{found.address_prefix}/{found.prefix_len.value}"


def template_matches(template: str, path: str) -> bool:
    """Whether a path is one of a template: `*` is a segment, `**` any number of them."""
    parts = re.split(r"(\*\*|\*)", template)
    wildcards = {"**": ".*", "*": "[^/]+"}
    return full_match("".join(wildcards.get(part) or re.escape(part) for part in parts), path)
