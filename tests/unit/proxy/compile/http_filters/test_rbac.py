from lateen.protos.worker_pb2 import FilterOverride, MatchInput
from lateen.proxy.compile.http_filters.rbac import compile_rbac, compile_rbac_override
from tests.support.messages import OWNER, context, errors, message

_PACKAGE = "extensions.filters.http.rbac.v3"
RULES = "{policies: {p: {permissions: [{%s}], principals: [{any: true}]}}}"
ANY = RULES % "any: true"
TREE = """
matcher:
  matcher_tree:
    input:
      name: i
      typed_config: {"@type": "type.googleapis.com/%s"}
    exact_match_map:
      map:
        a:
          action:
            name: a
            typed_config:
              "@type": type.googleapis.com/envoy.config.rbac.v3.Action
              name: named
              action: DENY
"""


def compiled(text, ctx=None):
    source = message(f"{_PACKAGE}.RBAC", text)
    return compile_rbac(ctx or context(), source, OWNER, "f").rbac


def test_rules_and_shadow_rules():
    header = RULES % 'header: {name: a, string_match: {exact: "1"}}'
    config = compiled(f"rules: {header}\nshadow_rules: {ANY}\ntrack_per_rule_stats: true").config
    assert config.rules.policies[0].permissions[0].header.name == "a"
    assert config.shadow_rules.policies[0].permissions[0].any
    assert config.track_per_rule_stats
    assert not compiled("").config.HasField("rules")


def test_stats_are_below_the_connection_manager_and_the_prefixes():
    ctx = context()
    rbac = compiled("rules_stat_prefix: en\nshadow_rules_stat_prefix: sh.", ctx)
    assert ctx.blocks[rbac.stats_block].prefix == "http.web.rbac.en"
    assert ctx.blocks[rbac.shadow_stats_block].prefix == "http.web.rbac.sh"
    assert (rbac.config.prefix, rbac.config.shadow_prefix) == ("en", "sh.")
    ctx = context()
    assert ctx.blocks[compiled("", ctx).stats_block].prefix == "http.web.rbac"


def test_an_override():
    out = FilterOverride(filter="f")
    source = message(f"{_PACKAGE}.RBACPerRoute", f"rbac: {{rules: {ANY}}}")
    compile_rbac_override(context(), source, out, "o")
    assert out.rbac.rules.policies[0].name == "p"
    out = FilterOverride(filter="f")
    compile_rbac_override(context(), message(f"{_PACKAGE}.RBACPerRoute", ""), out, "o")
    assert not out.rbac.HasField("rules")


def test_a_matcher_looks_at_requests():
    ctx = context()
    header = 'envoy.type.matcher.v3.HttpRequestHeaderMatchInput", "header_name": "X-A'
    tree = compiled(TREE % header, ctx).config.rules.matcher.tree
    assert (tree.input.kind, list(tree.input.path)) == (MatchInput.REQUEST_HEADER, ["x-a"])
    action = tree.exact.entries[0].value.action
    assert (action.name, action.rbac) == ("named", 1)
    san = "envoy.extensions.matching.common_inputs.ssl.v3.UriSanInput"
    assert compiled(TREE % san, ctx).config.rules.matcher.tree.input.kind == MatchInput.URI_SAN
    assert errors(ctx) == []


def test_an_input_of_connections_alone_is_refused():
    ctx = context()
    name = "envoy.extensions.matching.common_inputs.network.v3.SourceTypeInput"
    compiled(TREE % name, ctx)
    (error,) = errors(ctx)
    assert error.startswith("f.matcher.matcher_tree.input: ")
    assert name in error


def condition(fields, ctx):
    policy = f"{{permissions: [{{any: true}}], principals: [{{any: true}}], {fields}}}"
    rules = compiled(f"rules: {{policies: {{a: {policy}}}}}", ctx).config.rules
    return rules.policies[0].condition


def test_a_condition_comes_before_a_checked_one():
    ctx = context()
    true, false = "{const_expr: {bool_value: true}}", "{const_expr: {bool_value: false}}"
    both = f"condition: {true}, checked_condition: {{expr: {false}}}"
    assert condition(both, ctx).nodes[0].boolean
    assert condition(f"checked_condition: {{expr: {true}}}", ctx).nodes[0].boolean
    config = "cel_config: {enable_string_conversion: true}"
    assert condition(f"condition: {true}, {config}", ctx).string_conversion
    assert errors(ctx) == []
    condition("condition: {}", ctx)
    (error,) = errors(ctx)
    assert error.startswith("f.rules.policies[a].condition: ")
