"""Whether a regular expression is one in RE2's syntax (https://github.com/google/re2/wiki/Syntax).

RE2's constructs that Python spells otherwise are rewritten, those of Python that RE2 lacks are
refused, and Python's parser judges the rest.
"""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING

from lateen.config.check.context import CheckContext
from lateen.config.paths import Place

if TYPE_CHECKING:
    from envoy.type.matcher.v3.regex_pb2 import RegexMatcher

_MAX_REPEAT = 1000

_QUOTED = re.compile(r"\\Q(.*?)(?:\\E|$)", re.S)
_TOKENS = re.compile(
    r"(?P<class>\[:\^?[a-z]+:\])"
    r"|(?P<property>\\[pP](?:\{[^}]*\}|.))"
    r"|(?P<hex>\\x\{[0-9a-fA-F]+\})"
    r"|(?P<end>\\z)|(?P<byte>\\C)|(?P<backref>\\[1-9])"
    r"|(?P<escape>\\.)"
    r"|(?P<look>\(\?(?:[=!>#(]|<[=!]|P=))"
    r"|(?P<flags>\(\?[imsU]*(?:-[imsU]+)?\))"
    r"|(?P<group>\(\?[imsU]*(?:-[imsU]+)?:)"
    r"|(?P<named>\(\?<(?=[A-Za-z_]))"
    r"|(?P<repeat>\{\d+(?:,\d*)?\})"
    r"|(?P<possessive>(?<=[*+?}])\+)",
    re.S,
)
_PLAIN = {
    "class": "a-z",
    "property": r"\w",
    "hex": "x",
    "end": r"\Z",
    "byte": ".",
    "flags": "",
    "group": "(?:",
    "named": "(?P<",
}


def regex_matcher(message: RegexMatcher, place: Place, cx: CheckContext) -> None:
    """A matcher's expression can be compiled."""
    text = problem(message.regex)
    if text is not None:
        cx.error((place, "regex"), f"not a regular expression in RE2's syntax: {text}")


def problem(pattern: str) -> str | None:
    """What is wrong with a pattern; None when nothing is."""
    refused: list[str] = []

    def rewrite(match: re.Match[str]) -> str:
        kind, text = match.lastgroup or "", match[0]
        if kind in ("look", "backref", "possessive"):
            refused.append(f"RE2 has no {text!r}")
        elif kind == "repeat" and max(int(n) for n in re.findall(r"\d+", text)) > _MAX_REPEAT:
            refused.append(f"repetition {text} is over {_MAX_REPEAT}")
        return _PLAIN.get(kind, text)

    unquoted = _QUOTED.sub(lambda match: re.escape(match[1]), pattern)
    plain = _TOKENS.sub(rewrite, unquoted)
    if refused:
        return refused[0]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(plain)
    except (re.error, OverflowError, RecursionError) as error:
        return str(error)
    return None
