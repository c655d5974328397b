from tests.support.analysis import manifest, messages, told

ANALYZER = "virtualservice.JWTClaimRouteAnalyzer"
GATEWAY = manifest("Gateway", "g", "{selector: {gw: a}}")
POD = manifest("Pod", "gw-1", namespace="edge", labels="{gw: a}")


def service(field="headers", name="@request.auth.claims.sub"):
    match = f"{{{field}: {{'{name}': {{exact: a}}}}}}"
    return manifest(
        "VirtualService", "v", f"{{gateways: [mesh, g, x], http: [{{match: [{match}]}}]}}"
    )


def policy(namespace="edge", selector="{selector: {matchLabels: {gw: a}}}"):
    return manifest("RequestAuthentication", "r", selector, namespace=namespace)


def test_the_pods_of_the_gateway_verify_tokens():
    for field in ("headers", "withoutHeaders"):
        text = GATEWAY + POD + service(field)
        assert told(ANALYZER, text) == ["IST0149 VirtualService shop/v 14"]
    assert "gw-1" in messages(ANALYZER, text)[0].text
    for right in (policy(), policy("istio-system"), policy(selector="{}")):
        assert told(ANALYZER, text + right) == []
    for wrong in (policy("shop"), policy(selector="{selector: {matchLabels: {gw: b}}}")):
        assert told(ANALYZER, text + wrong) != []


def test_routes_without_claims_are_left_alone():
    assert told(ANALYZER, GATEWAY + POD + service(name="x-sub")) == []
    assert told(ANALYZER, GATEWAY + service()) == []
