"""Values of a policy, in which `*` stands at one end for anything, as Envoy's matchers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import ip_network
from typing import TYPE_CHECKING

from lateen.control.translate import api

if TYPE_CHECKING:
    from envoy.config.core.v3.address_pb2 import CidrRange
    from envoy.config.route.v3.route_components_pb2 import HeaderMatcher
    from envoy.type.matcher.v3.metadata_pb2 import MetadataMatcher
    from envoy.type.matcher.v3.string_pb2 import StringMatcher
    from envoy.type.matcher.v3.value_pb2 import ValueMatcher

_ANYTHING = ".+"
_JWT = "envoy.filters.http.jwt_authn"
_PAYLOAD = "payload"
# What Go's regexp.QuoteMeta escapes, so that expressions are those that Istio's readers know.
_META = re.compile(r"[\\.+*?()|\[\]{}^$]")


class NotExpressible(Exception):
    """A value cannot be judged here: it is malformed, or about requests where there are none."""


def quoted(text: str) -> str:
    """The regular expression that matches a text."""
    return _META.sub(r"\\\g<0>", text)


def regex(expression: str) -> StringMatcher:
    """Matches a whole text by a regular expression."""
    return api.StringMatcher(safe_regex=api.RegexMatcher(regex=expression))


def text(value: str, before: str = "") -> StringMatcher:
    """Matches what `value` says, after the fixed text `before`."""
    if value == "*":
        return regex(_ANYTHING)
    if value.startswith("*"):
        end = value.removeprefix("*")
        return regex(f"{before}.*{quoted(end)}") if before else api.StringMatcher(suffix=end)
    if value.endswith("*"):
        return api.StringMatcher(prefix=before + value.removesuffix("*"))
    return api.StringMatcher(exact=before + value)


def header(name: str, value: str, *, ignore_case: bool = False) -> HeaderMatcher:
    """Matches a header's value; `*` takes any that is there."""
    if value == "*":
        return api.HeaderMatcher(name=name, present_match=True)
    matcher = text(value)
    matcher.ignore_case = ignore_case
    return api.HeaderMatcher(name=name, string_match=matcher)


def cidr(value: str) -> CidrRange:
    """An address, or a range of them.

    Raises:
        NotExpressible: it is neither.
    """
    try:
        network = ip_network(value, strict=False)
    except ValueError:
        raise NotExpressible(f"{value!r} is no IP address or CIDR range") from None
    address = value.partition("/")[0]
    return api.CidrRange(address_prefix=address, prefix_len={"value": network.prefixlen})


def port(value: str) -> int:
    """A port.

    Raises:
        NotExpressible: it is none.
    """
    if value.isascii() and value.isdigit() and int(value) <= 65535:
        return int(value)
    raise NotExpressible(f"{value!r} is no port")


def any_of(values: Sequence[ValueMatcher]) -> ValueMatcher:
    """Matches what one of the matchers does."""
    if len(values) == 1:
        return values[0]
    return api.ValueMatcher(or_match=api.OrMatcher(value_matchers=values))


def texts(values: Sequence[str]) -> ValueMatcher:
    """Matches what one of the values says."""
    return any_of([api.ValueMatcher(string_match=text(value)) for value in values])


def in_list(value: ValueMatcher) -> ValueMatcher:
    """Matches a list with such an item."""
    return api.ValueMatcher(list_match=api.ListMatcher(one_of=value))


def metadata(namespace: str, keys: Sequence[str], value: ValueMatcher) -> MetadataMatcher:
    """Matches dynamic metadata."""
    segments = [api.MetadataMatcher.PathSegment(key=key) for key in keys]
    return api.MetadataMatcher(filter=namespace, path=segments, value=value)


def claim(name: str, matcher: StringMatcher) -> MetadataMatcher:
    """Matches a claim that is a text."""
    return metadata(_JWT, (_PAYLOAD, name), api.ValueMatcher(string_match=matcher))


def claims(names: Sequence[str], values: Sequence[str]) -> MetadataMatcher:
    """Matches a claim, perhaps nested, that is one of the texts or a list with one of them."""
    return _claim(names, texts(values))


def claim_or_item(names: Sequence[str], matcher: StringMatcher) -> MetadataMatcher:
    """Matches a claim, perhaps nested, that is such a text or a list with one."""
    return _claim(names, api.ValueMatcher(string_match=matcher))


def _claim(names: Sequence[str], value: ValueMatcher) -> MetadataMatcher:
    return metadata(_JWT, (_PAYLOAD, *names), any_of([in_list(value), value]))
