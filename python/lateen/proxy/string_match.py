"""Compiled string matchers (type.matcher.v3.StringMatcher), applied by the main thread."""

from __future__ import annotations

import re
from collections.abc import Callable

from lateen.protos import worker_pb2


def string_test(matcher: worker_pb2.StringMatch) -> Callable[[str], bool]:
    """Whether a string matches."""
    kind = matcher.WhichOneof("kind")
    if kind == "regex":
        pattern = re.compile(matcher.regex)
        return lambda text: pattern.fullmatch(text) is not None
    wanted = getattr(matcher, kind) if kind else ""
    fold: Callable[[str], str] = str.casefold if matcher.ignore_case else str
    wanted = fold(wanted)
    if kind == "exact":
        return lambda text: fold(text) == wanted
    if kind == "prefix":
        return lambda text: fold(text).startswith(wanted)
    if kind == "suffix":
        return lambda text: fold(text).endswith(wanted)
    return lambda text: wanted in fold(text)
