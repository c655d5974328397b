from tests.support.analysis import manifest, told

ANALYZER = "destinationrule.SubsetSelectPodAnalyzer"
SERVICE = manifest("Service", "web", "{ports: [{port: 80}]}")


def rule(host="web", labels="{version: v1}", namespace="shop"):
    spec = f"{{host: {host}, subsets: [{{name: v1, labels: {labels}}}]}}"
    return manifest("DestinationRule", "a", spec, namespace=namespace)


def pod(labels, spec="{}"):
    return manifest("Pod", "web-1", spec, labels=labels)


def test_a_subset_has_pods():
    assert told(ANALYZER, SERVICE + pod("{version: v1}") + rule()) == []
    assert told(ANALYZER, SERVICE + pod("{version: v2}") + rule()) == [
        "IST0173 DestinationRule shop/a 14"
    ]


def test_a_node_says_where_its_pods_are():
    zone = "{topology.kubernetes.io/zone: a}"
    node = manifest("Node", "n1", labels=zone)
    assert told(ANALYZER, SERVICE + pod("{}", "{nodeName: n1}") + node + rule(labels=zone)) == []
    assert told(ANALYZER, SERVICE + pod("{}", "{nodeName: n2}") + node + rule(labels=zone)) != []
    name = "{kubernetes.io/hostname: n1}"
    assert told(ANALYZER, SERVICE + pod("{}", "{nodeName: n1}") + rule(labels=name)) == []


def test_a_service_entry_selects_the_pods():
    entry = manifest(
        "ServiceEntry", "e", "{hosts: [a.com], workloadSelector: {labels: {app: web}}}"
    )
    assert told(ANALYZER, entry + pod("{version: v1}") + rule("a.com")) != []
    assert told(ANALYZER, entry + pod("{version: v1, app: web}") + rule("a.com")) == []


def test_the_host_is_there():
    assert told(ANALYZER, SERVICE + rule("other")) == ["IST0174 DestinationRule shop/a 9"]
    assert told(ANALYZER, SERVICE + rule("web", namespace="other")) != []
    local = SERVICE.replace("annotations: {}", "annotations: {networking.istio.io/exportTo: .}")
    full = rule("web.shop.svc.cluster.local", namespace="other") + pod("{version: v1}")
    assert told(ANALYZER, SERVICE + full) == []
    assert told(ANALYZER, local + full) == ["IST0174 DestinationRule other/a 9"]
