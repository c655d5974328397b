import pytest

from tests.support.analysis import manifest, told

ANALYZER = "destinationrule.CaCertificateAnalyzer"


def rule(policy, more=""):
    return manifest("DestinationRule", "a", f"{{host: a, trafficPolicy: {policy}{more}}}")


@pytest.mark.parametrize("mode", ["SIMPLE", "MUTUAL"])
def test_tls_that_does_not_verify(mode):
    tls = f"tls: {{mode: {mode}}}"
    assert told(ANALYZER, rule(f"{{{tls}}}")) == ["IST0128 DestinationRule shop/a 4"]
    ports = (
        f"{{portLevelSettings: [{{port: {{number: 1}}, {tls}}}, {{port: {{number: 2}}, {tls}}}]}}"
    )
    assert told(ANALYZER, rule(ports)) == ["IST0129 DestinationRule shop/a 4"] * 2


def test_tls_that_does():
    assert told(ANALYZER, rule("{tls: {mode: SIMPLE, caCertificates: a}}")) == []
    assert told(ANALYZER, rule("{tls: {mode: ISTIO_MUTUAL}}")) == []
    assert told(ANALYZER, manifest("DestinationRule", "a", "{host: a}")) == []


def test_secrets_are_for_selected_workloads():
    named = "{tls: {mode: SIMPLE, credentialName: a}}"
    assert told(ANALYZER, rule(named)) == ["IST0128 DestinationRule shop/a 4"]
    assert told(ANALYZER, rule(named, ", workloadSelector: {matchLabels: {a: b}}")) == []
