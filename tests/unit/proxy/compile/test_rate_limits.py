from lateen.protos.worker_pb2 import RateLimit
from lateen.proxy.compile.rate_limits import compile_rate_limits
from tests.support.messages import context, errors, message, unsupported

_TYPE = "config.route.v3.RateLimit"


def compiled(text, ctx=None):
    source = message(_TYPE, text)
    (limit,) = compile_rate_limits(ctx or context(), [source], "r")
    return limit


def action(text, ctx=None):
    return compiled(f"actions: [{{{text}}}]", ctx).actions[0]


def test_keys_have_defaults():
    assert action("generic_key: {descriptor_value: a}").generic.key == "generic_key"
    query = action("query_parameters: {query_parameter_name: q}").query_parameter
    assert (query.name, query.key, query.optional) == ("q", "q", False)
    headers = "headers: [{name: a, present_match: true}]"
    matched = action(f"header_value_match: {{descriptor_value: a, {headers}}}").headers
    assert (matched.entry.key, matched.entry.value, matched.expected) == ("header_match", "a", True)
    source = f"header_value_match: {{descriptor_value: a, expect_match: false, {headers}}}"
    assert not action(source).headers.expected


def test_request_headers_are_known_in_lower_case():
    header = action("request_headers: {header_name: X-A, descriptor_key: k, skip_if_absent: true}")
    named = header.request_header
    assert (named.name, named.key, named.optional) == ("x-a", "k", True)


def test_addresses():
    mask = action("masked_remote_address: {v4_prefix_mask_len: 8}").masked_remote_address
    assert mask.v4 == 8
    assert not mask.HasField("v6")
    ranges = "{ranges: [{address_prefix: 10.0.0.0, prefix_len: 8}], invert_match: true}"
    matched = action(f"remote_address_match: {{descriptor_value: a, address_matcher: {ranges}}}")
    assert matched.remote_address_in.ranges[0].prefix_len == 8
    assert matched.remote_address_in.inverted


def test_metadata():
    key = "metadata_key: {key: f, path: [{key: a}]}"
    metadata = action(f"metadata: {{descriptor_key: k, {key}, source: ROUTE_ENTRY}}").metadata
    assert (list(metadata.path), metadata.of_route) == (["f", "a"], True)
    ctx = context()
    action(f"metadata: {{descriptor_key: k, {key}, source: CLUSTER_ENTRY}}", ctx)
    (error,) = errors(ctx)
    assert error.startswith("r[0].actions[0].metadata.source: source CLUSTER_ENTRY")


def test_hits_stages_and_headers():
    limit = compiled("stage: 2\ndisable_key: d\nactions: [{remote_address: {}}]")
    assert (limit.stage, limit.disable_key, limit.WhichOneof("hits")) == (2, "d", None)
    limit = compiled("""
        actions: [{remote_address: {}}]
        hits_addend: {number: 3, is_negative_hits: true}
        x_ratelimit_option: DRAFT_VERSION_03
    """)
    assert (limit.number, limit.gives_back, limit.headers) == (3, True, RateLimit.ON)
    limit = compiled("actions: [{remote_address: {}}]\nhits_addend: {format: '%REQ(n)%'}")
    assert limit.format.pieces[0].command.name == "REQ"


def test_what_applies_at_the_end_is_refused():
    source = message(_TYPE, "apply_on_stream_done: true\nactions: [{remote_address: {}}]")
    (found,) = unsupported(source)
    assert found.startswith("error x.apply_on_stream_done")


def extension(fields, ctx=None):
    name = "type.googleapis.com/envoy.extensions.rate_limit_descriptors.expr.v3.Descriptor"
    config = f'{{"@type": {name}, descriptor_key: k, {fields}}}'
    return action(f"extension: {{name: e, typed_config: {config}}}", ctx)


def test_an_expression_makes_an_entry():
    computed = extension("text: request.method, skip_if_error: true").computed
    assert (computed.key, computed.optional) == ("k", True)
    assert computed.expression.nodes[1].select.field == "method"
    computed = extension("parsed: {const_expr: {string_value: a}}").computed
    assert computed.expression.nodes[0].text == "a"


def test_an_expression_that_cannot_be_is_reported():
    ctx = context()
    extension("text: '1 +'", ctx)
    extension("skip_if_error: true", ctx)
    first, second = errors(ctx)
    assert first.startswith("r[0].actions[0].extension.typed_config.text: Not able to parse")
    assert second.endswith("expression specifier is not set")
