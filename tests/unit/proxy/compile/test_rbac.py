from lateen.proxy.compile.rbac import compile_rules
from tests.support.messages import context, errors, message, unsupported


def compiled(text, ctx=None, requests=False):
    source = message("config.rbac.v3.RBAC", text)
    assert unsupported(source) == []
    return compile_rules(ctx or context(), source, "p", requests=requests)


def one(permission="any: true", principal="any: true", **more):
    policy = f"{{permissions: [{{{permission}}}], principals: [{{{principal}}}]}}"
    (found,) = compiled(f"{{policies: {{a: {policy}}}}}", **more).policies
    return found.permissions[0], found.principals[0]


def test_policies_come_in_the_order_of_their_names():
    policy = "{permissions: [{any: true}], principals: [{any: true}]}"
    rules = compiled(f"{{action: DENY, policies: {{b: {policy}, a: {policy}}}}}")
    assert [policy.name for policy in rules.policies] == ["a", "b"]
    assert rules.action == 1


def test_permissions():
    rule, _ = one("destination_port: 80")
    assert (rule.destination_port.start, rule.destination_port.end) == (80, 81)
    rule, _ = one("destination_port_range: {start: 1, end: 5}")
    assert (rule.destination_port.start, rule.destination_port.end) == (1, 5)
    rule, _ = one("requested_server_name: {suffix: .test}")
    assert rule.requested_server_name.suffix == ".test"
    rule, _ = one("and_rules: {rules: [{any: true}, {not_rule: {any: true}}]}")
    first, second = getattr(rule, "and").rules
    assert first.any
    assert getattr(second, "not").any


def test_principals():
    addresses = "{address_prefix: 10.0.0.0, prefix_len: 8}"
    for field, kind in (
        ("source_ip", "connection_ip"),
        ("direct_remote_ip", "direct_remote_ip"),
        ("remote_ip", "remote_ip"),
    ):
        _, rule = one(principal=f"{field}: {addresses}")
        assert rule.WhichOneof("kind") == kind
    _, rule = one(principal="authenticated: {principal_name: {exact: a}}")
    assert rule.authenticated.principal_name.exact == "a"
    _, rule = one(principal="authenticated: {}")
    assert not rule.authenticated.HasField("principal_name")
    _, rule = one(principal="filter_state: {key: k, string_match: {exact: v}}")
    assert (rule.filter_state.key, rule.filter_state.string.exact) == ("k", "v")


def test_metadata():
    matcher = "filter: f, path: [{key: a}, {key: b}], value: {or_match: {value_matchers: [%s, %s]}}"
    text = matcher % ("{double_match: {range: {start: 1, end: 2}}}", "{present_match: true}")
    rule, _ = one(f"metadata: {{{text}}}")
    assert list(rule.metadata.matcher.path) == ["f", "a", "b"]
    first, second = rule.metadata.matcher.value.any_of.values
    assert (first.range.start, first.range.end) == (1, 2)
    assert second.present


def test_headers_where_there_are_none():
    ctx = context()
    one('header: {name: a, string_match: {exact: "1"}}', ctx=ctx)
    assert errors(ctx) == [
        "p.policies[a].permissions[0].header:"
        ' Found header(name: "a") rule,not supported by RBAC network filter'
    ]
    ctx = context()
    rule, _ = one('header: {name: a, string_match: {exact: "1"}}', ctx=ctx, requests=True)
    assert errors(ctx) == []
    assert rule.header.name == "a"
