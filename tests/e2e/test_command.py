"""The command line: bad input gives one clear line (or one a mistake) and a failing exit."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import bootstrap
from tests.support.client import fetch, get
from tests.support.ports import PortLease
from tests.support.proxies import Proxy
from tests.support.upstream import Script, Upstream, reply

THREE_MISTAKES = """\
static_resources:
  listeners:
  - name: main
    address: {socket_address: {address: 127.0.0.1, port_valeu: 10000}}
    filter_chains: []
  clusters:
  - name: be
    type: STATIK
  - name: other
    connect_timeout: soon
"""


def run(command: list[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [*command, *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def mentions_no_traceback(text: str) -> bool:
    """Whether a message is one for users."""
    return "Traceback" not in text and "panicked" not in text


def write(path: Path, config: object) -> str:
    """Write a configuration as JSON."""
    path.write_text(json.dumps(config))
    return str(path)


def test_version(command: list[str]) -> None:
    done = run(command, "--version")
    assert done.returncode == 0
    assert "lateen" in done.stdout.lower()


def test_unknown_flag(command: list[str]) -> None:
    done = run(command, "--no-such-flag")
    assert done.returncode != 0
    assert "--no-such-flag" in done.stderr
    assert mentions_no_traceback(done.stderr)


def test_no_configuration(command: list[str]) -> None:
    done = run(command)
    assert done.returncode != 0
    assert "--config-path" in done.stderr or "-c" in done.stderr
    assert mentions_no_traceback(done.stderr)


def test_missing_file(command: list[str], tmp_path: Path) -> None:
    done = run(command, "-c", str(tmp_path / "nothing.yaml"))
    assert done.returncode != 0
    assert "nothing.yaml" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert mentions_no_traceback(done.stderr)


def test_file_is_a_directory(command: list[str], tmp_path: Path) -> None:
    done = run(command, "-c", str(tmp_path))
    assert done.returncode != 0
    assert str(tmp_path) in done.stderr
    assert mentions_no_traceback(done.stderr)


def test_not_yaml(command: list[str], tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("a: [1, 2\nb: }")
    done = run(command, "--mode", "validate", "-c", str(path))
    assert done.returncode == 1
    assert "bad.yaml:2:" in done.stderr + done.stdout
    assert mentions_no_traceback(done.stderr)


def test_validate_good_file(command: list[str], tmp_path: Path) -> None:
    path = write(tmp_path / "good.json", bootstrap(10000, 10001))
    assert run(command, "--mode", "validate", "-c", path).returncode == 0


def test_validate_three_mistakes(command: list[str], tmp_path: Path) -> None:
    path = tmp_path / "three.yaml"
    path.write_text(THREE_MISTAKES)
    done = run(command, "--mode", "validate", "-c", str(path))
    text = done.stdout + done.stderr
    assert done.returncode == 1
    assert "three.yaml:4:" in text
    assert "port_value" in text, "the nearest field is named"
    assert "three.yaml:8:" in text
    assert "STATIC" in text, "the nearest enum value is named"
    assert "three.yaml:10:" in text
    assert "connect_timeout" in text
    assert mentions_no_traceback(text)


@pytest.mark.parametrize("what", ["listener", "admin"])
def test_port_in_use(what: str, command: list[str], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, PortLease() as free:
        port = taken.getsockname()[1]
        listener, admin = (port, 0) if what == "listener" else (free.port, port)
        address = {"socket_address": {"address": "127.0.0.1", "port_value": admin}}
        config = {**bootstrap(listener, 1), "admin": {"address": address}}
        path = write(tmp_path / "c.json", config)
        done = run(command, "-c", path, "--concurrency", "1", "--disable-hot-restart")
    assert done.returncode != 0
    assert str(port) in done.stderr
    assert mentions_no_traceback(done.stderr)


def test_config_yaml_is_merged_over_the_file(
    start: Callable[..., Proxy],
    upstream: Callable[[Script], Upstream],
    lease: Callable[[], int],
) -> None:
    server, port = upstream(Script([reply()])), lease()
    proxy = start(bootstrap(port, server.port), "--config-yaml", "node: {id: merged, cluster: c}")
    assert json.loads(proxy.admin("/server_info").body)["node"]["id"] == "merged"
    assert fetch(port, get("/")).status == 200


def test_service_flags_reach_the_node(
    start: Callable[..., Proxy],
    upstream: Callable[[Script], Upstream],
    lease: Callable[[], int],
) -> None:
    server, port = upstream(Script([reply()])), lease()
    flags = ("--service-node", "n1", "--service-cluster", "c1", "--service-zone", "z1")
    node = json.loads(start(bootstrap(port, server.port), *flags).admin("/server_info").body)[
        "node"
    ]
    assert (node["id"], node["cluster"], node["locality"]["zone"]) == ("n1", "c1", "z1")


def test_init_only_exits_with_success(command: list[str], tmp_path: Path) -> None:
    path = write(tmp_path / "good.json", bootstrap(0, 10001))
    assert run(command, "--mode", "init_only", "-c", path).returncode == 0
