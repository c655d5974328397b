"""Services of one host in several namespaces, and who sees which."""

import pytest

from lateen.control.export import exported
from tests.support.manifests import resources
from tests.support.mesh import mesh_of, sent, sidecar

HOST = "api.com"
CLUSTER = f"outbound|80||{HOST}"


def entry(namespace, address, export="'*'", created="2020"):
    return f"""\
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata:
  name: api
  namespace: {namespace}
  creationTimestamp: '{created}-01-01T00:00:00Z'
spec:
  hosts: [{HOST}]
  ports: [{{number: 80, name: http, protocol: HTTP}}]
  resolution: STATIC
  endpoints: [{{address: {address}}}]
  exportTo: [{export}]
"""


BOTH = entry("a", "10.2.0.1", "'.'") + entry("b", "10.2.0.2", "'.'", "2021")


def address(text, namespace, more=""):
    found = sent(text + more, sidecar(namespace=namespace))["endpoints"].get(CLUSTER)
    if found is None:
        return None
    (group,) = found["endpoints"]
    (one,) = group["lb_endpoints"]
    return one["endpoint"]["address"]["socket_address"]["address"]


@pytest.mark.parametrize(
    ("export", "owner", "namespace", "seen"),
    [
        ("*", "a", "b", True),
        ("a", "b", "a", True),
        ("b", "a", "a", False),
        (".", "a", "a", True),
        (".", "a", "b", False),
        ("~", "a", "a", False),
    ],
)
def test_export(export, owner, namespace, seen):
    assert exported([export], owner, namespace) is seen


def test_everywhere_goes_before_nowhere():
    assert exported(["~", "*"], "a", "b")
    assert not exported(["~", "b"], "a", "b")


def test_each_namespace_has_its_own_service_of_a_host():
    assert address(BOTH, "a") == "10.2.0.1"
    assert address(BOTH, "b") == "10.2.0.2"
    assert address(BOTH, "c") is None


def test_the_own_namespaces_service_goes_before_an_older_one():
    text = BOTH.replace("'.'", "'*'")
    assert address(text, "b") == "10.2.0.2"
    assert address(text, "c") == "10.2.0.1"


def test_a_sidecar_may_ask_for_another_namespaces():
    more = """\
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: s, namespace: b}
spec: {egress: [{hosts: [a/api.com]}]}
"""
    text = BOTH.replace("'.'", "'*'")
    made = sent(text + more, sidecar(namespace="b"))
    told = made["clusters"][CLUSTER]["metadata"]["filter_metadata"]["istio"]["services"]
    assert told[0]["namespace"] == "a"
    assert address(text, "b", more) == "10.2.0.1"


def test_kubernetes_goes_before_entries():
    host = "a.far.svc.cluster.local"
    service = """\
apiVersion: v1
kind: Service
metadata: {name: a, namespace: far, creationTimestamp: '2024-01-01T00:00:00Z'}
spec: {clusterIP: 10.1.0.1, ports: [{name: http, port: 80}]}
"""
    mesh = mesh_of(service + entry("b", "10.2.0.2").replace(HOST, host))
    assert mesh.service(host, "c").namespace == "far"
    assert mesh.service(host, "b").namespace == "b"


def test_the_mesh_says_where_services_are_seen_that_do_not():
    text = BOTH.replace("  exportTo: ['.']\n", "")
    mesh = mesh_of(text, defaultServiceExportTo=["."])
    assert mesh.service(HOST, "c") is None
    assert mesh.service(HOST, "b").namespace == "b"


def test_endpoints_of_a_pod_that_changes_in_nothing_of_theirs_are_the_same():
    text = """\
apiVersion: v1
kind: Service
metadata: {name: a, namespace: far}
spec: {selector: {app: a}, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: a-1, namespace: far, labels: {app: a}, annotations: {seen: NOTE}}
spec: {containers: []}
status: {podIP: 10.2.0.1}
"""
    before = mesh_of(text)
    noted = before.after(before.config, resources(text.replace("NOTE", "once")))
    moved = noted.after(noted.config, resources(text.replace("10.2.0.1", "10.2.0.2")))
    assert noted.endpoints is before.endpoints
    ((key, (found,)),) = moved.endpoints.items()
    assert found.address == "10.2.0.2"
    assert [moved.serving(f"10.2.0.{last}") for last in (1, 2)] == [(), (key,)]
