from tests.support.analysis import manifest, messages, told

ANALYZER = "authn.BlockedCIDRsAnalyzer"


def istiod(env="[]", labels="{app: istiod}"):
    spec = f"{{template: {{spec: {{containers: [{{name: discovery, env: {env}}}]}}}}}}"
    return manifest("Deployment", "istiod", spec, namespace="istio-system", labels=labels)


def policies(count):
    return "".join(manifest("RequestAuthentication", f"a{index}") for index in range(count))


def test_ranges_are_blocked_where_keys_are_fetched():
    assert told(ANALYZER, istiod() + policies(1)) == ["IST0175 Deployment istio-system/istiod 3"]
    env = "[{name: BLOCKED_CIDRS_IN_JWKS_URIS, value: 10.0.0.0/8}]"
    assert told(ANALYZER, istiod(env) + policies(1)) == []
    assert told(ANALYZER, istiod(env.replace("10.0.0.0/8", "''")) + policies(1)) != []


def test_nothing_is_told_without_policies_or_of_other_deployments():
    assert told(ANALYZER, istiod()) == []
    assert told(ANALYZER, istiod(labels="{app: other}") + policies(1)) == []


def test_five_policies_are_named():
    (message,) = messages(ANALYZER, istiod() + policies(7))
    assert "7 RequestAuthentications" in message.text
    assert "shop/a4 and 2 more" in message.text
