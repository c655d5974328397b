"""A host that comes and goes: traffic follows its health, also that of open connections."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

import pytest

from tests.support.client import Client, get
from tests.support.ports import PortLease
from tests.support.proxies import Proxy, lateen_command
from tests.support.upstream import Echo, Script, Upstream, reply, tcp
from tests.support.workers import listener_of, tcp_filter
from tests.support.xds_resources import HCM, ROUTER

LIMIT = 15.0
CHECK = {
    "timeout": "2s",
    "interval": "0.05s",
    "no_traffic_interval": "0.05s",
    "unhealthy_threshold": 1,
    "healthy_threshold": 2,
}
WELL = Script([reply(200, b"first")], paths={"/hc": [reply()]})
ILL = Script([reply(200, b"first")], paths={"/hc": [reply(503)]})
SPARE = Script([reply(200, b"spare")])


def until(wanted: object, what: Callable[[], object]) -> None:
    """Waits until what is seen is what is wanted."""
    deadline = time.monotonic() + LIMIT
    while (seen := what()) != wanted:
        assert time.monotonic() < deadline, f"{seen!r}, not {wanted!r}"
        time.sleep(0.02)


def cluster(first: int, spare: int, check: dict[str, object], **more: object) -> dict[str, object]:
    """A host that is checked, and one that is not for when that fails."""

    def endpoint(port: int, **more: object) -> dict[str, object]:
        address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
        return {"endpoint": {"address": address, **more}}

    unchecked = {"disable_active_health_check": True}
    return {
        "name": "be",
        "health_checks": [{**CHECK, **check}],
        "load_assignment": {
            "cluster_name": "be",
            "endpoints": [
                {"lb_endpoints": [endpoint(first)]},
                {"priority": 1, "lb_endpoints": [endpoint(spare, health_check_config=unchecked)]},
            ],
        },
        **more,
    }


@contextlib.contextmanager
def proxied(
    one: dict[str, object], chain: dict[str, object]
) -> Iterator[tuple[Proxy, Callable[[], Client]]]:
    """A proxy of two workers, and what connects to it."""
    command = lateen_command()
    if command is None:
        pytest.skip("no lateen command: run make build, or set LATEEN_TEST_COMMAND")
    with PortLease() as lease:
        listener = listener_of(lease.port, chain)
        config = {"static_resources": {"listeners": [listener], "clusters": [one]}}
        with Proxy(command, config, concurrency=2) as proxy:
            yield proxy, lambda: Client(("127.0.0.1", lease.port), timeout=10)


def http_chain() -> dict[str, object]:
    """A connection manager that sends everything to the cluster."""
    host = {
        "name": "v",
        "domains": ["*"],
        "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "be"}}],
    }
    manager = {
        "@type": HCM,
        "stat_prefix": "in",
        "http_filters": [ROUTER],
        "route_config": {"virtual_hosts": [host]},
    }
    return {"filters": [{"name": "hcm", "typed_config": manager}]}


def test_traffic_goes_where_hosts_are_well() -> None:
    with Upstream(WELL) as first, Upstream(SPARE) as spare:
        one = cluster(first.port, spare.port, {"http_health_check": {"path": "/hc"}})
        with proxied(one, http_chain()) as (proxy, connect):

            def ask() -> str:
                with connect() as client:
                    client.send(get("/"))
                    return client.read_response().text

            assert ask() == "first", "listeners start when hosts were checked"
            for _ in range(3):
                first.script = ILL
                until("spare", ask)
                first.script = WELL
                until("first", ask)
            stats = proxy.stats()
            assert stats["cluster.be.membership_healthy"] == 2
            assert stats["cluster.be.health_check.failure"] >= 3


@pytest.mark.parametrize("closes", [False, True])
def test_connections_of_tcp_clients_may_end_with_the_health_of_their_host(closes: bool) -> None:
    with Upstream(tcp(Echo())) as first, Upstream(SPARE) as spare, Upstream(WELL) as health:
        more = {"close_connections_on_host_health_failure": closes}
        one = cluster(first.port, spare.port, {"http_health_check": {"path": "/hc"}}, **more)
        endpoints = one["load_assignment"]["endpoints"]  # type: ignore[index]
        endpoints[0]["lb_endpoints"][0]["endpoint"]["health_check_config"] = {
            "port_value": health.port
        }
        with proxied(one, {"filters": [tcp_filter("be")]}) as (proxy, connect), connect() as client:
            client.send(b"hello")
            assert client.socket.recv(5) == b"hello"
            health.script = ILL
            until(1, lambda: proxy.stats()["cluster.be.membership_healthy"])
            if closes:
                assert client.socket.recv(5) == b""
            else:
                client.send(b"still")
                assert client.socket.recv(5) == b"still"
