import pytest
from google.protobuf import json_format

from lateen.control.documents import read_documents
from lateen.control.resources.reading import decode_resource
from lateen.control.translate.authz.filters import http_filters, network_filters
from lateen.control.translate.authz.trust import TrustDomains
from lateen.protos import envoy_types

HEAD = """\
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: p, namespace: ns}
"""
MESH = TrustDomains(("new.td", "old.td"))


def policy(spec, head=HEAD):
    (document,) = read_documents("a.yaml", f"{head}spec: {spec}\n")
    resource, _ = decode_resource(document)
    return resource


def shown(filters):
    pool = envoy_types().pool
    unpacked = (envoy_types().unpack(one.typed_config) for one in filters)
    return [json_format.MessageToDict(one, descriptor_pool=pool) for one in unpacked]


def rule_of(spec, build=http_filters, trust=MESH):
    (rbac,) = shown(build([policy(spec)], trust))
    return rbac["rules"]["policies"]


def principals(source):
    return rule_of(f"{{rules: [{{from: [{{source: {source}}}]}}]}}")["ns[ns]-policy[p]-rule[0]"][
        "principals"
    ]


def names(principal):
    (one,) = principal
    return [
        name["authenticated"]["principalName"] for name in one["andIds"]["ids"][0]["orIds"]["ids"]
    ]


def test_no_policy_is_no_filter():
    assert http_filters([], MESH) == []
    assert network_filters([], MESH) == []


def test_a_policy_without_rules_matches_nothing_and_an_empty_rule_everything():
    nothing = {"notRule": {"any": True}}
    assert rule_of("{}")["ns[ns]-policy[p]-rule[0]"]["permissions"] == [nothing]
    everything = {"andRules": {"rules": [{"any": True}]}}
    assert rule_of("{rules: [{}]}")["ns[ns]-policy[p]-rule[0]"]["permissions"] == [everything]


def test_audit_comes_before_deny_before_allow():
    made = http_filters(
        [policy(f"{{action: {action}, rules: [{{}}]}}") for action in ("ALLOW", "DENY", "AUDIT")],
        MESH,
    )
    assert [one["rules"].get("action", "ALLOW") for one in shown(made)] == ["LOG", "DENY", "ALLOW"]


def test_a_principal_of_the_mesh_is_taken_with_every_trust_domain_of_it():
    assert names(principals("{principals: [old.td/ns/a/sa/b]}")) == [
        {"exact": "spiffe://new.td/ns/a/sa/b"},
        {"exact": "spiffe://old.td/ns/a/sa/b"},
    ]
    assert names(principals("{principals: [cluster.local/ns/a/sa/b]}")) == [
        {"exact": "spiffe://new.td/ns/a/sa/b"},
        {"exact": "spiffe://old.td/ns/a/sa/b"},
    ]
    assert names(principals("{principals: ['*/ns/a/sa/b', other/ns/a/sa/b]}")) == [
        {"safeRegex": {"regex": "spiffe://.*/ns/a/sa/b"}},
        {"exact": "spiffe://other/ns/a/sa/b"},
    ]
    assert names(principals("{principals: ['*.td/ns/a/sa/b']}")) == [
        {"safeRegex": {"regex": "spiffe://.*\\.td/ns/a/sa/b"}}
    ]


def test_trust_domains_are_those_of_the_mesh_together():
    assert names(principals("{trustDomains: [old.td, x*, '*']}")) == [
        {"prefix": "spiffe://new.td/"},
        {"prefix": "spiffe://old.td/"},
        {"safeRegex": {"regex": "spiffe://x[^/]*/.*"}},
        {"prefix": "spiffe://"},
    ]


@pytest.mark.parametrize(
    ("value", "issuer", "subject"),
    [
        ("https://i/s", {"exact": "https://i"}, {"exact": "s"}),
        ("https://i/*", {"exact": "https://i"}, {"safeRegex": {"regex": ".+"}}),
        ("https://i/s*", {"exact": "https://i"}, {"prefix": "s"}),
        ("*/s", {"safeRegex": {"regex": ".+"}}, {"exact": "s"}),
        ("*.com/s", {"suffix": ".com"}, {"exact": "s"}),
        ("*", {"safeRegex": {"regex": ".+"}}, {"safeRegex": {"regex": ".+"}}),
    ],
)
def test_a_request_principal_is_an_issuer_and_a_subject(value, issuer, subject):
    (one,) = principals(f"{{requestPrincipals: ['{value}']}}")
    both = one["andIds"]["ids"][0]["andIds"]["ids"]
    assert [each["metadata"]["value"]["stringMatch"] for each in both] == [issuer, subject]


REQUEST = "{to: [{operation: {methods: [GET], ports: ['80']}}]}"


def test_a_rule_about_requests_is_void_for_connections_when_it_allows():
    (rbac,) = shown(network_filters([policy(f"{{rules: [{REQUEST}]}}")], MESH))
    assert rbac["rules"] == {}


def test_a_rule_about_requests_denies_connections_by_the_rest():
    rule = rule_of(f"{{action: DENY, rules: [{REQUEST}]}}", network_filters)
    (permission,) = rule["ns[ns]-policy[p]-rule[0]"]["permissions"]
    assert permission["andRules"]["rules"] == [{"orRules": {"rules": [{"destinationPort": 80}]}}]


@pytest.mark.parametrize("action", ["ALLOW", "DENY"])
@pytest.mark.parametrize("values", ["[nonsense]", "['70000']", "['-1']"])
def test_what_is_no_port_never_allows_more(action, values):
    spec = f"{{action: {action}, rules: [{{when: [{{key: destination.port, values: {values}}}]}}]}}"
    rules = (
        rule_of(spec) if action == "DENY" else shown(http_filters([policy(spec)], MESH))[0]["rules"]
    )
    if action == "ALLOW":
        assert rules == {}
    else:
        assert rules["ns[ns]-policy[p]-rule[0]"]["permissions"] == [
            {"andRules": {"rules": [{"any": True}]}}
        ]


def test_a_rule_with_an_unknown_attribute_is_left_out():
    spec = "{action: DENY, rules: [{when: [{key: source.mood, values: [a]}]}, {}]}"
    assert list(rule_of(spec)) == ["ns[ns]-policy[p]-rule[1]"]


def test_a_policy_that_is_tried_is_a_shadow_rule():
    head = HEAD.replace("ns}", "ns, annotations: {istio.io/dry-run: 'true'}}")
    (rbac,) = shown(http_filters([policy("{action: DENY, rules: [{}]}", head)], MESH))
    assert "rules" not in rbac
    assert rbac["shadowRulesStatPrefix"] == "istio_dry_run_deny_"
    assert list(rbac["shadowRules"]["policies"]) == ["ns[ns]-policy[p]-rule[0]"]


def test_nested_claims_are_a_path():
    spec = "{rules: [{when: [{key: 'request.auth.claims[a.b][c]', values: [v]}]}]}"
    (principal,) = rule_of(spec)["ns[ns]-policy[p]-rule[0]"]["principals"]
    path = principal["andIds"]["ids"][0]["metadata"]["path"]
    assert [step["key"] for step in path] == ["payload", "a.b", "c"]
