import pytest

from lateen.protos.worker_pb2 import AppendAction
from lateen.proxy.compile.headers import compile_mutations, compile_option
from tests.support.messages import context, errors, message, warnings


def option(text, ctx=None):
    source = message("config.core.v3.HeaderValueOption", text)
    return compile_option(ctx or context(), source, "h")


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("{}", AppendAction.APPEND_IF_EXISTS_OR_ADD),
        ("append: true", AppendAction.APPEND_IF_EXISTS_OR_ADD),
        ("append: false", AppendAction.OVERWRITE_IF_EXISTS_OR_ADD),
        ("append_action: ADD_IF_ABSENT", AppendAction.ADD_IF_ABSENT),
        ("append_action: OVERWRITE_IF_EXISTS", AppendAction.OVERWRITE_IF_EXISTS),
        ("append_action: OVERWRITE_IF_EXISTS_OR_ADD", AppendAction.OVERWRITE_IF_EXISTS_OR_ADD),
    ],
)
def test_how_a_header_is_added(text, action):
    assert option(text).action == action


def test_both_spellings_of_the_action_are_an_error():
    ctx = context()
    option("{header: {key: a, value: b}, append: true, append_action: ADD_IF_ABSENT}", ctx)
    assert errors(ctx) == ["h.append: Both append and append_action are set and it's not allowed"]


def test_a_value_is_a_format_and_a_name_is_in_lower_case():
    compiled = option("{header: {key: X-A, value: 'a%REQ(b)%'}, keep_empty_value: true}")
    assert compiled.name == "x-a"
    assert compiled.value.pieces[0].literal == "a"
    assert compiled.value.pieces[1].command.argument == "b"
    assert compiled.keep_empty_value


def test_raw_bytes_stand_in_for_a_value():
    assert option("header: {key: a, raw_value: w6k=}").value.pieces[0].literal == "é"


@pytest.mark.parametrize("name", [":path", "host", "Host", ":authority"])
def test_pseudo_headers_and_host_are_left_alone(name):
    ctx = context()
    option({"header": {"key": name, "value": "x"}}, ctx)
    lists = message("config.route.v3.VirtualHost", {"response_headers_to_remove": ["ok", name]})
    compile_mutations(ctx, lists, "v")
    assert errors(ctx) == [
        "h.header.key: :-prefixed or host headers may not be modified",
        "v.response_headers_to_remove[1]: :-prefixed or host headers may not be removed",
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('%UPSTREAM_METADATA(["a", "b"])%', "UPSTREAM_METADATA a:b"),
        ('%DYNAMIC_METADATA(["a","b","c"])%', "DYNAMIC_METADATA a:b:c"),
        ("%PER_REQUEST_STATE(a)%", "FILTER_STATE a:PLAIN"),
    ],
)
def test_obsolete_forms_are_translated_with_a_warning(old, new):
    ctx = context()
    command = option({"header": {"key": "a", "value": old}}, ctx).value.pieces[0].command
    assert f"{command.name} {command.argument}" == new
    assert errors(ctx) == []
    assert len(warnings(ctx)) == 1


def test_the_four_lists_keep_their_order():
    lists = message(
        "config.route.v3.VirtualHost",
        """
        request_headers_to_add: [{header: {key: b, value: '1'}}, {header: {key: a, value: '2'}}]
        request_headers_to_remove: [Z, y]
        response_headers_to_add: [{header: {key: c, value: '3'}}]
        response_headers_to_remove: [x]
        """,
    )
    compiled = compile_mutations(context(), lists, "v")
    assert [o.name for o in compiled.request_add] == ["b", "a"]
    assert list(compiled.request_remove) == ["z", "y"]
    assert [o.name for o in compiled.response_add] == ["c"]
    assert list(compiled.response_remove) == ["x"]
