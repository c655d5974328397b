import pytest
import yaml
from google.protobuf import json_format

from lateen.protos import envoy_types
from lateen.proxy.compile.expressions import compile_text, compile_tree
from tests.support.messages import context, errors, message


def tree(text, ctx):
    types = envoy_types()
    expr = types.message_class("google.api.expr.v1alpha1.Expr")()
    json_format.ParseDict(yaml.safe_load(text), expr, descriptor_pool=types.pool)
    return compile_tree(ctx, expr, "at")


def kinds(expression):
    return [node.WhichOneof("kind") for node in expression.nodes]


def test_a_tree_becomes_nodes_after_their_parts():
    ctx = context()
    left = "{select_expr: {operand: {ident_expr: {name: request}}, field: path}}"
    right = "{const_expr: {string_value: /a}}"
    expression = tree(f"{{call_expr: {{function: _==_, args: [{left}, {right}]}}}}", ctx)
    assert errors(ctx) == []
    assert kinds(expression) == ["name", "select", "text", "call"]
    assert list(expression.nodes[3].call.arguments) == [1, 2]
    assert not expression.nodes[3].call.method


def test_constants_lists_maps_and_methods():
    ctx = context()
    items = ", ".join(
        f"{{const_expr: {{{each}}}}}"
        for each in (
            "null_value: NULL_VALUE",
            "bool_value: true",
            "int64_value: -1",
            "uint64_value: 1",
            "double_value: 1.5",
            "bytes_value: YQ==",
            "duration_value: 1.5s",
            "timestamp_value: '1970-01-01T00:00:02Z'",
        )
    )
    expression = tree(f"{{list_expr: {{elements: [{items}]}}}}", ctx)
    assert kinds(expression) == [
        *("null", "boolean", "integer", "unsigned", "double", "data"),
        *("duration_ns", "timestamp_ns", "list"),
    ]
    assert expression.nodes[6].duration_ns == 1_500_000_000
    one = "{const_expr: {int64_value: 1}}"
    entry = f"{{map_key: {one}, value: {one}}}"
    target = f"{{struct_expr: {{entries: [{entry}]}}}}"
    expression = tree(f"{{call_expr: {{target: {target}, function: size}}}}", ctx)
    assert kinds(expression) == ["integer", "integer", "map", "call"]
    assert expression.nodes[3].call.method
    assert errors(ctx) == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{}", "Invalid empty expression"),
        ("{const_expr: {}}", "unspecified constant"),
        ("{ident_expr: {}}", "Invalid expression: identifier 'name' must not be empty"),
        ("{select_expr: {field: a}}", "invalid expression: select must specify an operand"),
        ("{struct_expr: {message_name: M}}", "messages are not implemented"),
        ("{struct_expr: {entries: [{field_key: a}]}}", "an entry of a map has a key"),
        ("{comprehension_expr: {}}", "Comprehension support is disabled"),
    ],
)
def test_what_is_no_tree_is_refused(text, reason):
    ctx = context()
    tree(text, ctx)
    assert errors(ctx) == [f"at: failed to create an expression: {reason}"]


def test_a_mistake_in_a_text_has_its_place():
    ctx = context()
    compile_text(ctx, "1 +", "at")
    reason = "1:4: a value is expected, not the end"
    assert errors(ctx) == [f"at: Not able to parse expression: {reason}"]


def test_the_node_is_known_where_it_may_be():
    ctx = context()
    ctx.node = {"id": "me", "metadata": {"a": 1}}
    expression = compile_text(ctx, "xds.node.id == 'me'", "at", with_node=True)
    assert kinds(expression) == ["json", "select", "text", "call"]
    assert kinds(compile_text(ctx, "has(xds.node)", "at", with_node=True)) == ["boolean"]
    assert kinds(compile_text(ctx, "xds.node.id", "at")) == ["name", "select", "select"]
    assert errors(ctx) == []
    for text in ("xds.node", "xds.node.nothing", "xds.node['nothing']", "size(xds.node)"):
        compile_text(ctx, text, "at", with_node=True)
    assert len(errors(ctx)) == 4


def test_a_configuration_adds_functions():
    ctx = context()
    config = message("config.core.v3.CelExpressionConfig", "{enable_string_concat: true}")
    expression = compile_text(ctx, "'a' + 'b'", "at", config)
    assert expression.string_concat
    assert not expression.string_functions
