"""Which servers of which Gateways a proxy serves, at which ports."""

from dataclasses import replace

import pytest

from lateen.control.translate.gateways.merge import merged_gateway
from lateen.control.translate.gateways.server import common_hosts
from tests.support.gateways import GRPC, HTTP, REDIRECT, TCP, gateway, https
from tests.support.mesh import mesh_of, router


def merged(text, **config):
    return merged_gateway(mesh_of(text, **config), router())


def tables(text):
    return {
        name: [str(server) for server in servers] for name, servers in merged(text).tables().items()
    }


def test_labels_select_the_proxy():
    text = (
        gateway(HTTP)
        + gateway(HTTP, name="other", selector="{istio: egress}")
        + gateway(HTTP, name="all", namespace="shop", selector="{}")
    )
    assert tables(text) == {
        "http.80": ["servers[0] of Gateway edge/gw", "servers[0] of Gateway shop/all"]
    }


def test_gateways_can_be_of_the_proxys_namespace_alone():
    mesh = mesh_of(gateway(HTTP) + gateway(HTTP, name="all", namespace="shop", selector="{}"))
    servers = merged_gateway(replace(mesh, scope_gateways=True), router()).servers()
    assert [one.gateway for one in servers] == ["edge/gw"]


def test_tables_are_named_by_port_and_server():
    text = gateway(HTTP, https(), https("tls", "b.test", "PASSTHROUGH", protocol="TLS"))
    assert list(tables(text)) == ["http.80", "https.443.https.gw.edge"]
    bound = gateway(HTTP.replace("hosts", "bind: 10.0.0.9, hosts"), https(bind="10.0.0.9"))
    assert list(tables(bound)) == ["http.80.10.0.0.9", "https.443.https.gw.edge.10.0.0.9"]


MORE_TCP = TCP.replace("name: tcp", "name: more")
MORE_REDIRECTS = REDIRECT.replace("name: plain", "name: more")
ALL_MESHES = https(mode="AUTO_PASSTHROUGH", protocol="TLS")
FIRST = "servers[0] of Gateway edge/gw"


@pytest.mark.parametrize(
    ("servers", "refused"),
    [
        ((HTTP, GRPC), ""),
        ((HTTP, TCP), f"{FIRST} listens to port 80 without TLS"),
        ((TCP, MORE_TCP), f"{FIRST} listens to port 80 without TLS"),
        ((HTTP, https(number=80)), f"{FIRST} listens to port 80 without TLS"),
        ((https(number=80), HTTP), ""),
        ((https(), https("two", "b.test")), ""),
        ((https(), https("two")), f"{FIRST} has a.test at port 443"),
        ((https(), https("two", "shop/a.test")), f"{FIRST} has a.test at port 443"),
        ((https(), https("two", bind="10.0.0.9")), ""),
        ((https(), https("two", bind="0.0.0.0")), f"{FIRST} has a.test at port 443"),
        ((REDIRECT, MORE_REDIRECTS), f"{FIRST} has a.test at port 80"),
        ((REDIRECT, HTTP), ""),
        (
            (HTTP, ALL_MESHES),
            "AUTO_PASSTHROUGH, by which meshes are joined, is not implemented",
        ),
    ],
)
def test_what_does_not_fit_is_left_out_and_told(servers, refused):
    found = merged(gateway(*servers))
    told = [(one.path, one.message) for one in found.problems]
    assert told == ([("spec.servers[1]", refused)] if refused else [])
    assert len(list(found.servers())) == len(servers) - len(told)


def test_the_older_gateway_wins_and_the_position_is_told():
    young = gateway(TCP, name="young").replace(
        "name: young,", "name: young, creationTimestamp: '2026-02-01T00:00:00Z',"
    )
    old = gateway(HTTP, name="old").replace(
        "name: old,", "name: old, creationTimestamp: '2026-01-01T00:00:00Z',"
    )
    (problem,) = merged(young + old).problems
    assert problem.message.startswith("servers[0] of Gateway edge/old listens")
    assert (problem.file, problem.line) == ("mesh.yaml", 5)


SERVICE = """\
---
apiVersion: v1
kind: Service
metadata: {name: NAME, namespace: edge, labels: {LABELS}}
spec: {selector: {istio: ingress}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Pod
metadata: {name: gw-1, namespace: edge, labels: {istio: ingress}}
spec: {containers: []}
status: {podIP: 10.0.0.9}
"""


@pytest.mark.parametrize(
    ("label", "port"),
    [("", 8080), ("experimental.istio.io/disable-gateway-port-translation: 'true'", 80)],
)
def test_the_port_is_the_target_port_of_the_proxys_service(label, port):
    text = gateway(HTTP, https()) + SERVICE.replace("NAME", "gw").replace("LABELS", label)
    found = merged(text)
    assert [one.port for one in found.addresses] == [port, 443]
    assert f"http.{port}" in found.tables()


@pytest.mark.parametrize(
    ("hosts", "namespace", "expected"),
    [
        (["a.test", "shop/b.test"], "shop", ["a.test", "b.test"]),
        (["a.test", "shop/b.test"], "edge", ["a.test"]),
        (["./a.test", "*/b.test"], "edge", ["a.test", "b.test"]),
        (["./a.test", "*/b.test"], "shop", ["b.test"]),
        (["*/*"], "shop", ["*"]),
    ],
)
def test_hosts_may_be_for_virtual_services_of_one_namespace(hosts, namespace, expected):
    (server,) = merged(gateway(HTTP.replace("[a.test]", str(hosts)))).servers()
    assert server.hosts_in(namespace) == expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (["a.com", "b.com"], ["*.com"], ["a.com", "b.com"]),
        (["a.com", "*.net"], ["*.com", "b.net"], ["a.com", "b.net"]),
        (["a.com", "*.net"], ["*.b.net"], ["*.b.net"]),
        (["a.com"], ["b.com"], []),
        (["*"], ["*", "a.com"], ["*", "a.com"]),
    ],
)
def test_common_hosts_are_the_narrower(one, other, expected):
    assert common_hosts(one, other) == expected
