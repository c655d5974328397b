"""What of a service's endpoints proxies are told, and who is told alike."""

import pytest

from lateen.control.translate.endpoints import assignment_of, choice_of
from tests.support.mesh import mesh_of, sent, sidecar

MESH = """\
apiVersion: v1
kind: Service
metadata: {name: a, namespace: far}
spec: {clusterIP: 10.1.0.1, selector: {app: a}, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: p1, namespace: far, labels: {app: a, version: v1}}
spec: {containers: []}
status: {podIP: 10.0.0.8}
---
apiVersion: v1
kind: Pod
metadata: {name: p2, namespace: far, labels: {app: a, version: v2}}
spec: {containers: []}
status: {podIP: 10.0.0.9}
"""
HOST = "a.far.svc.cluster.local"
ALL, SUBSET = f"outbound|80||{HOST}", f"outbound|80|s|{HOST}"


def rule(namespace, version, more=""):
    return f"""\
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: r, namespace: {namespace}}}
spec: {{host: {HOST}, subsets: [{{name: s, labels: {{version: {version}}}}}]{more}}}
"""


EJECTS = ", trafficPolicy: {outlierDetection: {consecutive5xxErrors: 1}}"


def addresses(text, proxy, cluster):
    groups = sent(text, proxy)["endpoints"][cluster].get("endpoints", ())
    return [
        one["endpoint"]["address"]["socket_address"]["address"]
        for group in groups
        for one in group["lb_endpoints"]
    ]


def test_a_subset_is_the_one_of_the_rule_that_the_proxy_sees():
    text = MESH + rule("far", "v1") + rule("home", "v2")
    assert addresses(text, sidecar(namespace="home"), SUBSET) == ["10.0.0.9"]
    assert addresses(text, sidecar(namespace="other"), SUBSET) == ["10.0.0.8"]


@pytest.mark.parametrize("name", ["80", "nonsense", "a|b|c|d", "a|²|c|d", ""])
def test_what_is_no_cluster_of_a_service_is_no_choice(name):
    mesh = mesh_of(MESH)
    assert choice_of(mesh, sidecar(), mesh.services, name) is None


def test_proxies_of_other_places_choose_alike_unless_places_count():
    here, there = sidecar(locality="r/a"), sidecar(locality="r/b", address="10.0.0.2")
    mesh = mesh_of(MESH + rule("far", "v1"))
    assert choice_of(mesh, here, mesh.services, ALL) == choice_of(mesh, there, mesh.services, ALL)
    mesh = mesh_of(MESH + rule("far", "v1", EJECTS))
    chosen = choice_of(mesh, here, mesh.services, ALL)
    assert chosen != choice_of(mesh, there, mesh.services, ALL)
    again = sidecar(locality="r/a", address="10.0.0.3", labels={"app": "x"})
    assert chosen == choice_of(mesh, again, mesh.services, ALL)


def test_there_are_no_endpoints_of_a_service_that_the_proxy_does_not_know():
    chosen = choice_of(mesh_of(MESH), sidecar(), {}, ALL)
    assert not assignment_of(mesh_of(MESH), chosen).endpoints
