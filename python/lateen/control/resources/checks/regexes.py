"""Regular expressions of RE2, which Envoy runs.

Python's expressions are checked in place of RE2's, once what only one of the two has is out of
the way. Source: https://github.com/google/re2/wiki/Syntax.
"""

from __future__ import annotations

import re
import warnings

from lateen.control.resources.field import Field
from lateen.control.resources.traffic import StringMatch

_LONGEST = 1024
_NOT_IN_RE2 = (
    (re.compile(r"\(\?<?[=!]"), "RE2 has no lookaround"),
    (re.compile(r"\(\?P=|\\[1-9](?![0-7])"), "RE2 has no backreferences"),
    (re.compile(r"\(\?[>(#]"), "RE2 has no atomic groups, conditions and comments"),
    (re.compile(r"\\Z"), "RE2 has no \\Z; its \\z is the end of the text"),
    (re.compile(r"[*+?}][+]"), "RE2 has no possessive repetition"),
    (re.compile(r"\{(?:\d+,)?(?!1000\})\d{4,}"), "RE2 repeats 1000 times at most"),
)
_PYTHONS_SPELLING = (
    (re.compile(r"\\Q(.*?)(?:\\E|$)", re.DOTALL), lambda found: re.escape(found[1])),
    (re.compile(r"\[:\^?\w+:\]"), lambda _: "a-z"),
    (re.compile(r"\\[pP](?:\{\^?\w+\}|[A-Z])"), lambda _: r"\w"),
    (re.compile(r"\\z"), lambda _: r"\Z"),
    (re.compile(r"\\[1-7][0-7]{1,2}"), lambda _: "x"),
    (re.compile(r"\\C"), lambda _: "."),
    (re.compile(r"\\x\{([0-9A-Fa-f]+)\}"), lambda _: "x"),
    (re.compile(r"\(\?[imsU-]+\)"), lambda _: ""),
    (re.compile(r"\(\?[imsU-]+:"), lambda _: "(?:"),
    (re.compile(r"\(\?<(?![=!])"), lambda _: "(?P<"),
)


def regex_problem(pattern: str) -> str:
    """What is wrong with an expression; empty: nothing."""
    if len(pattern) > _LONGEST:
        return f"the expression is longer than {_LONGEST} characters"
    bare = re.sub(r"\\\\", "x", pattern)
    for wrong, problem in _NOT_IN_RE2:
        if wrong.search(_without_classes(bare)):
            return f"{pattern!r}: {problem}"
    for theirs, ours in _PYTHONS_SPELLING:
        pattern = theirs.sub(ours, pattern)
    try:
        with warnings.catch_warnings():
            # What may mean something else in a later Python means the same in RE2.
            warnings.simplefilter("ignore", FutureWarning)
            re.compile(pattern)
    except re.error as error:
        return f"{pattern!r} is no expression: {error.msg}"
    return ""


def _without_classes(pattern: str) -> str:
    """Characters in brackets and escaped characters mean nothing but themselves."""
    plain = re.sub(r"\\[^1-9Z]", "x", pattern)
    return re.sub(r"\[\^?\]?[^]]*\]", "x", plain)


def check_regex(at: Field, pattern: str) -> None:
    """Note what is no expression of RE2."""
    if problem := regex_problem(pattern):
        at.error(problem, "expressions are RE2's")


def check_string_match(at: Field, match: StringMatch | None, *, empty_prefix: bool = False) -> None:
    """Note a match that is no expression, is empty, or is several.

    Args:
        match: None: it is not set.
        empty_prefix: whether an empty prefix is right, as it is for paths.
    """
    if match is None:
        return
    at.at_most_one("exact", "prefix", "regex")
    if match.prefix == "" and not empty_prefix:
        (at / "prefix").error("an empty prefix matches nothing in Envoy", "remove it, or say one")
    if match.regex == "":
        (at / "regex").error("the expression is empty", "say one, or remove it")
    elif match.regex is not None:
        check_regex(at / "regex", match.regex)
