from tests.support.analysis import manifest, messages, told

ANALYZER = "virtualservice.ConflictingMeshGatewayHostsAnalyzer"


def service(name, hosts="[a]", more="", namespace="shop"):
    spec = f"{{hosts: {hosts}{more}}}"
    return manifest("VirtualService", name, spec, namespace=namespace)


BOTH = ["IST0109 VirtualService shop/one 3", "IST0109 VirtualService shop/two 8"]


def test_two_virtual_services_of_one_host():
    assert told(ANALYZER, service("one") + service("two")) == BOTH
    full = service("two", "[a.shop.svc.cluster.local]", ", gateways: [mesh, edge]")
    assert told(ANALYZER, service("one") + full) == BOTH
    assert "shop/one, shop/two" in messages(ANALYZER, service("one") + full)[0].text


def test_what_differs():
    for other in (
        service("two", "[b]"),
        service("two", namespace="other"),
        service("two", more=", gateways: [edge]"),
        service("two", "['*.com']"),
    ):
        assert told(ANALYZER, service("one") + other) == []


def test_exports_meet_where_both_are_seen():
    here, there = ", exportTo: [.]", ", exportTo: [other]"
    assert told(ANALYZER, service("one", more=here) + service("two", more=here)) == BOTH
    assert told(ANALYZER, service("one", more=here) + service("two", more=there)) == []
    assert told(ANALYZER, service("one", more=here) + service("two")) == BOTH
    wide = service("two", "['*.com']")
    assert told(ANALYZER, service("one", "[a.com]", here) + wide) == BOTH
