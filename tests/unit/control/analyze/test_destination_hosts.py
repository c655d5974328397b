import pytest

from tests.support.analysis import manifest, messages, told

ANALYZER = "virtualservice.DestinationHostAnalyzer"
WEB = manifest("Service", "web", "{ports: [{port: 80}]}")
TWO = manifest("Service", "two", "{ports: [{port: 80}, {port: 81}]}")


def service(destination, more="", namespace="shop", name="v"):
    spec = f"{{hosts: [v], http: [{{route: [{{destination: {destination}}}]}}]{more}}}"
    return manifest("VirtualService", name, spec, namespace=namespace)


@pytest.mark.parametrize(
    ("destination", "expected"),
    [
        ("{host: web}", []),
        ("{host: web.shop.svc.cluster.local, port: {number: 80}}", []),
        ("{host: two, port: {number: 81}}", []),
        ("{host: other}", ["IST0101"]),
        ("{host: web.other.svc.cluster.local}", ["IST0101"]),
        ("{host: web, port: {number: 81}}", ["IST0101"]),
        ("{host: two}", ["IST0112"]),
    ],
)
def test_hosts_and_ports(destination, expected):
    found = told(ANALYZER, WEB + TWO + service(destination))
    assert found == [f"{code} VirtualService shop/v 14" for code in expected]


def test_every_route_and_mirror_is_looked_at():
    route = "{route: [{destination: {host: ax}}]}"
    spec = (
        f"{{hosts: [v], tcp: [{route}], tls: [{{match: [{{sniHosts: [v]}}], {route[1:]}], http: "
        "[{mirror: {host: ay}}, {mirrors: [{destination: {host: az}}]}]}"
    )
    found = messages(ANALYZER, manifest("VirtualService", "v", spec))
    assert sorted(one.text[-1] for one in found) == ["x", "y", "z"]


def entry(hosts, more=""):
    ports = "[{number: 443, name: a, protocol: TLS}]"
    return manifest("ServiceEntry", "e", f"{{hosts: {hosts}, ports: {ports}{more}}}")


def test_service_entries_are_services():
    assert told(ANALYZER, entry("[a.com]") + service("{host: a.com}")) == []
    assert told(ANALYZER, entry("['*.com']") + service("{host: a.com}")) == []
    assert told(ANALYZER, entry("['*.com']") + service("{host: a.org}")) != []


def test_exports():
    local = entry("[a.com]", ", exportTo: [.]")
    assert told(ANALYZER, local + service("{host: a.com}")) == []
    assert told(ANALYZER, local + service("{host: a.com}", namespace="other")) != []
    given = entry("[a.com]", ", exportTo: [other]")
    assert told(ANALYZER, given + service("{host: a.com}", namespace="other")) == []
    assert told(ANALYZER, given + service("{host: a.com}", ", exportTo: [other]")) == []
    assert told(ANALYZER, given + service("{host: a.com}")) != []


def test_subsets_that_requests_of_gateways_pass_by():
    inner = service("{host: v, subset: a}", name="inner")
    outer = service("{host: v}", ", gateways: [edge]", name="outer")
    web = WEB.replace("name: web", "name: v")
    assert told(ANALYZER, web + inner + outer) == ["IST0140 VirtualService shop/outer 14"]
    assert told(ANALYZER, web + inner + outer.replace(", gateways: [edge]", "")) == []
    named = outer.replace("{host: v}", "{host: v, subset: a}")
    assert told(ANALYZER, web + inner + named) == []
