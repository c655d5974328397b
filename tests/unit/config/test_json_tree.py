"""JSON, with the liberties that protobuf's legacy reader takes."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lateen.config.json_tree import json_positions, parse_json
from lateen.config.syntax import ConfigSyntaxError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{'a': 'b\"'}", {"a": 'b"'}),
        ("{a: 1, $b_2: [true]}", {"a": 1, "$b_2": [True]}),
        ('{"a": [1, 2,],}', {"a": [1, 2]}),
        ('{"a": 1, "a": 2}', {"a": 2}),
        ('{"a": "b\tc"}', {"a": "b\tc"}),
        ('"\\ud83d\\ude00"', "\U0001f600"),
        ('"\\u00e9\\/"', "é/"),
        ("-1.5e3", -1500.0),
        ("null", None),
    ],
)
def test_accepted(text, value):
    assert parse_json(text) == value


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("", 1, 1),
        ("{} {}", 1, 4),
        ('{"a": 1} // x', 1, 10),
        ('{"a": NaN}', 1, 7),
        ('{"a"\n 5}', 2, 2),
        ('{"a": 1 "b": 2}', 1, 9),
        ('"\\ud83d"', 1, 8),
        ('"\\uzzzz"', 1, 2),
        ('"abc', 1, 5),
        ("\ufeff{}", 1, 1),
        ("{5: 1}", 1, 2),
        ("[" * 102 + "]" * 102, 1, 102),
    ],
)
def test_refused_with_a_position(text, line, column):
    with pytest.raises(ConfigSyntaxError) as error:
        parse_json(text)
    assert (error.value.line, error.value.column) == (line, column)


@settings(deadline=None)
@given(VALUES)
def test_what_json_writes_is_read_back(value):
    assert parse_json(json.dumps(value)) == value
    assert () in json_positions(json.dumps(value, indent=1))


def test_positions_are_those_of_keys_and_items():
    text = '{"a": [1,\n  {"b": 2}]}'
    assert json_positions(text) == {
        (): (1, 1),
        ("a",): (1, 2),
        ("a", 0): (1, 8),
        ("a", 1): (2, 3),
        ("a", 1, "b"): (2, 4),
    }
