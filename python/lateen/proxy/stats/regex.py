"""Regular expressions of admin queries, with errors in the words of RE2."""

from __future__ import annotations

import re

_WORDS = (
    ("missing ), unterminated subpattern", "missing )"),
    ("unbalanced parenthesis", "unexpected )"),
    ("unterminated character set", "missing ]"),
    ("nothing to repeat", "no argument for repetition operator"),
    ("multiple repeat", "bad repetition operator"),
    ("bad character range", "invalid character class range"),
    ("bad escape (end of pattern)", "trailing \\"),
    ("bad escape", "invalid escape sequence"),
)


class RegexError(Exception):
    """Not a regular expression; the message is as RE2's: reason, colon, pattern."""


def compile_regex(pattern: str) -> re.Pattern[str]:
    """Compiles a pattern that a user gave.

    Raises:
        RegexError: it is no regular expression.
    """
    try:
        return re.compile(pattern)
    except re.error as error:
        for python, re2 in _WORDS:
            if error.msg.startswith(python):
                raise RegexError(f"{re2}: {pattern}") from None
        raise RegexError(f"{error.msg}: {pattern}") from None
