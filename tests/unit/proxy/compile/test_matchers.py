import pytest

from lateen.protos.worker_pb2 import HeaderMatch, Int64Range, QueryParameterMatch, StringMatch
from lateen.proxy.compile.matchers import (
    compile_header,
    compile_query_parameters,
    compile_regex_rewrite,
    compile_string,
)
from tests.support.messages import context, message, unsupported


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("exact: a", StringMatch(exact="a")),
        ("exact: ''", StringMatch(exact="")),
        ("{prefix: a, ignore_case: true}", StringMatch(prefix="a", ignore_case=True)),
        ("suffix: a", StringMatch(suffix="a")),
        ("contains: a", StringMatch(contains="a")),
        ("{safe_regex: {regex: 'a+'}, ignore_case: true}", StringMatch(regex="a+")),
    ],
)
def test_string_matchers(text, expected):
    matcher = message("type.matcher.v3.StringMatcher", text)
    assert compile_string(context(), matcher, "m") == expected
    assert unsupported(matcher) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", HeaderMatch(name="x-a", present=True)),
        ("present_match: true", HeaderMatch(name="x-a", present=True)),
        ("present_match: false", HeaderMatch(name="x-a", present=False)),
        ("exact_match: v", HeaderMatch(name="x-a", string=StringMatch(exact="v"))),
        ("prefix_match: v", HeaderMatch(name="x-a", string=StringMatch(prefix="v"))),
        ("suffix_match: v", HeaderMatch(name="x-a", string=StringMatch(suffix="v"))),
        ("contains_match: v", HeaderMatch(name="x-a", string=StringMatch(contains="v"))),
        ("safe_regex_match: {regex: v}", HeaderMatch(name="x-a", string=StringMatch(regex="v"))),
        ("string_match: {exact: v}", HeaderMatch(name="x-a", string=StringMatch(exact="v"))),
        (
            "range_match: {start: -1, end: 5}",
            HeaderMatch(name="x-a", range=Int64Range(start=-1, end=5)),
        ),
        ("invert_match: true", HeaderMatch(name="x-a", present=True, invert=True)),
        (
            "{exact_match: v, treat_missing_header_as_empty: true}",
            HeaderMatch(name="x-a", string=StringMatch(exact="v"), treat_missing_as_empty=True),
        ),
    ],
)
def test_header_matchers(text, expected):
    matcher = message("config.route.v3.HeaderMatcher", text)
    matcher.name = "X-A"
    compiled = compile_header(context(), matcher, "m")
    assert compiled == expected
    assert compiled.WhichOneof("kind") == expected.WhichOneof("kind")
    assert unsupported(matcher) == []


def test_query_parameter_matchers():
    match = message(
        "config.route.v3.RouteMatch",
        """
        query_parameters:
        - {name: a}
        - {name: b, present_match: false}
        - {name: c, string_match: {exact: v}}
        """,
    )
    assert compile_query_parameters(context(), match.query_parameters, "q") == [
        QueryParameterMatch(name="a", present=True),
        QueryParameterMatch(name="b", present=False),
        QueryParameterMatch(name="c", string=StringMatch(exact="v")),
    ]


def test_a_regex_rewrite():
    source = message(
        "type.matcher.v3.RegexMatchAndSubstitute",
        r"{pattern: {regex: '^/(a)'}, substitution: '/\1'}",
    )
    compiled = compile_regex_rewrite(context(), source, "r")
    assert (compiled.pattern, compiled.substitution) == ("^/(a)", r"/\1")


def test_a_size_limit_of_a_pattern_is_only_warned_about():
    matcher = message(
        "type.matcher.v3.StringMatcher",
        "safe_regex: {google_re2: {max_program_size: 5}, regex: a}",
    )
    (found,) = unsupported(matcher)
    assert found.startswith("warning x.safe_regex.google_re2")
