import pytest

from lateen.control.model.proxy import ProxyType
from lateen.control.translate.scope.sidecar import sidecar_scope
from tests.support.mesh import mesh_of, sidecar

SERVICES = """\
apiVersion: v1
kind: Service
metadata: {name: a, namespace: home}
spec: {clusterIP: 10.1.0.1, ports: [{name: http, port: 80}, {name: tcp, port: 90}]}
---
apiVersion: v1
kind: Service
metadata: {name: b, namespace: far}
spec: {clusterIP: 10.1.0.2, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: c, namespace: far, annotations: {networking.istio.io/exportTo: .}}
spec: {clusterIP: 10.1.0.3, ports: [{name: http, port: 80}]}
"""
A, B = "a.home.svc.cluster.local", "b.far.svc.cluster.local"


def resource(name, spec, namespace="home", created=""):
    stamp = f", creationTimestamp: '{created}'" if created else ""
    return f"""\
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {{name: {name}, namespace: {namespace}{stamp}}}
spec: {spec}
"""


def rule(name, spec, namespace="far"):
    return f"""\
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: {name}, namespace: {namespace}}}
spec: {spec}
"""


def scope(text, labels=None, **config):
    proxy = sidecar(namespace="home", labels=labels or {})
    return sidecar_scope(mesh_of(SERVICES + text, **config), proxy)


def ports(found, host):
    return [port.number for port in found.services[host].ports]


def test_without_a_sidecar_everything_that_is_exported_is_known():
    found = scope("")
    assert found.sidecar is None
    assert set(found.services) == {A, B}
    assert found.outbound.mode == "ALLOW_ANY"


OLD, NEW = "2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z"
ALL = "{egress: [{hosts: ['*/*']}]}"
CHOSEN = "{workloadSelector: {labels: {app: x}}, egress: [{hosts: ['*/*']}]}"


@pytest.mark.parametrize(
    ("resources", "name"),
    [
        ([("new", ALL, "home", NEW), ("old", ALL, "home", OLD)], "old"),
        ([("all", ALL, "home", OLD), ("chosen", CHOSEN, "home", NEW)], "chosen"),
        ([("root", ALL, "istio-system", OLD), ("own", ALL, "home", NEW)], "own"),
        ([("root", ALL, "istio-system", NEW), ("other", ALL, "far", OLD)], "root"),
        ([("root", CHOSEN, "istio-system", OLD)], None),
    ],
)
def test_the_nearest_sidecar_counts_and_of_those_the_oldest(resources, name):
    found = scope("".join(resource(*one) for one in resources), labels={"app": "x"})
    assert (found.sidecar.name if found.sidecar else None) == name


def test_a_selector_that_does_not_match_is_passed_over():
    assert scope(resource("s", CHOSEN), labels={"app": "y"}).sidecar is None


def test_a_gateway_has_no_sidecar():
    node = "router~10.0.0.1~gw-1.home~home.svc.cluster.local"
    proxy = sidecar(namespace="home")
    gateway = type(proxy)(**{**vars(proxy), "id": node, "type": ProxyType.ROUTER})
    mesh = mesh_of(SERVICES + resource("s", "{egress: [{hosts: ['./*']}]}"))
    assert set(sidecar_scope(mesh, gateway).services) == {A, B}


def test_the_root_namespaces_sidecar_speaks_of_the_proxys_own_namespace():
    text = resource("root", "{egress: [{hosts: ['./*']}]}", "istio-system")
    assert set(scope(text).services) == {A}


def test_a_listener_with_a_port_knows_of_that_port_alone():
    text = "{egress: [{port: {number: 90, protocol: TCP, name: t}, hosts: ['*/*']}]}"
    found = scope(resource("s", text))
    assert set(found.services) == {A}
    assert ports(found, A) == [90]


def test_an_http_proxy_knows_of_every_port():
    text = "{egress: [{port: {number: 3128, protocol: HTTP_PROXY, name: p}, hosts: ['*/*']}]}"
    found = scope(resource("s", text))
    assert ports(found, A) == [80, 90]


def test_listeners_are_found_by_port_and_socket():
    text = """\
{egress: [
  {port: {number: 90, protocol: TCP, name: t}, hosts: ['./*']},
  {port: {number: 0, protocol: HTTP, name: u}, bind: 'unix:///x', hosts: ['*/*']},
  {hosts: ['*/*']}]}
"""
    found = scope(resource("s", text))
    assert found.egress_at(90, "") is found.egress[0]
    assert found.egress_at(0, "unix:///x") is found.egress[1]
    assert found.egress_at(80, "") is found.egress[2]
    # Ports of several listeners add up.
    assert sorted(ports(found, A)) == [80, 90]


ONLY_HOME = "{egress: [{hosts: ['./*', 'far/shop.com']}]}"


def test_what_rules_lead_to_is_known_with_the_ports_that_they_name():
    to = "{destination: {host: b, port: {number: 80}}}"
    named = rule("r", f"{{hosts: [shop.com], http: [{{route: [{to}]}}]}}")
    found = scope(resource("s", ONLY_HOME) + named)
    assert set(found.services) == {A, B}
    assert ports(found, B) == [80]
    missing = named.replace("number: 80", "number: 81")
    assert set(scope(resource("s", ONLY_HOME) + missing).services) == {A}


def test_routes_of_callers_of_other_namespaces_lead_nowhere():
    to = "route: [{destination: {host: b}}]"
    text = f"{{hosts: [shop.com], http: [{{match: [{{sourceNamespace: far}}], {to}}}]}}"
    assert set(scope(resource("s", ONLY_HOME) + rule("r", text)).services) == {A}
    mine = text.replace("sourceNamespace: far", "sourceNamespace: home")
    assert set(scope(resource("s", ONLY_HOME) + rule("r", mine)).services) == {A, B}


def test_tcp_tls_and_mirrors_lead_somewhere_too():
    to, other = "{destination: {host: b}}", "route: [{destination: {host: x}}]"
    for text in (
        f"{{hosts: [shop.com], tcp: [{{route: [{to}]}}]}}",
        f"{{hosts: [shop.com], tls: [{{match: [{{sniHosts: [shop.com]}}], route: [{to}]}}]}}",
        f"{{hosts: [shop.com], http: [{{{other}, mirror: {{host: b}}}}]}}",
        f"{{hosts: [shop.com], http: [{{{other}, mirrors: [{to}]}}]}}",
    ):
        assert set(scope(resource("s", ONLY_HOME) + rule("r", text)).services) == {A, B}


def test_the_rule_with_the_most_specific_host_is_a_services():
    to = "http: [{route: [{destination: {host: b}}]}]"
    text = rule("wide", f"{{hosts: ['*.cluster.local'], {to}}}") + rule(
        "narrow", f"{{hosts: ['*.far.svc.cluster.local'], {to}}}"
    )
    (egress,) = scope(text).egress
    services = {rule.name: egress.services_of(rule) for rule in egress.rules}
    assert services == {"wide": [A], "narrow": [B]}
    assert [rule.name for rule in egress.rules_of(B)] == ["narrow", "wide"]
    assert [rule.name for rule in egress.rules_of("*.home.svc.cluster.local")] == ["wide"]


def test_private_rules_come_before_exported_and_public_ones():
    to = "http: [{route: [{destination: {host: b}}]}]"
    text = (
        rule("a-public", f"{{hosts: [x.com], {to}}}")
        + rule("b-exported", f"{{hosts: [x.com], exportTo: [home], {to}}}")
        + rule("c-private", f"{{hosts: [x.com], exportTo: [.], {to}}}", "home")
        + rule("d-foreign", f"{{hosts: [x.com], exportTo: [.], {to}}}")
    )
    (egress,) = scope(text).egress
    assert [one.name for one in egress.rules] == ["c-private", "b-exported", "a-public"]


def test_limits_of_a_port_go_before_those_of_the_workload():
    text = """\
{egress: [{hosts: ['*/*']}],
 ingress: [{port: {number: 8080, protocol: HTTP, name: h},
            connectionPool: {tcp: {maxConnections: 1}}},
           {port: {number: 8081, protocol: HTTP, name: i}}],
 inboundConnectionPool: {tcp: {maxConnections: 2}}}
"""
    found = scope(resource("s", text))
    assert [found.inbound_pool(port).tcp.max_connections for port in (8080, 8081, 1)] == [1, 2, 2]
    assert scope("").inbound_pool(8080) is None
