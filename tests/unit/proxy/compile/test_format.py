import pytest

from lateen.proxy.compile.format import (
    FormatError,
    compile_format,
    compile_json_format,
    split_format,
)
from tests.support.messages import context, errors


def pieces(text):
    """Literals as text, commands as (name, argument, length)."""
    return [
        piece.literal
        if piece.WhichOneof("kind") == "literal"
        else (
            piece.command.name,
            piece.command.argument if piece.command.HasField("argument") else None,
            piece.command.max_length if piece.command.HasField("max_length") else None,
        )
        for piece in split_format(text)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("plain", ["plain"]),
        ("100%%", ["100%"]),
        ("%%%PROTOCOL%%%", ["%", ("PROTOCOL", None, None), "%"]),
        ("a %REQ(:PATH)% b", ["a ", ("REQ", ":PATH", None), " b"]),
        ("%REQ(A?B):10%", [("REQ", "A?B", 10)]),
        ("%START_TIME(%Y/%m:%3f)%", [("START_TIME", "%Y/%m:%3f", None)]),
        ("%REQ(a)%%RESP(b)%", [("REQ", "a", None), ("RESP", "b", None)]),
        ("%REQ(a):0%", [("REQ", "a", 0)]),
        ("%RESP(a):999999999999%", [("RESP", "a", 2**32 - 1)]),
        ("%DYNAMIC_METADATA(ns:key:inner):7%", [("DYNAMIC_METADATA", "ns:key:inner", 7)]),
    ],
)
def test_a_format_is_split_into_literals_and_commands(text, expected):
    assert pieces(text) == expected


# What Envoy 1.40 prints for the same format strings.
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("%", "Incorrect configuration: %. Couldn't find valid command at position 0"),
        ("é%b", "Incorrect configuration: é%b. Couldn't find valid command at position 2"),
        ("%BYTES_SENT", "Incorrect configuration: %BYTES_SENT. Couldn't find valid command at"),
        ("%req(a)%", "Incorrect configuration: %req(a)%. Couldn't find valid command at position"),
        ("%REQ(a):x%", "Couldn't find valid command at position 0"),
        ("%REQ(a)%%", "Couldn't find valid command at position 8"),
        ("%FOO%", "Not supported field in StreamInfo: FOO"),
        ("%REQ%", "REQ requires parameters"),
        ("%REQ()%", "REQ requires parameters"),
        ("%REQ(a?b?c)%", "More than 1 alternative header specified in token: a?b?c"),
        ("%REQ(a b)%", "Invalid header configuration. Format string contains invalid characters."),
        ("%PROTOCOL(x)%", "PROTOCOL does not take any parameters or length"),
        ("%PROTOCOL:3%", "PROTOCOL does not take any parameters or length"),
        ("%START_TIME:3%", "START_TIME does not allow length to be specified."),
        ("%GRPC_STATUS(x)%", "GrpcStatusFormatter only supports CAMEL_STRING, SNAKE_STRING or"),
        ("%PATH(X)%", "Invalid PATH option: 'X', only 'WQ'/'NQ' are allowed"),
        ("%QUERY_PARAMS(X)%", "Invalid QUERY_PARAMS option: 'X', only 'ORIG'/'DECODED' are"),
        ("%COMMON_DURATION(a)%", "Invalid common duration configuration: a."),
        ("%COMMON_DURATION(DS_RX_BEG:DS_TX_END:x)%", "Invalid common duration precision: x."),
        ("%FILTER_STATE()%", "Invalid filter state configuration, key cannot be empty."),
        ("%FILTER_STATE(a:X)%", "Invalid filter state serialize type, only support PLAIN/TYPED/"),
        ("%FILTER_STATE(a:FIELD)%", "FIELD should be used with the field name."),
        ("%METADATA(X:a)%", "X is not supported type of metadata"),
    ],
)
def test_what_envoy_refuses_is_refused_in_its_words(text, reason):
    with pytest.raises(FormatError) as refused:
        split_format(text)
    assert reason in str(refused.value)


def test_a_command_that_is_not_implemented_is_an_error_at_its_place():
    ctx = context()
    compile_format(ctx, "%DOWNSTREAM_CX_RTT%", "a.b")
    assert errors(ctx) == ["a.b: the command DOWNSTREAM_CX_RTT is not implemented"]


def test_json_keeps_types_and_sorts_members():
    ctx = context()
    value = {"z": "%RESPONSE_CODE%", "a": {"n": None, "t": True}, "l": [1, 1.5, "x"]}
    compiled = compile_json_format(ctx, value, "f", omit_empty=True)
    members = compiled.object.members
    assert [m.name for m in members] == ["a", "l", "z"]
    assert [m.value.raw for m in members[0].value.object.members] == ["null", "true"]
    items = members[1].value.list.items
    assert [items[0].raw, items[1].raw] == ["1", "1.5"]
    assert items[2].format.pieces[0].literal == "x"
    assert members[2].value.format.pieces[0].command.name == "RESPONSE_CODE"
    assert members[2].value.format.omit_empty
    assert errors(ctx) == []


def test_an_error_inside_json_names_the_member():
    ctx = context()
    compile_json_format(ctx, {"a": {"b": ["%NOPE%"]}}, "f")
    assert errors(ctx) == ["f.a.b[0]: Not supported field in StreamInfo: NOPE"]


def test_an_expression_is_compiled_with_its_command():
    ctx = context()
    compiled = compile_format(ctx, "a%CEL(size('a)b'))%%TYPED_CEL(1 % 2):5%", "at")
    assert errors(ctx) == []
    _, first, second = (piece.command for piece in compiled.pieces)
    assert [node.WhichOneof("kind") for node in first.expression.nodes] == ["text", "call"]
    assert (second.name, second.max_length) == ("TYPED_CEL", 5)
    assert not second.expression.string_functions


def test_a_mistake_in_an_expression_is_reported():
    ctx = context()
    compile_format(ctx, "%CEL(1 +)%", "at")
    (error,) = errors(ctx)
    assert error.startswith("at: Not able to parse expression: 1:4: ")
