"""Internal listeners: each worker has connections of its own to them."""

from __future__ import annotations

from collections.abc import Callable

from tests.e2e.conftest import through_internal
from tests.support.client import Client, get
from tests.support.proxies import Proxy
from tests.support.upstream import Script, Upstream, reply


def test_every_worker_has_its_own(
    start: Callable[..., Proxy],
    upstream: Callable[[Script], Upstream],
    lease: Callable[[], int],
) -> None:
    server, port = upstream(Script([reply(body=b"hello")])), lease()
    config = through_internal(port, server.port)
    config["static_resources"]["listeners"][0]["connection_balance_config"] = {  # type: ignore[index]
        "exact_balance": {}
    }
    proxy = start(config, concurrency=2)
    clients = [Client(("127.0.0.1", port)) for _ in range(4)]
    for client in clients:
        assert client.request(get("/")).text == "hello"
    stats = proxy.stats("filter=worker_..downstream_cx_total")
    inner = [stats[f"listener.envoy_internal_inner.worker_{n}.downstream_cx_total"] for n in (0, 1)]
    assert inner == [1, 1]
    for client in clients:
        client.close()
