from tests.support.analysis import manifest, messages, told

ANALYZER = "virtualservice.DestinationRuleAnalyzer"


def rule(host="web", namespace="shop"):
    spec = f"{{host: {host}, subsets: [{{name: v1}}]}}"
    return manifest("DestinationRule", "r", spec, namespace=namespace)


def service(destination):
    spec = f"{{hosts: [v], http: [{{route: [{{destination: {destination}}}]}}]}}"
    return manifest("VirtualService", "v", spec)


def test_a_subset_is_one_of_a_rule():
    wanted = service("{host: web, subset: v1}")
    assert told(ANALYZER, rule() + wanted) == []
    assert told(ANALYZER, rule("web.shop.svc.cluster.local", "other") + wanted) == []
    assert told(ANALYZER, rule(namespace="other") + wanted) == ["IST0101 VirtualService shop/v 9"]
    assert told(ANALYZER, rule() + service("{host: web, subset: v2}")) != []
    assert told(ANALYZER, rule() + service("{host: web}")) == []


def test_mirrors():
    spec = "{hosts: [v], http: [{mirror: {host: web, subset: v2}}]}"
    (message,) = messages(ANALYZER, rule() + manifest("VirtualService", "v", spec))
    assert message.text == "No destination rule of web has a subset v2"
