from lateen.protos.worker_pb2 import MatchAction, MatchInput
from lateen.proxy.compile.match_inputs import Asked
from lateen.proxy.compile.matcher_tree import compile_matcher
from tests.support.messages import context, errors, message

_NETWORK = "type.googleapis.com/envoy.extensions.matching.common_inputs.network.v3"
_STRING = "type.googleapis.com/google.protobuf.StringValue"
_ACTION = f'{{name: a, typed_config: {{"@type": {_STRING}, value: x}}}}'


def compiled(text, ctx=None, asked=Asked.CONNECTION):
    listener = message("config.listener.v3.Listener", f"{{filter_chain_matcher: {{{text}}}}}")
    source = listener.filter_chain_matcher
    return compile_matcher(ctx or context(), source, lambda *_: MatchAction(name="x"), asked, "p")


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


def expression(input_, expr, ctx, asked=Asked.CONNECTION):
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
        ctx, source.filter_chain_matcher, lambda *_: MatchAction(name="x"), asked, "p"
    )
    return tree.list.matchers[0].predicate.single.expression


_TRUE = "parsed_expr: {expr: {const_expr: {bool_value: true}}}"
_ATTRIBUTES = "type.googleapis.com/xds.type.matcher.v3.HttpAttributesCelMatchInput"


def test_an_expression_about_requests():
    ctx = context()
    assert expression(_ATTRIBUTES, _TRUE, ctx, Asked.REQUEST).nodes[0].boolean
    assert errors(ctx) == []


def test_an_expression_needs_attributes_of_requests_and_a_tree():
    ctx = context()
    expression(_ATTRIBUTES, _TRUE, ctx)
    expression(f"{_NETWORK}.SourceIPInput", _TRUE, ctx, Asked.REQUEST)
    expression(_ATTRIBUTES, "cel_expr_string: 'true'", ctx, Asked.EXCHANGE)
    expression(_ATTRIBUTES, _TRUE, ctx, Asked.ROUTE)
    first, second, third, fourth = errors(ctx)
    assert "RBAC network filter cannot match" in first
    assert "Unsupported data input type" in second
    assert "CEL expression not set" in third
    assert "Route table can only match on request headers" in fourth


def looked_at(name, fields="", asked=Asked.EXCHANGE, ctx=None):
    """The input of a tree with one entry."""
    config = f'{{name: i, typed_config: {{"@type": type.googleapis.com/{name}{fields}}}}}'
    text = (
        f"matcher_tree: {{input: {config}, exact_match_map: {{map: {{a: {{action: {_ACTION}}}}}}}}}"
    )
    return compiled(text, ctx, asked).tree.input


def test_what_is_asked_about_decides_which_inputs_there_are():
    header = ("envoy.type.matcher.v3.HttpResponseHeaderMatchInput", ", header_name: X-A")
    found = looked_at(*header)
    assert (found.kind, list(found.path)) == (MatchInput.RESPONSE_HEADER, ["x-a"])
    for asked in (Asked.CONNECTION, Asked.ROUTE, Asked.REQUEST):
        ctx = context()
        looked_at(*header, asked, ctx)
        (error,) = errors(ctx)
        assert error.startswith(f"p.matcher_tree.input: matching input {header[0]} is not")


def test_an_environment_variable_is_read_with_the_configuration():
    name = "envoy.extensions.matching.common_inputs.environment_variable.v3.Config"
    ctx = context(environment={"E": "x"})
    assert list(looked_at(name, ", name: E", ctx=ctx).path) == ["x"]
    absent = looked_at(name, ", name: F", ctx=ctx)
    assert (absent.kind, list(absent.path)) == (MatchInput.CONSTANT, [])


def matched(name, fields, ctx=None):
    """The condition of a list with a custom matcher."""
    kind = f"type.googleapis.com/envoy.extensions.matching.input_matchers.{name}"
    config = f'{{name: m, typed_config: {{"@type": {kind}, {fields}}}}}'
    single = f"single_predicate: {{input: {given('ServerNameInput')}, custom_match: {config}}}"
    text = (
        f"matcher_list: {{matchers: [{{predicate: {{{single}}},"
        f" on_match: {{action: {_ACTION}}}}}]}}"
    )
    return compiled(text, ctx).list.matchers[0].predicate.single


def test_conditions_that_are_no_strings():
    ranges = matched("ip.v3.Ip", "cidr_ranges: [{address_prefix: 10.0.0.0, prefix_len: 8}]")
    assert ranges.ranges.ranges[0].address == "10.0.0.0"
    hashed = matched("consistent_hashing.v3.ConsistentHashing", "modulo: 9, threshold: 3, seed: 7")
    assert (hashed.hashed.modulo, hashed.hashed.threshold, hashed.hashed.seed) == (9, 3, 7)
    value = matched("metadata.v3.Metadata", "value: {bool_match: true}, invert: true").value
    assert (value.value.json, value.invert) == ("true", True)
    ctx = context()
    matched("runtime_fraction.v3.RuntimeFraction", "seed: 1", ctx)
    assert "custom matcher" in errors(ctx)[0]


def test_every_match_counts():
    ctx = context()
    compiled(f"on_no_match: {{action: {_ACTION}, keep_matching: true}}", ctx)
    assert errors(ctx) == [
        "p.on_no_match.keep_matching: keep_matching is not supported in this context"
    ]
