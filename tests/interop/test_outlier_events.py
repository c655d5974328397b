"""The log of ejected hosts has the lines that Envoy's has."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.client import Client
from tests.support.events import read_events
from tests.support.ports import PortLease
from tests.support.proxies import Proxy, envoy_command, lateen_command
from tests.support.workers import listener_of, tcp_filter

_OUTLIER = {
    "consecutive_5xx": 1,
    "max_ejection_percent": 100,
    "interval": "0.3s",
    "base_ejection_time": "1s",
}


def _events(command: list[str], folder: Path) -> list[dict[str, object]]:
    """What is logged of a host that is ejected, because it refuses a connection, and returns."""
    log = folder / "events"
    with PortLease() as lease, PortLease() as dead:
        address = {"socket_address": {"address": "127.0.0.1", "port_value": dead.port}}
        cluster = {
            "name": "be",
            "outlier_detection": _OUTLIER,
            "load_assignment": {
                "cluster_name": "be",
                "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
            },
        }
        listener = listener_of(lease.port, {"filters": [tcp_filter("be")]})
        config = {
            "cluster_manager": {"outlier_detection": {"event_log_path": str(log)}},
            "static_resources": {"listeners": [listener], "clusters": [cluster]},
        }
        with Proxy(command, config), Client(("127.0.0.1", lease.port)) as client:
            assert client.socket.recv(1) == b""
            events = read_events(log, 2)
    return [_scrubbed(event, dead.port) for event in events]


def _scrubbed(event: dict[str, object], port: int) -> dict[str, object]:
    assert str(event.pop("timestamp")).endswith("Z")
    assert event.pop("upstream_url") == f"127.0.0.1:{port}"
    return event


@pytest.mark.oracle
def test_events_are_those_of_envoy(tmp_path: Path) -> None:
    envoy, lateen = envoy_command(), lateen_command()
    if envoy is None or lateen is None:
        pytest.skip("no real Envoy or no lateen command: run make build")
    seen = []
    for name, command in (("envoy", envoy), ("lateen", lateen)):
        (tmp_path / name).mkdir()
        seen.append(_events(command, tmp_path / name))
    assert seen[0] == seen[1]
    assert [event["action"] for event in seen[1]] == ["EJECT", "UNEJECT"]
