from tests.support.analysis import manifest, told

ANALYZER = "deprecation.DeprecationAnalyzer"


def test_percent_of_a_delay():
    spec = "{hosts: [a], http: [{fault: {delay: {percent: 50}}}]}"
    assert told(ANALYZER, manifest("VirtualService", "a", spec)) == [
        "IST0002 VirtualService shop/a 4"
    ]
    spec = spec.replace("percent: 50", "percentage: {value: 50}")
    assert told(ANALYZER, manifest("VirtualService", "a", spec)) == []


def test_the_egress_proxy_of_a_sidecar():
    spec = "{outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {host: a}}}"
    assert told(ANALYZER, manifest("Sidecar", "a", spec)) == ["IST0002 Sidecar shop/a 4"]
    spec = "{outboundTrafficPolicy: {mode: ALLOW_ANY}}"
    assert told(ANALYZER, manifest("Sidecar", "a", spec)) == []


def test_kinds_that_are_not_there_any_more():
    spec = "{group: rbac.istio.io, names: {kind: ServiceRole}}"
    crd = manifest("CustomResourceDefinition", "a", spec)
    assert told(ANALYZER, crd) == ["IST0002 CustomResourceDefinition a 3"]
    assert told(ANALYZER, crd.replace("rbac.istio.io", "example.com")) == []
