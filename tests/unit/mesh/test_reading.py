"""Mesh files: what they may say, and what is told of mistakes."""

import pytest

from lateen.mesh.reading import MeshFileError, read_mesh_file
from lateen.mesh.workloads import Role, workloads

FULL = """\
namespace: shop
gateways:
  ingress:
    labels: {istio: ingressgateway}
    ports: [{port: 8080}]
services:
  reviews:
    command: [python3, reviews.py]
    directory: code
    ports: [{port: 9080, name: http}, {port: 9081, protocol: GRPC, targetPort: 50051}]
    env: {STARS: 'no', COLOUR: black}
    labels: {team: books}
    replicas: 2
    serviceAccount: readers
    versions:
      v1: {}
      v2: {env: {STARS: 'yes'}, labels: {team: stars}, replicas: 0, command: [./reviews2]}
  outside:
    command: [./outside]
    ports: [{port: 80}]
    namespace: elsewhere
    sidecar: false
"""
SMALL = "services: {web: {command: [web], ports: [{port: 80}]}}\n"


def write(tmp_path, text):
    (tmp_path / "code").mkdir(exist_ok=True)
    path = tmp_path / "mesh.yaml"
    path.write_text(text)
    return path


def problems(tmp_path, text):
    with pytest.raises(MeshFileError) as caught:
        read_mesh_file(write(tmp_path, text))
    return [str(one).replace(f"{tmp_path}/", "") for one in caught.value.problems]


def test_workloads_have_what_version_service_and_mesh_say(tmp_path):
    found = {one.name: one for one in workloads(read_mesh_file(write(tmp_path, FULL)))}
    assert list(found) == ["ingress", "reviews-v1", "reviews-v2", "outside"]
    gateway, v1, v2, outside = found.values()
    assert gateway.role is Role.GATEWAY
    assert gateway.labels["istio"] == "ingressgateway"
    assert (gateway.namespace, gateway.service_account) == ("shop", "ingress")
    assert (v1.role, v1.namespace, v1.service_account) == (Role.SIDECAR, "shop", "readers")
    assert v1.labels == {
        "app": "reviews",
        "version": "v1",
        "team": "books",
        "security.istio.io/tlsMode": "istio",
        "service.istio.io/canonical-name": "reviews",
        "service.istio.io/canonical-revision": "v1",
    }
    assert (v1.replicas, v1.command, v1.directory) == (2, ("python3", "reviews.py"), "code")
    assert v1.env == {"STARS": "no", "COLOUR": "black"}
    assert (v2.replicas, v2.command, v2.labels["team"]) == (0, ("./reviews2",), "stars")
    assert v2.env == {"STARS": "yes", "COLOUR": "black"}
    assert (outside.role, outside.namespace) == (Role.OUTSIDE, "elsewhere")
    assert outside.labels == {"app": "outside"}


def test_a_small_file_has_defaults(tmp_path):
    file = read_mesh_file(write(tmp_path, SMALL))
    (one,) = workloads(file)
    assert (one.name, one.namespace, one.service_account, one.replicas) == (
        "web",
        "default",
        "web",
        1,
    )
    assert one.ports[0].full_name == "http"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            SMALL.replace("command", "comand"),
            "mesh.yaml:1:18: error: services.web.comand: unknown field 'comand' "
            "(did you mean 'command'?)",
        ),
        (
            SMALL.replace("port: 80", "port: 70000"),
            "mesh.yaml:1:43: error: services.web.ports[0].port: 70000 is no port (1 to 65535)",
        ),
        (
            SMALL.replace("web:", "Web:"),
            "mesh.yaml:1:12: error: services.Web: 'Web' is no name "
            "(at most 48 lower-case letters, digits and '-', a letter first)",
        ),
        (
            SMALL.replace("command: [web], ", ""),
            "mesh.yaml:1:12: error: services.web: the service has no command "
            "(a list: [python3, reviews.py])",
        ),
        (
            SMALL.replace("command: [web]", "command: web"),
            "mesh.yaml:1:18: error: services.web.command: expected `array`, got `str`",
        ),
        (
            SMALL.replace("port: 80", "port: 80, protocol: HTP"),
            "mesh.yaml:1:53: error: services.web.ports[0].protocol: 'HTP' is none of GRPC, "
            "GRPC-Web, HTTP, HTTP_PROXY, HTTP2, HTTPS, TCP, TLS, UDP, Mongo, Redis, MySQL",
        ),
        (
            SMALL.replace("[web]", "[web], directory: none"),
            "mesh.yaml:1:34: error: services.web.directory: none is no directory",
        ),
        (
            SMALL.replace("[web]", "[web], replicas: 201"),
            "mesh.yaml:1:1: error: 201 instances are more than the 200 that a mesh has",
        ),
        (
            SMALL.replace("[web]", "[web], replicas: -1"),
            "mesh.yaml:1:34: error: services.web.replicas: -1 is no number of instances",
        ),
        (
            f"gateways: {{web: {{ports: [{{port: 80}}]}}}}\n{SMALL}",
            "mesh.yaml:1:12: error: gateways.web: a service is called 'web', too (rename one)",
        ),
        (
            f"resources: none\n{SMALL}",
            "mesh.yaml:1:1: error: resources: none is no directory (make it, even if it is empty)",
        ),
        (
            "services: [\n",
            "mesh.yaml:2:1: error: while parsing a flow node, did not find expected ",
        ),
        ("", "mesh.yaml: error: a mesh file has one document, this one has 0"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path, text, told):
    (found,) = problems(tmp_path, text)
    assert found.startswith(told)


def test_all_mistakes_are_told_at_once(tmp_path):
    text = SMALL.replace("{port: 80}", "{port: 80}, {port: 80}").replace(
        "[web]", "[web], replicas: -2"
    )
    assert [one.partition(": error: ")[2] for one in problems(tmp_path, text)] == [
        "services.web.ports[0].name: two ports are called 'http' "
        "(give each a name: http-web, http-admin)",
        "services.web.ports[0].port: the service has port 80 twice",
        "services.web.ports[1].name: two ports are called 'http' "
        "(give each a name: http-web, http-admin)",
        "services.web.ports[1].port: the service has port 80 twice",
        "services.web.replicas: -2 is no number of instances",
    ]


def test_a_file_that_cannot_be_read_is_one_line(tmp_path):
    with pytest.raises(MeshFileError, match=r"none\.yaml: error: No such file or directory"):
        read_mesh_file(tmp_path / "none.yaml")
