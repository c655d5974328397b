"""Faults around the proxy: no file descriptors left, names that do not resolve."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from tests.e2e.conftest import bootstrap
from tests.support.client import Client, fetch, get
from tests.support.http1 import ConnectionEnded
from tests.support.proxies import Proxy
from tests.support.upstream import Script, Upstream, reply

Start = Callable[..., Proxy]
MakeUpstream = Callable[[Script], Upstream]


def processor_seconds(process_id: int) -> float:
    """User and system time of a process."""
    fields = Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_no_file_descriptors_left(
    start: Start, upstream: MakeUpstream, lease: Callable[[], int]
) -> None:
    server, port = upstream(Script([reply()])), lease()
    limit = ("sh", "-c", 'ulimit -n 96; exec "$@"', "sh")
    proxy = start(bootstrap(port, server.port), prefix=limit)
    assert fetch(port, get("/before")).status == 200
    clients = [Client(("127.0.0.1", port), timeout=2) for _ in range(150)]
    time.sleep(0.3)
    before = processor_seconds(proxy.process.pid)
    time.sleep(1.0)
    spent = processor_seconds(proxy.process.pid) - before
    for client in clients:
        client.close()
    assert spent < 0.5, "the proxy spins while it has no file descriptors"
    deadline = time.monotonic() + 15
    while True:
        try:
            assert fetch(port, get("/after"), timeout=2).status == 200
            break
        except (OSError, ConnectionEnded):
            assert time.monotonic() < deadline, "the proxy did not recover"
    assert proxy.process.poll() is None


def test_unresolvable_cluster_does_not_stop_the_start(
    start: Start, upstream: MakeUpstream, lease: Callable[[], int]
) -> None:
    server, port = upstream(Script([reply()])), lease()
    config = bootstrap(port, server.port)
    static = config["static_resources"]
    assert isinstance(static, dict)
    address = {"socket_address": {"address": "no-such-host.invalid", "port_value": 80}}
    for kind in ("STRICT_DNS", "LOGICAL_DNS"):
        endpoints = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
        assignment = {"cluster_name": kind, "endpoints": endpoints}
        static["clusters"].append({"name": kind, "type": kind, "load_assignment": assignment})
    proxy = start(config)
    assert fetch(port, get("/")).status == 200
    assert proxy.stats()["cluster.STRICT_DNS.membership_total"] == 0
