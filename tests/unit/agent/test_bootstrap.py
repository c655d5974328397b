import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from lateen.agent.bootstrap import bootstrap
from lateen.agent.node import node, node_id
from lateen.agent.options import Options, OptionsError
from tests.support.proxies import envoy_command, lateen_command

WEB = Options(
    "control:15010",
    name="web-1",
    namespace="shop",
    ip="10.0.0.1",
    service_account="web",
    plaintext=True,
    labels={"app": "web"},
    locality="r/z",
    version="1.2.3",
)


def test_the_node_is_that_of_istio():
    assert node_id(WEB) == "sidecar~10.0.0.1~web-1.shop~shop.svc.cluster.local"
    told = node(WEB)
    assert told["cluster"] == "web.shop"
    assert told["locality"] == {"region": "r", "zone": "z"}
    assert told["metadata"] == {
        "NAME": "web-1",
        "NAMESPACE": "shop",
        "WORKLOAD_NAME": "web-1",
        "SERVICE_ACCOUNT": "web",
        "INSTANCE_IPS": "10.0.0.1",
        "INTERCEPTION_MODE": "REDIRECT",
        "MESH_ID": "cluster.local",
        "LABELS": {"app": "web"},
        "LATEEN_VERSION": "1.2.3",
    }


def test_an_envoy_is_not_said_to_have_the_filters_of_lateen():
    assert "LATEEN_VERSION" not in node(replace(WEB, envoy=Path("envoy")))["metadata"]
    assert "LATEEN_VERSION" not in node(replace(WEB, no_istio_filters=True))["metadata"]


def test_a_gateway_and_what_it_captures_is_told():
    gateway = replace(WEB, type="router", interception="NONE", dns_capture=True)
    assert node_id(gateway).startswith("router~")
    told = node(gateway)["metadata"]
    assert (told["INTERCEPTION_MODE"], told["DNS_CAPTURE"]) == ("NONE", "true")


@pytest.mark.parametrize("command", [lateen_command(), envoy_command()], ids=["lateen", "envoy"])
def test_a_proxy_takes_the_bootstrap(command, tmp_path):
    if command is None:
        pytest.skip("not built: make build, make .venv-envoy/.installed")
    file = tmp_path / "bootstrap.json"
    file.write_text(json.dumps(bootstrap(WEB, Path("/run/agent.sock"))))
    argv = [*command, "-c", str(file), "--mode", "validate"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_the_directory_is_one_of_the_users(monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert WEB.directory == Path("/state/lateen/web-1.shop")
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", "/home/web")
    assert WEB.directory == Path("/home/web/.local/state/lateen/web-1.shop")

    def nowhere():
        raise RuntimeError

    monkeypatch.setattr(Path, "home", nowhere)
    with pytest.raises(OptionsError, match="--state is needed"):
        replace(WEB, name="web-2")


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"discovery": "control"}, "--discovery"),
        ({"discovery": "control:0"}, "--discovery"),
        ({"name": "Web"}, "--name"),
        ({"namespace": "a b"}, "--namespace"),
        ({"ip": "10.0.0"}, "--ip"),
        ({"plaintext": False}, "--ca-root"),
    ],
)
def test_what_is_wrong_names_its_flag(changed, told):
    values = {"discovery": "control:15010", "name": "web-1", "namespace": "shop"}
    with pytest.raises(OptionsError, match=told):
        Options(**{**values, "ip": "10.0.0.1", "plaintext": True, **changed})
