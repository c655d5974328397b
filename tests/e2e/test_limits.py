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


def answered(
    port: int, proxy: Proxy, server: Upstream, alone: int, wanted: int
) -> tuple[Counter[int], dict[str, int]]:
    """Statuses of the requests that were answered once `wanted` were, and the cluster's stats then.

    The first `alone` requests get their connections one after the other: while a request waits for
    one it counts as pending. All others come at once.
    """
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
    for number, client in enumerate(clients):
        client.send(get("/"))
        if number < alone:
            proxy.wait_stat("cluster.be.upstream_rq_active", number + 1)
    for thread in threads:
        thread.start()
    with done:
        assert done.wait_for(lambda: sum(statuses.values()) >= wanted, 15.0), statuses
    proxy.wait_stat("cluster.be.upstream_rq_503", wanted)
    stats, seen = proxy.stats("filter=cluster.be"), Counter(statuses)
    server.close()
    for thread in threads:
        thread.join(20.0)
    for client in clients:
        client.close()
    return seen, stats


@pytest.mark.parametrize("high", [False, True], ids=["default", "high"])
@pytest.mark.parametrize(
    ("thresholds", "through"),
    [
        ({"max_requests": 7}, 7),
        ({"max_connections": 5, "max_pending_requests": 3}, 8),
    ],
    ids=["requests", "connections and pending"],
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
    connections = int(str(thresholds.get("max_connections", CLIENTS)))
    alone = 0 if connections == CLIENTS else connections
    statuses, stats = answered(port, proxy, server, alone, CLIENTS - through)
    assert statuses == {503: CLIENTS - through}
    assert stats["cluster.be.upstream_cx_total"] <= connections
