"""What becomes of requests at a gateway."""

import pytest

from tests.support.gateways import HTTP, REDIRECT, TO_A, gateway, https, virtual_service
from tests.support.mesh import router, sent

SERVICES = """\
---
apiVersion: v1
kind: Service
metadata: {name: a, namespace: shop}
spec: {clusterIP: 10.1.0.1, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: b, namespace: shop}
spec: {clusterIP: 10.1.0.2, ports: [{name: http, port: 80}, {name: grpc, port: 90}]}
"""
A, B = "outbound|80||a.shop.svc.cluster.local", "outbound|80||b.shop.svc.cluster.local"
TO_B = "{route: [{destination: {host: b, port: {number: 80}}}]}"
ANY = HTTP.replace("[a.test]", "['*']")


def hosts(text, table="http.80", **config):
    found = sent(text + SERVICES, router(), **config)["routes"][table]["virtual_hosts"]
    return {one["name"]: one for one in found}


def clusters(host):
    return [one["route"]["cluster"] for one in host["routes"]]


def test_a_virtual_service_that_names_the_gateway_has_routes():
    found = hosts(gateway(ANY) + virtual_service())
    assert list(found) == ["a.test:80"]
    host = found["a.test:80"]
    assert (host["domains"], clusters(host)) == (["a.test"], [A])
    assert host["include_request_attempt_count"] is True
    assert host["routes"][0]["route"]["retry_policy"]["num_retries"] == 2


@pytest.mark.parametrize("gateways", ["[gw]", "[mesh]", "[other/gw]"])
def test_others_do_not(gateways):
    found = hosts(gateway(ANY) + virtual_service(gateways=gateways))
    (none,) = found.values()
    assert (none["name"], none["domains"]) == ("blackhole:80", ["*"])
    assert "routes" not in none


@pytest.mark.parametrize("written", ["gw", "gw.edge", "gw.edge.svc.cluster.local"])
def test_a_gateway_has_several_names(written):
    rule = virtual_service(gateways=f"[{written}]").replace("namespace: shop", "namespace: edge")
    assert list(hosts(gateway(ANY) + rule)) == ["a.test:80"]


@pytest.mark.parametrize(
    ("server", "rule", "expected"),
    [
        ("['*.test']", "[a.test, b.com]", ["a.test:80"]),
        ("[a.test, b.test]", "['*.test']", ["a.test:80"]),
        ("[edge/a.test]", "[a.test]", ["blackhole:80"]),
        ("[shop/a.test]", "[a.test]", ["a.test:80"]),
        ("['*']", "['*']", ["*:80"]),
        ("['*']", "[a]", ["a.shop.svc.cluster.local:80"]),
        ("[A.test]", "[A.test]", ["a.test:80"]),
    ],
)
def test_hosts_are_those_of_both(server, rule, expected):
    text = gateway(HTTP.replace("[a.test]", server)) + virtual_service(hosts=rule)
    assert list(hosts(text)) == expected


def test_hosts_with_the_same_routes_are_one_virtual_host():
    text = gateway(ANY) + virtual_service(hosts="[b.test, aa.test, '*.com']")
    (host,) = hosts(text).values()
    assert (host["name"], host["domains"]) == ("aa.test:80", ["aa.test", "b.test", "*.com"])


def test_virtual_services_of_one_host_are_merged_with_what_takes_everything_last():
    text = gateway(ANY) + virtual_service()
    text += virtual_service(
        f"{{match: [{{uri: {{prefix: /b}}}}], {TO_B[1:]}", name="later", created="2026-01-02"
    )
    (host,) = hosts(text).values()
    assert clusters(host) == [B, A]


def test_what_is_exported_to_one_namespace_goes_before_what_is_for_all():
    rules = virtual_service() + virtual_service(
        TO_B, name="private", more=", exportTo: [edge]", created="2026-01-02"
    )
    assert clusters(*hosts(gateway(ANY) + rules).values()) == [B, A]
    hidden = virtual_service(more=", exportTo: ['.']")
    assert list(hosts(gateway(ANY) + hidden)) == ["blackhole:80"]


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ("gateways: [edge/gw]", [A, B]),
        ("gateways: [mesh]", [B]),
        ("port: 80", [A, B]),
        ("port: 8080", [B]),
    ],
)
def test_matches_may_name_gateways_and_ports(match, expected):
    http = f"{{match: [{{uri: {{prefix: /a}}, {match}}}], {TO_A[1:]}, {TO_B}"
    text = gateway(ANY) + virtual_service(http, gateways="[mesh, edge/gw]")
    assert clusters(*hosts(text).values()) == expected


def test_sidecars_keep_the_routes_that_are_for_them():
    http = f"{{match: [{{gateways: [edge/gw]}}], {TO_A[1:]}, {TO_B}"
    text = virtual_service(http, hosts="[b]", gateways="[mesh, edge/gw]") + SERVICES
    table = sent(text)["routes"]["80"]["virtual_hosts"]
    (host,) = (one for one in table if one["name"] == "b.shop.svc.cluster.local:80")
    assert clusters(host) == [B]


def test_ports_are_those_that_clients_use():
    """Not those that the gateway listens to: a destination without a port has the client's."""
    rule = virtual_service("{route: [{destination: {host: b}}]}")
    text = gateway(ANY.replace("number: 80", "number: 90")) + rule
    found = hosts(text, "http.90")
    assert clusters(found["a.test:90"]) == ["outbound|90||b.shop.svc.cluster.local"]


def test_plain_requests_are_redirected_where_a_server_says_so():
    found = hosts(gateway(REDIRECT.replace("[a.test]", "[a.test, shop/b.test]")))
    assert {name: one["require_tls"] for name, one in found.items()} == {"a.test:80": "ALL"}
    assert found["a.test:80"]["domains"] == ["a.test", "b.test"]
    with_routes = hosts(gateway(REDIRECT) + virtual_service())
    assert with_routes["a.test:80"]["require_tls"] == "ALL"
    assert clusters(with_routes["a.test:80"]) == [A]


def test_every_server_of_https_has_a_table_of_its_own():
    text = gateway(https(), https("two", "b.test")) + virtual_service(hosts="[a.test, b.test]")
    assert list(hosts(text, "https.443.https.gw.edge")) == ["a.test:443"]
    assert list(hosts(text, "https.443.two.gw.edge")) == ["b.test:443"]


def test_a_redirect_behind_tls_keeps_the_scheme():
    rule = virtual_service("{redirect: {authority: b.test, port: 443}}")
    host = hosts(gateway(https()) + rule, "https.443.https.gw.edge")["a.test:443"]
    assert "port_redirect" not in host["routes"][0]["redirect"]


def test_an_egress_gateway_takes_over_from_sidecars():
    egress = """\
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: out, namespace: shop}
spec: {hosts: [out.com], ports: [{number: 80, name: http, protocol: HTTP}], resolution: DNS}
"""
    to_gateway = "{route: [{destination: {host: b, port: {number: 80}}}]}"
    to_out = "{route: [{destination: {host: out.com}}]}"
    http = (
        f"{{match: [{{gateways: [mesh]}}], {to_gateway[1:]}, "
        f"{{match: [{{gateways: [edge/gw]}}], {to_out[1:]}"
    )
    text = egress + virtual_service(http, hosts="[out.com]", gateways="[mesh, edge/gw]")
    at_gateway = hosts(gateway(ANY) + text)["out.com:80"]
    assert clusters(at_gateway) == ["outbound|80||out.com"]
    table = sent(text + SERVICES)["routes"]["80"]["virtual_hosts"]
    (host,) = (one for one in table if one["name"] == "out.com:80")
    assert clusters(host) == [B]
