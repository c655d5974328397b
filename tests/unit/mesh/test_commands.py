"""The commands that a mesh runs."""

from pathlib import Path

from lateen.mesh import commands
from lateen.mesh.plan import Mode
from tests.support.meshes import planned

FOLDERS = commands.Folders(Path("/state"))


def sidecar(tmp_path, mode, index, envoy=None):
    plan = planned(tmp_path, mode)
    argv = commands.sidecar(plan.instances[index], plan.network, FOLDERS, envoy)
    options, _, application = "\n".join(argv).partition("\n--\n")
    words = options.split("\n")
    valued = [word for word in words if word != "--dns-capture"]
    return dict(zip(valued[1::2], valued[2::2], strict=True)), application.split("\n"), words


def test_a_sidecar_joins_with_its_token_and_identity(tmp_path):
    flags, application, words = sidecar(tmp_path, Mode.namespaces, 1)
    assert words[0] == "sidecar"
    assert "--dns-capture" in words
    assert flags["--discovery"] == "198.18.3.1:15012"
    assert flags["--ca-root"] == "/state/ca/root-cert.pem"
    assert flags["--token-file"] == "/state/instances/web-v1-1/token"
    assert flags["--name"] == "web-v1-1"
    assert (flags["--namespace"], flags["--service-account"]) == ("shop", "web")
    assert flags["--ip"] == "198.18.3.3"
    assert flags["--interception"] == "REDIRECT"
    assert "version=v1" in words
    assert "lateen.dev/instance=web-v1-1" in words
    assert application[:4] == ["setpriv", "--regid", "0", "--clear-groups"]
    assert application[-1] == "web"


def test_without_capture_only_the_application_is_told_of_a_proxy(tmp_path):
    flags, application, words = sidecar(tmp_path, Mode.loopback, 1, Path("/usr/bin/envoy"))
    assert flags["--interception"] == "NONE"
    assert "--dns-capture" not in words
    assert flags["--discovery"] == "127.77.3.1:15012"
    assert flags["--envoy"] == "/usr/bin/envoy"
    assert application[0] == "env"
    assert "http_proxy=http://127.77.3.3:15001" in application
    assert application[-1] == "web"


def test_a_gateway_is_a_router_without_application(tmp_path):
    flags, application, _ = sidecar(tmp_path, Mode.namespaces, 0)
    assert (flags["--type"], flags["--interception"]) == ("router", "NONE")
    assert application == [""]


def test_the_control_plane_is_this_machines_alone_without_tls(tmp_path):
    network = planned(tmp_path, Mode.namespaces).network
    argv = commands.control(network, FOLDERS, Path("/shop/active"))
    assert argv[:3] == ["control", "/state/manifests", "/shop/active"]
    flags = dict(zip(argv[3::2], argv[4::2], strict=True))
    assert flags == {
        "--ca": "/state/ca",
        "--address": "127.77.3.1:15010",
        "--secure-address": "198.18.3.1:15012",
        "--monitoring-address": "127.77.3.1:15014",
    }
    assert commands.control(network, FOLDERS, None)[2] == "--ca"
