from lateen.protos.worker_pb2 import MatchAction, MatchInput
from lateen.proxy.compile.matcher_tree import compile_matcher
from tests.support.messages import context, errors, message

_NETWORK = "type.googleapis.com/envoy.extensions.matching.common_inputs.network.v3"
_STRING = "type.googleapis.com/google.protobuf.StringValue"
_ACTION = f'{{name: a, typed_config: {{"@type": {_STRING}, value: x}}}}'


def compiled(text, ctx=None):
    listener = message("config.listener.v3.Listener", f"{{filter_chain_matcher: {{{text}}}}}")
    return compile_matcher(
        ctx or context(), listener.filter_chain_matcher, lambda *_: MatchAction(name="x"), "p"
    )


def given(name, more=""):
    return f'{{name: i, typed_config: {{"@type": {_NETWORK}.{name}{more}}}}}'


def test_a_map():
    tree = compiled(
        f"matcher_tree: {{input: {given('DestinationPortInput')},"
        f" exact_match_map: {{map: {{'80': {{action: {_ACTION}}}}}}}}},"
        f" on_no_match: {{action: {_ACTION}}}"
    )
    assert tree.tree.input.kind == MatchInput.DESTINATION_PORT
    (entry,) = tree.tree.exact.entries
    assert (entry.key, entry.value.action.name) == ("80", "x")
    assert tree.on_no_match.action.name == "x"


def test_ranges_need_an_address():
    match = (
        'custom_match: {name: m, typed_config: {"@type":'
        " type.googleapis.com/xds.type.matcher.v3.IPMatcher, range_matchers: [{ranges:"
        f" [{{address_prefix: 10.0.0.0, prefix_len: 8}}], on_match: {{action: {_ACTION}}},"
        " exclusive: true}]}}"
    )
    ctx = context()
    tree = compiled(f"matcher_tree: {{input: {given('SourceIPInput')}, {match}}}", ctx)
    (entry,) = tree.tree.ranges.entries
    assert (entry.ranges[0].address, entry.ranges[0].prefix_len) == ("10.0.0.0", 8)
    assert entry.exclusive
    assert errors(ctx) == []
    compiled(f"matcher_tree: {{input: {given('SourcePortInput')}, {match}}}", ctx)
    assert "an input that is an IP address" in errors(ctx)[0]


def test_a_list_of_predicates():
    single = f"single_predicate: {{input: {given('ServerNameInput')}, value_match: {{suffix: t}}}}"
    tree = compiled(
        f"matcher_list: {{matchers: [{{predicate: {{not_matcher: {{{single}}}}},"
        f" on_match: {{matcher: {{on_no_match: {{action: {_ACTION}}}}}}}}}]}}"
    )
    (field,) = tree.list.matchers
    inverted = getattr(field.predicate, "not").single
    assert inverted.input.kind == MatchInput.SERVER_NAME
    assert inverted.string.suffix == "t"
    assert field.on_match.matcher.on_no_match.action.name == "x"


def test_inputs_with_a_path():
    more = ", filter: f, path: [{key: a}]"
    text = "matcher_tree: {input: %s, prefix_match_map: {map: {'a': {action: %s}}}}"
    tree = compiled(text % (given("DynamicMetadataInput", more), _ACTION))
    assert list(tree.tree.input.path) == ["f", "a"]
    tree = compiled(text % (given("FilterStateInput", ", key: k"), _ACTION))
    assert (tree.tree.input.kind, list(tree.tree.input.path)) == (MatchInput.FILTER_STATE, ["k"])


def expression(input_, expr, ctx, **more):
    types = "type.googleapis.com/xds.type.matcher.v3"
    matcher = f'{{"@type": {types}.CelMatcher, expr_match: {{{expr}}}}}'
    predicate = (
        f"{{single_predicate: {{input: {{name: i, typed_config: {{'@type': {input_}}}}},"
        f" custom_match: {{name: c, typed_config: {matcher}}}}}}}"
    )
    text = (
        f"matcher_list: {{matchers: [{{predicate: {predicate}, on_match: {{action: {_ACTION}}}}}]}}"
    )
    source = message("config.listener.v3.Listener", f"{{filter_chain_matcher: {{{text}}}}}")
    tree = compile_matcher(
        ctx, source.filter_chain_matcher, lambda *_: MatchAction(name="x"), "p", **more
    )
    return tree.list.matchers[0].predicate.single.expression


_TRUE = "parsed_expr: {expr: {const_expr: {bool_value: true}}}"
_ATTRIBUTES = "type.googleapis.com/xds.type.matcher.v3.HttpAttributesCelMatchInput"


def test_an_expression_about_requests():
    ctx = context()
    assert expression(_ATTRIBUTES, _TRUE, ctx, requests=True).nodes[0].boolean
    assert errors(ctx) == []


def test_an_expression_needs_attributes_of_requests_and_a_tree():
    ctx = context()
    expression(_ATTRIBUTES, _TRUE, ctx)
    expression(f"{_NETWORK}.SourceIPInput", _TRUE, ctx, requests=True)
    expression(_ATTRIBUTES, "cel_expr_string: 'true'", ctx, requests=True)
    first, second, third = errors(ctx)
    assert "RBAC network filter cannot match" in first
    assert "Unsupported data input type" in second
    assert "CEL expression not set" in third
