import math

import pytest

from lateen.config.syntax import ConfigSyntaxError
from lateen.control.documents import plain_scalar, read_documents


def trees(text):
    return [document.tree for document in read_documents("a.yaml", text)]


def test_documents_that_are_empty_are_left_out():
    assert trees("---\na: 1\n---\n---\n# nothing\n---\nb: 2\n") == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", True),
        ("Off", False),
        ("~", None),
        ("010", 8),
        ("08", 8),
        ("0x1F", 31),
        ("0b101", 5),
        ("1_000", 1000),
        ("-5", -5),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("1" * 5000, math.inf),
        ("1:30", "1:30"),
        ("2026-01-31", "2026-01-31"),
        ("10.0.0.1", "10.0.0.1"),
        ("v1", "v1"),
    ],
)
def test_plain_scalars_are_what_kubernetes_reads(text, value):
    assert plain_scalar(text) == value
    assert type(plain_scalar(text)) is type(value)


def test_quoted_scalars_are_texts():
    assert trees("a: 'yes'\nb: \"010\"\nc: |\n  1\n") == [{"a": "yes", "b": "010", "c": "1\n"}]


def test_merge_keys_give_way_to_what_is_written():
    assert trees("base: &b {a: 1, c: 2}\nuse:\n  <<: *b\n  a: 3\n") == [
        {"base": {"a": 1, "c": 2}, "use": {"a": 3, "c": 2}}
    ]


def test_a_text_in_brackets_may_end_with_a_colon():
    assert trees("a: [10.0.0.1, 2001:db8::]\n") == [{"a": ["10.0.0.1", "2001:db8::"]}]


@pytest.mark.parametrize(
    ("text", "message", "line", "column"),
    [
        ("a: 1\nb: [\n", "did not find expected node content", 3, 1),
        ("a: 1\na: 2\n", "key 'a' is set twice", 2, 1),
        ("? [a]\n: b\n", "a key must be a scalar", 1, 3),
        ("<<: 5\n", "`<<` takes a mapping", 1, 5),
        ("[" * 150 + "]" * 150, "nested more than 100 deep", 1, 102),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text, message, line, column):
    with pytest.raises(ConfigSyntaxError) as caught:
        read_documents("a.yaml", text)
    assert message in caught.value.message
    assert (caught.value.line, caught.value.column) == (line, column)


def test_positions_are_those_of_keys_and_items():
    text = "a: 1\n---\nspec:\n  list:\n    - x: 1\n    - y: 2\n"
    document = read_documents("a.yaml", text)[1]
    assert document.position(("spec", "list")) == (4, 3)
    assert document.position(("spec", "list", 1)) == (6, 7)
    assert document.position(("spec", "list", 1, "y")) == (6, 7)
    assert document.position(("spec", "missing", "deeper")) == (3, 1)
