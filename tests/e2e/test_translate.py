"""`lateen translate`: what a proxy would be sent, and what is wrong in the directory."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

LATEEN = Path(sys.executable).with_name("lateen")
NODE = "sidecar~10.0.0.1~app-1.default~default.svc.cluster.local"
SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: a}
spec: {clusterIP: 10.1.0.1, ports: [{name: http, port: 80}]}
"""


def run(*arguments):
    argv = [str(LATEEN), "translate", *map(str, arguments)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


def test_it_prints_what_a_proxy_would_be_sent(tmp_path):
    (tmp_path / "a.yaml").write_text(SERVICE)
    done = run(tmp_path, "--proxy", NODE)
    assert (done.returncode, done.stderr) == (0, "")
    made = json.loads(done.stdout)
    assert list(made) == ["clusters", "endpoints", "listeners", "routes", "secrets"]
    assert "outbound|80||a.default.svc.cluster.local" in [one["name"] for one in made["clusters"]]
    only = json.loads(run(tmp_path, "--proxy", NODE, "--only", "routes").stdout)
    assert [one["name"] for one in only["routes"]] == ["80"]


def test_it_prints_what_a_proxy_without_capture_would_be_sent(tmp_path):
    (tmp_path / "a.yaml").write_text(SERVICE)
    done = run(tmp_path, "--proxy", NODE, "--interception", "NONE", "--only", "listeners")
    assert [one["name"] for one in json.loads(done.stdout)["listeners"]] == ["127.0.0.1_80"]


ENTRY = """\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: e}
spec: {hosts: [e.com], ports: [{number: 90, name: t, protocol: TCP}], resolution: DNS}
"""


def test_it_prints_what_a_proxy_that_tells_names_would_be_sent(tmp_path):
    (tmp_path / "e.yaml").write_text(ENTRY)
    done = run(tmp_path, "--proxy", NODE, "--dns-capture", "--only", "listeners")
    assert any(one["name"].startswith("240.240.") for one in json.loads(done.stdout)["listeners"])


def test_what_is_wrong_is_told_and_the_rest_is_translated(tmp_path):
    (tmp_path / "a.yaml").write_text(SERVICE)
    (tmp_path / "b.yaml").write_text(SERVICE.replace("name: a", "name: b").replace("80", "x"))
    done = run(tmp_path, "--proxy", NODE, "--only", "routes")
    assert done.returncode == 1
    assert done.stderr == (
        f"{tmp_path}/b.yaml:4:50: error: spec.ports[0].port: expected `int`, got `str`\n"
    )
    assert json.loads(done.stdout)["routes"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--proxy", "a~b"), "'a~b' is no id of a node: TYPE~ADDRESS~NAME.NAMESPACE~DOMAIN"),
        (
            ("--proxy", NODE.replace("10.0.0.1", "here")),
            "'here' is no IP address of a proxy",
        ),
        (
            ("--proxy", NODE.replace("sidecar", "car")),
            "'car' is no type of a proxy: sidecar, router",
        ),
        (
            ("--proxy", NODE, "--only", "all"),
            "'all' is none of clusters, endpoints, listeners, routes, secrets",
        ),
        (("--proxy", NODE, "--label", "a"), "--label: 'a' is not NAME=VALUE"),
        (
            ("--proxy", NODE, "--interception", "none"),
            "--interception: 'none' is none of REDIRECT, TPROXY, NONE",
        ),
    ],
)
def test_a_mistake_is_one_line(tmp_path, arguments, message):
    done = run(tmp_path, *arguments)
    assert (done.returncode, done.stderr) == (1, f"lateen translate: {message}\n")


def test_a_directory_that_is_not_there(tmp_path):
    done = run(tmp_path / "none", "--proxy", NODE)
    expected = f"lateen translate: {tmp_path / 'none'} is no directory\n"
    assert (done.returncode, done.stderr) == (1, expected)
