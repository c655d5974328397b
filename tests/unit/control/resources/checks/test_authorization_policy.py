import pytest

from tests.support.manifests import checked


def found(spec):
    return checked("AuthorizationPolicy", f"{{{spec}}}")


@pytest.mark.parametrize(
    "spec",
    [
        "",
        "rules: [{}]",
        "action: DENY, rules: [{}]",
        "action: AUDIT, rules: [{to: [{operation: {ports: ['0', '65535']}}]}]",
        "action: CUSTOM, provider: {name: a}, rules: [{to: [{operation: {paths: [/a]}}]}]",
        "action: DENY, rules: [{from: [{source: {namespaces: [a]}}]}]",
        "action: DENY, rules: [{to: [{operation: {paths: [/a], ports: ['80']}}]}]",
        "rules: [{from: [{source: {serviceAccounts: [a, ns/a], trustDomains: ['*', 'a*']}}]}]",
        "rules: [{when: [{key: 'request.headers[a]', values: [b]}]}]",
        "rules: [{when: [{key: 'experimental.envoy.filters.a.b[c]', notValues: [b]}]}]",
    ],
)
def test_what_is_right(spec):
    assert found(spec) == []


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("action: NONE", ["error spec.action"]),
        ("action: DENY", ["error spec.rules"]),
        ("action: CUSTOM, provider: {name: a}", ["error spec.rules"]),
        ("action: CUSTOM, rules: [{}]", ["error spec.provider.name"]),
        ("action: CUSTOM, provider: {}, rules: [{}]", ["error spec.provider.name"]),
        ("provider: {name: a}, rules: [{}]", ["error spec.provider"]),
        (
            "action: DENY, rules: [{from: [{source: {requestPrincipals: [a]}}]}]",
            ["warning spec.rules[0]"],
        ),
        (
            "action: DENY, rules: [{from: [{source: {namespaces: [a]}}], "
            "to: [{operation: {paths: [/a]}}]}]",
            ["warning spec.rules[0]"],
        ),
        ("rules: [{from: [{}]}]", ["error spec.rules[0].from[0].source"]),
        ("rules: [{from: [{source: {}}]}]", ["error spec.rules[0].from[0].source"]),
        ("rules: [{to: [{}]}]", ["error spec.rules[0].to[0].operation"]),
        ("rules: [{to: [{operation: {}}]}]", ["error spec.rules[0].to[0].operation"]),
        (
            "rules: [{to: [{operation: {ports: [http]}}]}]",
            ["error spec.rules[0].to[0].operation.ports[0]"],
        ),
        *(
            (
                f"rules: [{{to: [{{operation: {{notPorts: ['{port}']}}}}]}}]",
                ["error spec.rules[0].to[0].operation.notPorts[0]"],
            )
            for port in ("65536", "1" * 5000)
        ),
        *(
            (
                f"rules: [{{to: [{{operation: {{{name}: ['']}}}}]}}]",
                [f"error spec.rules[0].to[0].operation.{name}[0]"],
            )
            for name in ("hosts", "notHosts", "methods", "notMethods", "paths", "notPaths")
        ),
        *(
            (
                f"rules: [{{to: [{{operation: {{paths: ['{path}']}}}}]}}]",
                ["error spec.rules[0].to[0].operation.paths[0]"],
            )
            for path in ("/{**}/{*}", "/{a}", "/a{*}", "/{*}/a*b", "/{**}/{**}")
        ),
        ("rules: [{when: [{key: ''}]}]", ["error spec.rules[0].when[0]"]),
        ("rules: [{when: [{key: source.ip}]}]", ["error spec.rules[0].when[0]"]),
        (
            "rules: [{when: [{key: source.ip, values: [a]}]}]",
            ["error spec.rules[0].when[0].values[0]"],
        ),
        (
            f"rules: [{{when: [{{key: source.ip, values: [10.0.0.0/{'1' * 5000}]}}]}}]",
            ["error spec.rules[0].when[0].values[0]"],
        ),
        (
            "rules: [{when: [{key: destination.port, notValues: [a]}]}]",
            ["error spec.rules[0].when[0].notValues[0]"],
        ),
        (
            "rules: [{when: [{key: source.trustDomain, values: [a*b]}]}]",
            ["error spec.rules[0].when[0].values[0]"],
        ),
        (
            "rules: [{when: [{key: source.serviceAccount, values: ['a*']}]}]",
            ["error spec.rules[0].when[0].values[0]"],
        ),
        (
            "rules: [{when: [{key: source.principal, values: ['']}]}]",
            ["error spec.rules[0].when[0].values[0]"],
        ),
        *(
            (
                f"rules: [{{when: [{{key: '{key}', values: [a]}}]}}]",
                ["error spec.rules[0].when[0].key"],
            )
            for key in (
                "request.headers",
                "request.headers[]",
                "request.auth.claims",
                "destination.namespace",
                "destination.labels[a]",
                "destination.name",
                "destination.user",
                "source.mood",
            )
        ),
        ("rules: [{when: [{values: [a]}]}]", ["error spec.rules[0].when[0]"]),
    ],
)
def test_what_is_wrong(spec, expected):
    assert found(spec) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        *(
            (f"{name}: ['']", [f".{name}[0]"])
            for name in ("principals", "notRequestPrincipals", "namespaces")
        ),
        *(
            (f"{name}: [x]", [f".{name}[0]"])
            for name in ("ipBlocks", "notIpBlocks", "remoteIpBlocks")
        ),
        ("notRemoteIpBlocks: [10.0.0.0/33]", [".notRemoteIpBlocks[0]"]),
        ("trustDomains: [a/b]", [".trustDomains[0]"]),
        ("notTrustDomains: ['*a*']", [".notTrustDomains[0]"]),
        ("serviceAccounts: [a/b/c]", [".serviceAccounts[0]"]),
        ("serviceAccounts: [/b]", [".serviceAccounts[0]"]),
        ("notServiceAccounts: ['*']", [".notServiceAccounts[0]"]),
        (f"serviceAccounts: [{'a' * 321}]", [".serviceAccounts[0]"]),
        (f"serviceAccounts: [{', '.join(['a'] * 17)}]", [".serviceAccounts"]),
        ("serviceAccounts: [a], namespaces: [b]", [".namespaces"]),
        ("notServiceAccounts: [a], notPrincipals: []", [".notPrincipals"]),
    ],
)
def test_sources(source, expected):
    problems = found(f"rules: [{{from: [{{source: {{{source}}}}}]}}]")
    assert problems == [f"error spec.rules[0].from[0].source{one}" for one in expected]


@pytest.mark.parametrize("name", ["namespaces", "notServiceAccounts", "trustDomains", "principals"])
def test_an_external_authorizer_is_not_asked_about_peers(name):
    spec = (
        f"action: CUSTOM, provider: {{name: a}}, rules: [{{from: [{{source: {{{name}: [a]}}}}]}}]"
    )
    assert found(spec) == [f"error spec.rules[0].from[0].source.{name}"]


@pytest.mark.parametrize("key", ["source.namespace", "request.auth.audiences", "source.principal"])
def test_an_external_authorizer_is_not_asked_about_identities(key):
    when = f"rules: [{{when: [{{key: {key}, values: [a]}}]}}]"
    spec = f"action: CUSTOM, provider: {{name: a}}, {when}"
    assert found(spec) == ["error spec.rules[0].when[0].key"]
