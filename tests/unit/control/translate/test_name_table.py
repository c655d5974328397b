"""The names that a proxy's agent answers for."""

from lateen.control.push.generated import Generated
from lateen.control.push.session import Session
from lateen.control.translate.name_table import name_table
from lateen.control.translate.scope.sidecar import sidecar_scope
from lateen.protos.nds_pb2 import NameTable
from lateen.xds.messages import DeltaRequest, SotwRequest
from lateen.xds.resource_types import NDS_TYPE_URL
from tests.support.mesh import mesh_of, sidecar

SERVICE = """\
---
apiVersion: v1
kind: Service
metadata: {name: NAME, namespace: default}
spec: {clusterIP: ADDRESS, selector: {app: a}, ports: [{name: http, port: 80}]}
"""
POD = """\
---
apiVersion: v1
kind: Pod
metadata: {name: NAME, namespace: default, labels: {app: a}}
spec: {containers: []}
status: {podIP: ADDRESS}
"""
ENTRY = """\
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: NAME, namespace: default}
spec: {hosts: [HOST], MORE ports: [{number: 443, name: tls, protocol: TLS}], resolution: DNS}
"""


def service(address, name="a"):
    return SERVICE.replace("NAME", name).replace("ADDRESS", address)


def entry(more="", host="x.com", name="e"):
    return ENTRY.replace("NAME", name).replace("HOST", host).replace("MORE", more)


def table(text, **known):
    mesh, proxy = mesh_of(text), sidecar(**known)
    return name_table(mesh, proxy, sidecar_scope(mesh, proxy)).table


def addresses(text, **known):
    return {host: list(info.ips) for host, info in table(text, **known).items()}


A = "a.default.svc.cluster.local"


def test_a_service_of_kubernetes_has_its_short_name_too():
    found = table(service("10.1.0.1"))[A]
    told = found.registry, found.shortname, found.namespace
    assert told == ("Kubernetes", "a", "default")
    assert list(found.ips) == ["10.1.0.1"]


def test_a_headless_service_is_where_its_endpoints_are():
    pods = "".join(POD.replace("NAME", f"p{n}").replace("ADDRESS", f"10.0.0.{n}") for n in (8, 9))
    assert addresses(service("None") + pods) == {A: ["10.0.0.8", "10.0.0.9"]}
    assert addresses(service("None")) == {}


def test_a_pod_of_a_subdomain_has_a_name_of_its_own():
    pod = POD.replace("NAME", "a-0").replace("ADDRESS", "10.0.0.8")
    pod = pod.replace("{containers: []}", "{containers: [], subdomain: a}")
    found = table(service("None") + pod)
    assert list(found["a-0.a.default.svc.cluster.local"].ips) == ["10.0.0.8"]
    assert found["a-0.a.default.svc.cluster.local"].shortname == "a-0.a"
    named = pod.replace("subdomain: a", "subdomain: a, hostname: first")
    assert "first.a.default.svc.cluster.local" in table(service("None") + named)
    # Not where the service itself has an address.
    assert set(table(service("10.1.0.1") + pod)) == {A}


def test_an_entry_has_its_addresses_without_ranges():
    text = entry("addresses: [10.2.0.1, 10.3.0.0/16],").replace("DNS", "STATIC")
    found = table(text)["x.com"]
    assert (list(found.ips), found.registry, found.shortname) == (["10.2.0.1"], "External", "")


def test_an_entry_without_addresses_has_one_where_names_are_captured():
    assert addresses(entry()) == {}
    (found,) = addresses(entry(), dns_capture=True)["x.com"]
    assert found.startswith("240.240.")


def test_addresses_are_of_the_proxys_families():
    text = entry("addresses: [10.2.0.1, 'fd00::1'],")
    assert addresses(text) == {"x.com": ["10.2.0.1"]}
    assert addresses(text, address="fd00::9") == {"x.com": ["fd00::1"]}


def test_what_a_sidecar_does_not_import_has_no_name():
    scope = """\
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: s, namespace: default}
spec: {egress: [{hosts: [./x.com]}]}
"""
    text = service("10.1.0.1") + entry("addresses: [10.2.0.1],") + scope
    assert addresses(text) == {"x.com": ["10.2.0.1"]}


def test_an_agent_gets_the_table_and_what_changes():
    def scoped(address):
        return Generated(mesh_of(service(address))).of(sidecar())

    def ips(response):
        (one,) = response.resources
        return list(NameTable.FromString(one.body).table[A].ips)

    for session, request in (
        (Session(), DeltaRequest(NDS_TYPE_URL)),
        (Session(), SotwRequest(NDS_TYPE_URL)),
    ):
        take = session.on_delta if isinstance(request, DeltaRequest) else session.on_sotw
        assert take(request)
        assert ips(session.answer_to(NDS_TYPE_URL, scoped("10.1.0.1"))) == ["10.1.0.1"]
        assert session.answer_to(NDS_TYPE_URL, scoped("10.1.0.1")) is None
        session.mark(None)
        pushed = session.answer_to(NDS_TYPE_URL, scoped("10.1.0.2"))
        assert ips(pushed) == ["10.1.0.2"]


def test_an_alias_has_the_addresses_of_its_service():
    alias = """\
---
apiVersion: v1
kind: Service
metadata: {name: other, namespace: mesh}
spec: {type: ExternalName, externalName: a.default.svc.cluster.local, ports: [{port: 80}]}
"""
    found = table(service("10.1.0.1") + alias)["other.mesh.svc.cluster.local"]
    assert (list(found.ips), found.shortname, found.namespace) == (["10.1.0.1"], "other", "mesh")
