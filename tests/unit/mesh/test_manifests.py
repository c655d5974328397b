"""What the control plane reads of a mesh, as it reads it."""

import pytest

from lateen.control.mesh import Mesh
from lateen.control.mesh_config import MeshConfig
from lateen.control.registry.files import read_directories
from lateen.control.resources.kubernetes.plain import Namespace, ServiceAccount
from lateen.control.resources.kubernetes.pod import Pod
from lateen.control.resources.sidecar import Sidecar
from lateen.control.resources.workload_entry import WorkloadEntry
from lateen.mesh.manifests import changing, fixed, text_of
from lateen.mesh.plan import Mode
from tests.support.meshes import planned

WEB = "web.shop.svc.cluster.local"


def mesh(tmp_path, mode, ready=()):
    plan = planned(tmp_path, mode)
    folder = tmp_path / "manifests"
    folder.mkdir(exist_ok=True)
    (folder / "fixed.yaml").write_text(text_of(fixed(plan)))
    (folder / "changing.yaml").write_text(text_of(changing(plan, ready)))
    reading = read_directories((folder,))
    assert reading.problems == ()
    return Mesh(MeshConfig(), "cluster.local", tuple(reading.resources.values()))


@pytest.mark.parametrize("mode", Mode)
def test_services_and_their_endpoints(tmp_path, mode):
    found = mesh(tmp_path, mode, ready={"web-v2-1"})
    web = found.services[WEB]
    assert [(one.name, one.number, one.protocol.value) for one in web.ports] == [
        ("http", 80, "HTTP"),
        ("grpc", 9000, "GRPC"),
    ]
    prefix = "198.18" if mode is Mode.namespaces else "127.77"
    assert [
        (one.address, one.port, one.workload, one.healthy, one.tls_mode, one.service_account)
        for one in found.endpoints[WEB]
    ] == [
        (f"{prefix}.3.{last}", port, f"web-v{version}-1", version == 2, "istio", "web")
        for last, version in ((3, 1), (4, 2))
        for port in (8080, 9000)
    ]
    assert found.endpoints[WEB][0].labels["version"] == "v1"


def test_services_have_addresses_where_traffic_is_captured(tmp_path):
    captured = mesh(tmp_path, Mode.namespaces).services
    assert captured[WEB].address == "198.19.3.2"
    assert captured["ingress.shop.svc.cluster.local"].address == "198.19.3.1"
    assert mesh(tmp_path, Mode.loopback).services[WEB].address == "0.0.0.0"


def test_pods_say_how_traffic_comes_to_their_sidecar(tmp_path):
    for mode, said in ((Mode.namespaces, "REDIRECT"), (Mode.loopback, "NONE")):
        pods = {one.name: one.annotations for one in mesh(tmp_path, mode).of(Pod)}
        name = "sidecar.istio.io/interceptionMode"
        assert {pod: found[name] for pod, found in pods.items()} == {
            "ingress-1": "NONE",
            "web-v1-1": said,
            "web-v2-1": said,
        }


def test_services_have_another_name_in_the_namespace_mesh(tmp_path):
    alias = mesh(tmp_path, Mode.loopback).services["web.mesh.svc.cluster.local"]
    assert alias.external_name == WEB
    assert [one.number for one in alias.ports] == [80, 9000]


def test_namespaces_and_accounts(tmp_path):
    found = mesh(tmp_path, Mode.namespaces)
    assert [one.name for one in found.of(Namespace)] == ["mesh", "shop"]
    assert [(one.namespace, one.name) for one in found.of(ServiceAccount)] == [
        ("shop", "ingress"),
        ("shop", "web"),
    ]


def test_what_has_no_sidecar_is_a_workload_entry_alone(tmp_path):
    found = mesh(tmp_path, Mode.loopback)
    assert not any("outside" in host for host in found.services)
    (entry,) = found.of(WorkloadEntry)
    assert entry.spec.address == "127.77.3.5"
    assert entry.spec.ports == {"http": 90}
    assert entry.spec.labels["app"] == "outside"


def test_without_capture_a_sidecar_listens_at_its_own_address(tmp_path):
    assert mesh(tmp_path, Mode.namespaces).of(Sidecar) == ()
    first, second = mesh(tmp_path, Mode.loopback).of(Sidecar)
    assert first.spec.workload_selector.labels == {"lateen.dev/instance": "web-v1-1"}
    assert second.spec.workload_selector.labels == {"lateen.dev/instance": "web-v2-1"}
    assert [
        (one.bind, one.port.number, one.port.protocol, one.default_endpoint, one.capture_mode)
        for one in first.spec.ingress
    ] == [
        ("127.77.3.3", 8080, "HTTP", "127.0.0.1:20002", "NONE"),
        ("127.77.3.3", 9000, "GRPC", "127.0.0.1:20003", "NONE"),
    ]
    (egress,) = first.spec.egress
    assert (egress.bind, egress.port.number, egress.port.protocol) == (
        "127.77.3.3",
        15001,
        "HTTP_PROXY",
    )
    assert egress.hosts == ("*/*",)
