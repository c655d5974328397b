import pytest

from lateen.control.mesh_config import MeshConfig
from lateen.control.mesh_settings import mesh_config
from lateen.control.registry.files import read_directories

MESH = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |-
    trustDomain: example.org
    outboundTrafficPolicy: {mode: REGISTRY_ONLY}
    somethingElse: 1
    extensionProviders:
      - name: zip
        zipkin: {service: zipkin.obs.svc.cluster.local, port: 9411}
"""


def read(folder, text):
    (folder / "mesh.yaml").write_text(text)
    reading = read_directories((folder,))
    return mesh_config(reading.resources.values()), reading


def test_what_the_config_map_says(tmp_path):
    config, reading = read(tmp_path, MESH)
    assert reading.problems == ()
    assert config.trust_domain == "example.org"
    assert config.outbound_traffic_policy.mode == "REGISTRY_ONLY"
    assert config.provider("ZIP").zipkin.port == 9411
    assert config.provider("prometheus").prometheus is not None
    assert config.provider("nobody") is None


def test_another_config_map_says_nothing(tmp_path):
    config, _ = read(tmp_path, MESH.replace("istio-system", "default"))
    assert config == MeshConfig()


def test_mistakes_are_told_by_their_line_and_what_was_stays(tmp_path):
    _, before = read(tmp_path, MESH)
    wrong = MESH.replace("{mode: REGISTRY_ONLY}", "{mode: SOMETIMES}") + "# \n"
    (tmp_path / "mesh.yaml").write_text(wrong)
    reading = read_directories((tmp_path,), before)
    (problem,) = reading.problems
    assert (problem.line, problem.path) == (7, "data.mesh.outboundTrafficPolicy.mode")
    assert "invalid enum value 'SOMETIMES'" in problem.message
    assert mesh_config(reading.resources.values()).trust_domain == "example.org"


def test_a_mistake_behind_a_field_that_is_not_read(tmp_path):
    _, reading = read(tmp_path, MESH.replace("port: 9411", "port: many"))
    (problem,) = reading.problems
    assert (problem.line, problem.path) == (11, "data.mesh.extensionProviders[0].zipkin.port")
    assert problem.message == "expected `int`, got `str`"


@pytest.mark.parametrize(
    ("written", "wrong"),
    [
        ("port: 9411", "maxTagLength: 99999999999"),
        ("port: 9411", "port: -1"),
        ("somethingElse: 1", "proxyHttpPort: -1"),
        ("somethingElse: 1", "defaultConfig: {gatewayTopology: {numTrustedProxies: -1}}"),
    ],
)
def test_numbers_that_no_message_holds_are_told(tmp_path, written, wrong):
    _, reading = read(tmp_path, MESH.replace(written, wrong))
    (problem,) = reading.problems
    assert (problem.severity, problem.message.startswith("expected `int`")) == ("error", True)


@pytest.mark.parametrize(
    ("wrong", "path", "message"),
    [
        (
            "defaultTrafficPolicy: {connectionPool: {tcp: {maxConnections: -1}}}",
            "defaultTrafficPolicy.connectionPool.tcp.maxConnections",
            "a limit of -1 is below 0",
        ),
        (
            "defaultTrafficPolicy: {outlierDetection: {maxEjectionPercent: 101}}",
            "defaultTrafficPolicy.outlierDetection.maxEjectionPercent",
            "101 is no percentage",
        ),
        ("connectTimeout: -1s", "connectTimeout", "-1 s is less than 1 ms"),
        ("tcpKeepalive: {interval: 0s}", "tcpKeepalive.interval", "0 s is less than 1 ms"),
    ],
)
def test_defaults_are_held_to_the_rules_of_destination_rules(tmp_path, wrong, path, message):
    _, reading = read(tmp_path, MESH.replace("somethingElse: 1", wrong))
    (problem,) = reading.problems
    assert (problem.line, problem.path) == (8, f"data.mesh.{path}")
    assert problem.message == message


def test_text_that_is_no_yaml(tmp_path):
    _, reading = read(tmp_path, MESH.replace("{mode: REGISTRY_ONLY}", "{mode"))
    (problem,) = reading.problems
    assert problem.line == 5
    assert "of it" in problem.message


def test_providers_that_cannot_be_told_apart_or_are_not_read(tmp_path):
    twice = MESH + "      - name: Zip\n        lightstep: {service: x, port: 1}\n"
    _, reading = read(tmp_path, twice)
    assert {one.message for one in reading.problems} == {
        "two extensionProviders are called 'zip'",
        "two extensionProviders are called 'Zip'",
    }
    _, reading = read(tmp_path, MESH.replace("zipkin:", "skywalking:"))
    (problem,) = reading.problems
    assert problem.severity == "warning"
    assert "'zip' is of a kind that is not read" in problem.message
