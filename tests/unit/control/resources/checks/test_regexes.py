import re

import pytest

from lateen.control.resources.checks.regexes import regex_problem


@pytest.mark.parametrize(
    "pattern",
    [
        ".*",
        r"^/a/(?P<name>[^/]+)$",
        "(?<name>a)",
        "(?i)a",
        "a(?i)b",
        "(?i:a)",
        "(?U)a+",
        r"\pL\p{Greek}\P{^L}",
        "[[:alpha:][:^digit:]]",
        r"\Qa+b(\E*",
        r"\x{10FFFF}\z",
        r"[*+]+[?+]",
        r"a\++",
        r"[a-z]*\++",
        r"\\+",
        r"\123\12",
        "[[a]",
        "a{1000}",
        "a{1,1000}",
        r"\\1",
        "a" * 1024,
    ],
)
def test_what_re2_has(pattern):
    assert regex_problem(pattern) == ""


@pytest.mark.parametrize(
    "pattern",
    [
        "(",
        "[a",
        "*",
        "a)",
        "(?=a)",
        "(?<!a)",
        r"(a)\1",
        "(?P=a)",
        "(?>a)",
        "a++",
        "a{1001}",
        "a{2,1001}",
        r"\Z",
        "a" * 1025,
    ],
)
def test_what_it_does_not_have(pattern):
    assert regex_problem(pattern) != ""


def test_a_problem_says_what_it_is():
    assert regex_problem("(a)(?=b)") == "'(a)(?=b)': RE2 has no lookaround"
    assert re.search("is no expression", regex_problem("("))
