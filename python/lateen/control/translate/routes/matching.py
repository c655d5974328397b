"""What a request must be for a route of a VirtualService.

Source: pilot/pkg/networking/core/route/route.go TranslateRouteMatch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.control.resources.traffic import StringMatch
from lateen.control.resources.virtual_service import HttpMatch
from lateen.control.translate import api
from lateen.control.translate.authz import matching

if TYPE_CHECKING:
    from envoy.config.route.v3.route_components_pb2 import (
        HeaderMatcher,
        QueryParameterMatcher,
        RouteMatch,
    )
    from envoy.type.matcher.v3.metadata_pb2 import MetadataMatcher
    from envoy.type.matcher.v3.string_pb2 import StringMatcher

_CLAIMS = ("@request.auth.claims.", "@request.auth.claims[")
_ANY = "*"


def route_match(match: HttpMatch | None) -> RouteMatch:
    """The match of a route; of every request when there is none."""
    made = api.RouteMatch(prefix="/")
    if match is None:
        return made
    _match_path(made, match)
    for name, value in sorted(match.headers.items()):
        _match_header(made, name, value, inverted=False)
    for name, value in sorted(match.without_headers.items()):
        _match_header(made, name, value, inverted=True)
    made.headers.sort(key=lambda one: one.name)
    for name, said in (
        (":method", match.method),
        (":authority", match.authority),
        (":scheme", match.scheme),
    ):
        if said is not None:
            made.headers.append(_header(name, said))
    for name, value in sorted(match.query_params.items()):
        made.query_parameters.append(_query(name, value))
    return made


def takes_everything(match: RouteMatch) -> bool:
    """Whether no request comes to a route behind this one."""
    path = match.WhichOneof("path_specifier")
    every = (
        match.prefix == "/" if path == "prefix" else match.safe_regex.regex == ".*"
    ) and path in ("prefix", "safe_regex")
    return every and not (match.headers or match.query_parameters or match.dynamic_metadata)


def _match_path(made: RouteMatch, match: HttpMatch) -> None:
    made.case_sensitive.value = not match.ignore_uri_case
    uri = match.uri
    if uri is None:
        return
    if uri.exact is not None:
        made.path = uri.exact
    elif uri.prefix is not None:
        made.prefix = uri.prefix
    elif uri.regex is not None:
        made.safe_regex.regex = uri.regex


def _match_header(made: RouteMatch, name: str, value: StringMatch, *, inverted: bool) -> None:
    claim = _claim(name, value)
    if claim is not None:
        claim.invert = inverted
        made.dynamic_metadata.append(claim)
        return
    header = _header(name, value)
    header.invert_match = inverted
    if inverted and not _is_presence(value):
        header.treat_missing_header_as_empty = True
    made.headers.append(header)


def _claim(name: str, value: StringMatch) -> MetadataMatcher | None:
    """A claim of the request's token, when the name is `@request.auth.claims.NAME`."""
    start = next((one for one in _CLAIMS if name.lower().startswith(one)), None)
    if start is None:
        return None
    path = name[len(start) :]
    keys = path.split(".") if start.endswith(".") else path.removesuffix("]").split("][")
    return matching.claim_or_item(keys, string_match(value))


def _header(name: str, value: StringMatch) -> HeaderMatcher:
    if _is_presence(value):
        return api.HeaderMatcher(name=name, present_match=True)
    return api.HeaderMatcher(name=name, string_match=string_match(value))


def _query(name: str, value: StringMatch) -> QueryParameterMatcher:
    if _is_presence(value):
        return api.QueryParameterMatcher(name=name, present_match=True)
    return api.QueryParameterMatcher(name=name, string_match=string_match(value))


def _is_presence(value: StringMatch) -> bool:
    """Whether any value will do."""
    return value.regex == _ANY or value == StringMatch()


def string_match(value: StringMatch) -> StringMatcher:
    """A way to match a text."""
    if value.regex is not None:
        return matching.regex(value.regex)
    if value.prefix is not None:
        return api.StringMatcher(prefix=value.prefix)
    return api.StringMatcher(exact=value.exact or "")
