import pytest

from lateen.protos.worker_pb2 import StringMatch
from lateen.proxy.string_match import string_test


@pytest.mark.parametrize(
    ("matcher", "matching", "other"),
    [
        (StringMatch(exact="ab"), "ab", "abc"),
        (StringMatch(exact="AB", ignore_case=True), "ab", "b"),
        (StringMatch(prefix="ab"), "abc", "cab"),
        (StringMatch(suffix="bC", ignore_case=True), "aBc", "bca"),
        (StringMatch(contains="b"), "abc", "ac"),
        (StringMatch(regex="a.*"), "abc", "cab"),
    ],
)
def test_matchers(matcher, matching, other):
    assert string_test(matcher)(matching)
    assert not string_test(matcher)(other)
