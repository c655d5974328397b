"""TCP streams: bytes arrive whole, a slow reader stops the writer, memory is bounded."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Callable

import pytest

from tests.e2e.conftest import bootstrap
from tests.e2e.test_backpressure import ALLOWED_GROWTH, BIG, memory, wait_until_still
from tests.support.client import Client
from tests.support.proxies import Proxy
from tests.support.upstream import Close, Echo, Script, Sleep, Upstream, tcp
from tests.support.workers import Mapped, listener_of, tcp_filter

PATTERN = bytes(range(251)) * 16


def tcp_bootstrap(listener: int, upstream: int, **given: object) -> Mapped:
    """One TCP listener and one cluster `be`."""
    config = bootstrap(listener, upstream)
    resources = config["static_resources"]
    assert isinstance(resources, dict)
    resources["listeners"] = [listener_of(listener, {"filters": [tcp_filter("be")]}, **given)]
    return config


def test_a_slow_client_stops_the_upstream(
    start: Callable[..., Proxy],
    upstream: Callable[[Script], Upstream],
    lease: Callable[[], int],
) -> None:
    sent = PATTERN * (BIG // len(PATTERN))
    server, port = upstream(tcp(sent, Close())), lease()
    proxy = start(tcp_bootstrap(port, server.port))
    before = memory(proxy.process.pid)
    with Client(("127.0.0.1", port), timeout=60) as client:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        name = "cluster.be.upstream_cx_rx_bytes_total"
        read = wait_until_still(lambda: proxy.stats().get(name, 0))
        assert read < len(sent), "the proxy read everything although the client read nothing"
        assert memory(proxy.process.pid) - before < ALLOWED_GROWTH
        stats = proxy.stats()
        assert stats["cluster.be.upstream_flow_control_paused_reading_total"] == 1
        assert stats["tcp.t.downstream_cx_tx_bytes_buffered"] >= 1 << 20
        got = hashlib.sha256()
        while data := client.socket.recv(1 << 20):
            got.update(data)
        assert got.digest() == hashlib.sha256(sent).digest()
        stats = proxy.stats()
        assert stats["tcp.t.downstream_cx_tx_bytes_buffered"] == 0
        resumed = stats["cluster.be.upstream_flow_control_resumed_reading_total"]
        assert resumed == stats["cluster.be.upstream_flow_control_paused_reading_total"]


@pytest.mark.parametrize("limit", [4096, 1 << 20])
def test_a_slow_upstream_stops_the_client(
    start: Callable[..., Proxy],
    upstream: Callable[[Script], Upstream],
    lease: Callable[[], int],
    limit: int,
) -> None:
    server, port = upstream(tcp(Sleep(25))), lease()
    config = tcp_bootstrap(port, server.port)
    config["static_resources"]["clusters"][0]["per_connection_buffer_limit_bytes"] = limit  # type: ignore[index]
    proxy = start(config)
    sent = 0

    def upload() -> None:
        nonlocal sent
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=60) as sock:
                while sent < BIG:
                    sent += sock.send(bytes(65536))
        except OSError:
            return

    threading.Thread(target=upload, daemon=True).start()
    assert wait_until_still(lambda: sent) < BIG
    stats = proxy.stats()
    assert stats["tcp.t.downstream_flow_control_paused_reading_total"] >= 1
    buffered = stats["cluster.be.upstream_cx_tx_bytes_buffered"]
    # The kernel may have taken a little more since; reading begins again below half of the limit.
    assert limit // 2 <= buffered <= limit + 65536


def test_many_connections_at_once(
    start: Callable[..., Proxy],
    upstream: Callable[[Script], Upstream],
    lease: Callable[[], int],
) -> None:
    server, port = upstream(tcp(Echo())), lease()
    proxy = start(tcp_bootstrap(port, server.port), concurrency=2)
    failures: list[str] = []

    def talk(number: int) -> None:
        sent = number.to_bytes(2, "big") * (50_000 + number)
        with Client(("127.0.0.1", port), timeout=20) as client:
            writer = threading.Thread(target=lambda: (client.send(sent), client.half_close()))
            writer.start()
            got = b""
            while data := client.socket.recv(65536):
                got += data
            writer.join()
            if got != sent:
                failures.append(f"{number}: {len(got)} of {len(sent)} bytes")

    threads = [threading.Thread(target=talk, args=(n,)) for n in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    proxy.wait_stat("cluster.be.upstream_cx_active", 0)
    assert proxy.stats()["tcp.t.downstream_cx_total"] == 40
