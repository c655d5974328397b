"""SIGTERM and /quitquitquit drain: nothing in flight is cut, and the exit is clean."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable

import pytest

from tests.e2e.conftest import bootstrap
from tests.support.client import Client, fetch, get
from tests.support.proxies import Proxy
from tests.support.upstream import Script, Sleep, Upstream, raw, reply

LATE = raw(Sleep(1.0), b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate")
Start = Callable[..., Proxy]
MakeUpstream = Callable[[Script], Upstream]


@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT", "quitquitquit"])
def test_in_flight_requests_end_first(
    how: str, start: Start, upstream: MakeUpstream, lease: Callable[[], int]
) -> None:
    server, port = upstream(Script([LATE])), lease()
    proxy = start(bootstrap(port, server.port), "--drain-time-s", "10")
    with Client(("127.0.0.1", port)) as client:
        client.send(get("/slow"))
        proxy.wait_stat("cluster.be.upstream_rq_active", 1)
        if how == "quitquitquit":
            assert proxy.admin("/quitquitquit", "POST").text == "OK\n"
        else:
            proxy.signal(signal.Signals[how])
        response = client.read_response()
        assert (response.status, response.text) == (200, "late")
        assert response.get("connection") == "close"
        assert client.state_after(5) == "closed"
    assert proxy.wait_exit() == 0


def test_drain_time_bounds_the_wait(
    start: Start, upstream: MakeUpstream, lease: Callable[[], int]
) -> None:
    server = upstream(Script([raw(Sleep(25), b"HTTP/1.1 200 OK\r\n\r\n")]))
    port = lease()
    proxy = start(bootstrap(port, server.port), "--drain-time-s", "1")
    with Client(("127.0.0.1", port)) as client:
        client.send(get("/never"))
        proxy.wait_stat("cluster.be.upstream_rq_active", 1)
        proxy.signal(signal.SIGTERM)
        assert proxy.wait_exit(15) == 0


def test_new_connections_are_refused_while_draining(
    start: Start, upstream: MakeUpstream, lease: Callable[[], int]
) -> None:
    server, port = upstream(Script([LATE])), lease()
    proxy = start(bootstrap(port, server.port), "--drain-time-s", "10")
    with Client(("127.0.0.1", port)) as client:
        client.send(get("/slow"))
        proxy.wait_stat("cluster.be.upstream_rq_active", 1)
        proxy.signal(signal.SIGTERM)
        refused = False
        while not refused:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
            except OSError:
                refused = True
        assert client.read_response().status == 200
    assert proxy.wait_exit() == 0


def test_failed_health_check_closes_connections(
    start: Start, upstream: MakeUpstream, lease: Callable[[], int]
) -> None:
    server, port = upstream(Script([reply()])), lease()
    proxy = start(bootstrap(port, server.port))
    proxy.admin("/healthcheck/fail", "POST")
    assert proxy.admin("/ready").status == 503
    assert fetch(port, get("/")).get("connection") == "close"
    proxy.admin("/healthcheck/ok", "POST")
    assert fetch(port, get("/")).get("connection") is None
