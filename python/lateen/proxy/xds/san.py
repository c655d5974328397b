"""Which names of a certificate are accepted (match_typed_subject_alt_names).

Source: envoy/extensions/transport_sockets/tls/v3/common.proto, SubjectAltNameMatcher
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envoy.extensions.transport_sockets.tls.v3.common_pb2 import CertificateValidationContext
    from envoy.type.matcher.v3.string_pb2 import StringMatcher

# Takes the kind of a name, as Python's ssl calls it, and the name.
SanTest = Callable[[str, str], bool]
_KINDS = {1: "email", 2: "DNS", 3: "URI", 4: "IP Address"}


def san_tests(validation: CertificateValidationContext) -> list[SanTest]:
    """One test for each matcher; [] when every name will do."""
    tests = [
        _of_kind(_KINDS.get(each.san_type, ""), _string_test(each.matcher))
        for each in validation.match_typed_subject_alt_names
    ]
    # The deprecated field does not say of what kind a name is.
    tests += [_of_kind("", _string_test(each)) for each in validation.match_subject_alt_names]
    return tests


def _of_kind(wanted: str, test: Callable[[str], bool]) -> SanTest:
    return lambda kind, value: (not wanted or kind == wanted) and test(value)


def _string_test(matcher: StringMatcher) -> Callable[[str], bool]:
    kind = matcher.WhichOneof("match_pattern") or "exact"
    if kind == "safe_regex":
        pattern = re.compile(matcher.safe_regex.regex)
        return lambda text: pattern.fullmatch(text) is not None
    fold: Callable[[str], str] = str.casefold if matcher.ignore_case else str
    wanted = fold(str(getattr(matcher, kind)))
    if kind == "prefix":
        return lambda text: fold(text).startswith(wanted)
    if kind == "suffix":
        return lambda text: fold(text).endswith(wanted)
    if kind == "contains":
        return lambda text: wanted in fold(text)
    return lambda text: fold(text) == wanted
