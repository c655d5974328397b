"""Scalars, keys and documents as Envoy's YAML reader (yaml-cpp) takes them."""

import pytest

from lateen.config.syntax import ConfigSyntaxError
from lateen.config.yaml_tree import parse_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("-5", -5),
        ("+80", 80),
        ("010", 8),
        ("08", "08"),
        ("0x1F", 31),
        ("0o17", "0o17"),
        ("1_000", "1_000"),
        ("1.5", "1.5"),
        ("1e3", "1e3"),
        ("2147483647", 2147483647),
        ("2147483648", "2147483648"),
        ("99999999999999999999", "99999999999999999999"),
        ("0x80000000", "2147483648"),
        ("y", True),
        ("Yes", True),
        ("ON", True),
        ("oN", "oN"),
        ("tRUE", "tRUE"),
        ("n", False),
        ("off", False),
        ("~", None),
        ("NULL", None),
        ("nULL", "nULL"),
        ('"5"', "5"),
        ("'true'", "true"),
        ('""', ""),
        ("1:30", "1:30"),
        ("2026-01-01", "2026-01-01"),
        (".inf", ".inf"),
        ("!!str 5", 5),
        ('!!int "5"', 5),
        ("|\n  5", "5\n"),
        ("", None),
    ],
)
def test_scalars(text, value):
    tree = parse_yaml(f"a: {text}\n")
    assert tree == {"a": value}
    assert type(tree["a"]) is type(value)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("{a: 1, a: 2}", {"a": 2}),
        ("{1: x, true: y}", {"1": "x", "true": True}),
        ("{<<: {a: 1}}", {"<<": {"a": 1}}),
        ("{!ignore a: 1, b: 2}", {"b": 2}),
        ("{a: &x {b: 1}, c: *x}", {"a": {"b": 1}, "c": {"b": 1}}),
        ("{&k a: 1, b: *k}", {"a": 1, "b": "a"}),
        ("{? a : 1}", {"a": 1}),
        ("a: [1, [2], {b: }]", {"a": [1, [2], {"b": None}]}),
        ("--- {a: 1}\n--- {a: 2}", {"a": 1}),
        ("%YAML 1.2\n---\na: 1", {"a": 1}),
        ("\ufeffa: 1", {"a": 1}),
        ("# nothing", None),
        ("", None),
        ("x", "x"),
    ],
)
def test_documents(text, tree):
    assert parse_yaml(text) == tree


def test_flow_text_may_be_indented_less_than_its_key():
    assert parse_yaml("a:\n    b: {\n  c: 1 }\n") == {"a": {"b": {"c": 1}}}


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        ("a: *x", 1, "no anchor is called 'x'"),
        ("a: &x [*x]", 1, "no anchor is called 'x'"),
        ("a: 1\n? [b]\n: 2", 2, "a key must be a scalar"),
        ("a: [1\n", 2, "flow sequence"),
        ("a:\n\tb: 1", 2, "cannot start any token"),
        ("[" * 101 + "]" * 101, 1, "nested more than 100 deep"),
    ],
)
def test_errors_have_positions(text, line, part):
    with pytest.raises(ConfigSyntaxError) as error:
        parse_yaml(text)
    assert error.value.line == line
    assert part in error.value.message
