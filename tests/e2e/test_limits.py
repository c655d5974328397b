"""Circuit breakers let exactly as much through as configured, however many workers there are."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

import pytest

from tests.e2e.conftest import Config, bootstrap
from tests.support.client import Client, get
from tests.support.http1 import ConnectionEnded
from tests.support.proxies import Proxy
from tests.support.upstream import Hold, Script, Upstream, raw

CLIENTS = 24
Start = Callable[..., Proxy]


def limited(port: int, server: Upstream, thresholds: dict[str, object], *, high: bool) -> Config:
    """A cluster with limits at one priority, and a route of that priority."""
    config = bootstrap(port, server.port)
    static = config["static_resources"]
    assert isinstance(static, dict)
    priority = "HIGH" if high else "DEFAULT"
    static["clusters"][0]["circuit_breakers"] = {
        "thresholds": [{"priority": priority, **thresholds}]
    }
    manager = static["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    manager["route_config"]["virtual_hosts"][0]["routes"][0]["route"]["priority"] = priority
    return config


def answered(port: int, proxy: Proxy, wanted: int) -> Counter[int]:
    """Statuses of the requests that were answered, of many at once, once `wanted` were."""
    statuses: Counter[int] = Counter()
    done = threading.Condition()

    def ask(client: Client) -> None:
        try:
            status = client.read_response().status
        except (ConnectionEnded, OSError, ValueError):
            return
        with done:
            statuses[status] += 1
            done.notify_all()

    clients = [Client(("127.0.0.1", port), timeout=20.0) for _ in range(CLIENTS)]
    threads = [threading.Thread(target=ask, args=(client,)) for client in clients]
    for client in clients:
        client.send(get("/"))
    for thread in threads:
        thread.start()
    with done:
        assert done.wait_for(lambda: sum(statuses.values()) >= wanted, 15.0), statuses
    proxy.wait_stat("cluster.be.upstream_rq_503", wanted)
    for client in clients:
        client.close()
    for thread in threads:
        thread.join(20.0)
    return statuses


@pytest.mark.parametrize("high", [False, True], ids=["default", "high"])
@pytest.mark.parametrize(
    ("thresholds", "through"),
    [
        ({"max_requests": 7}, 7),
        ({"max_connections": 5, "max_pending_requests": 3}, 8),
        ({"max_connections": 1, "max_pending_requests": 1}, 2),
    ],
    ids=["requests", "connections and pending", "one of each"],
)
def test_limits_are_exact_over_two_workers(
    thresholds: dict[str, object],
    through: int,
    high: bool,
    start: Start,
    upstream: Callable[[Script], Upstream],
    lease: Callable[[], int],
) -> None:
    server = upstream(Script([raw(Hold())]))
    port = lease()
    proxy = start(limited(port, server, thresholds, high=high), concurrency=2)
    statuses = answered(port, proxy, CLIENTS - through)
    assert statuses == {503: CLIENTS - through}
    stats = proxy.stats("filter=cluster.be")
    assert stats["cluster.be.upstream_cx_total"] <= int(str(thresholds.get("max_connections", 99)))
