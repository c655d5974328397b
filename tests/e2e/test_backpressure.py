"""A slow reader at one end stops the reader at the other; memory stays bounded."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import Config, bootstrap, through_internal
from tests.support.client import Client, get
from tests.support.proxies import Proxy
from tests.support.upstream import Script, Sleep, Upstream, raw

BIG = 64 * 1024 * 1024
ALLOWED_GROWTH = 24 * 1024 * 1024
WAYS = pytest.mark.parametrize("way", [bootstrap, through_internal])
Way = Callable[[int, int], Config]


def memory(process_id: int) -> int:
    """Resident bytes of a process."""
    status = Path(f"/proc/{process_id}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found
    return int(found[1]) * 1024


def wait_until_still(measure: Callable[[], int]) -> int:
    """Wait until a growing number stops growing (at most ten seconds), and return it."""
    deadline = time.monotonic() + 10
    last, still = measure(), 0
    while still < 5 and time.monotonic() < deadline:
        time.sleep(0.1)
        now = measure()
        still = still + 1 if now == last else 0
        last = now
    return last


@WAYS
def test_slow_client(
    start: Callable[..., Proxy],
    upstream: Callable[[Script], Upstream],
    lease: Callable[[], int],
    way: Way,
) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % BIG
    server, port = upstream(Script([raw(head + bytes(BIG))])), lease()
    proxy = start(way(port, server.port))
    before = memory(proxy.process.pid)
    with Client(("127.0.0.1", port), timeout=60) as client:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.send(get("/big"))
        client.read_head()
        received = wait_until_still(
            lambda: proxy.stats().get("cluster.be.upstream_cx_rx_bytes_total", 0)
        )
        assert received < BIG, "the proxy read everything although the client read nothing"
        assert memory(proxy.process.pid) - before < ALLOWED_GROWTH
        left = BIG - len(client.leftover)
        while left > 0 and (data := client.socket.recv(1 << 20)):
            left -= len(data)
        assert left == 0


@WAYS
def test_slow_upstream(
    start: Callable[..., Proxy],
    upstream: Callable[[Script], Upstream],
    lease: Callable[[], int],
    way: Way,
) -> None:
    server, port = upstream(Script([raw(Sleep(25), early=True)])), lease()
    proxy = start(way(port, server.port))
    before = memory(proxy.process.pid)
    sent = 0

    def upload() -> None:
        nonlocal sent
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=60) as sock:
                sock.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % BIG)
                while sent < BIG:
                    sent += sock.send(bytes(65536))
        except OSError:
            return

    threading.Thread(target=upload, daemon=True).start()
    assert wait_until_still(lambda: sent) < BIG
    assert memory(proxy.process.pid) - before < ALLOWED_GROWTH
