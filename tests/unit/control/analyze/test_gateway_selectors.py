import pytest

from tests.support.analysis import manifest, messages, told

ANALYZER = "k8sgateway.SelectorAnalyzer"
LABELS = "{gateway.networking.k8s.io/gateway-name: edge, app: a}"
POD = manifest("Pod", "edge-1", labels=LABELS)


@pytest.mark.parametrize("kind", ["AuthorizationPolicy", "RequestAuthentication", "Telemetry"])
def test_a_policy_that_selects_a_gateways_pods(kind):
    policy = manifest(kind, "p", "{selector: {matchLabels: {app: a}}}")
    assert told(ANALYZER, POD + policy) == [f"IST0166 {kind} shop/p 9"]
    assert "gateway edge" in messages(ANALYZER, POD + policy)[0].text


def test_what_is_effective():
    for policy in (
        manifest("Telemetry", "p", "{selector: {matchLabels: {app: b}}}"),
        manifest("Telemetry", "p"),
        manifest("Telemetry", "p", "{selector: {matchLabels: {app: a}}}", namespace="other"),
    ):
        assert told(ANALYZER, POD + policy) == []
    plain = manifest("Pod", "web", labels="{app: a}")
    policy = manifest("Telemetry", "p", "{selector: {matchLabels: {app: a}}}")
    assert told(ANALYZER, plain + policy) == []
