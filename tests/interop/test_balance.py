"""`exact_balance` of a listener: the same on Envoy and on Lateen."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.interop.config import Mapped
from tests.support.client import Client
from tests.support.ports import PortLease
from tests.support.proxies import Proxy, envoy_command, lateen_command
from tests.support.workers import eventually

ECHO = "type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo"
WORKERS = 2
EACH = 4


def bootstrap(port: int, **given: object) -> Mapped:
    """A balanced listener that echoes."""
    echo = {"name": "echo", "typed_config": {"@type": ECHO}}
    listener = {
        "name": "l",
        "stat_prefix": "balanced",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [{"filters": [echo]}],
        "connection_balance_config": {"exact_balance": {}},
        **given,
    }
    return {"static_resources": {"listeners": [listener]}}


@pytest.fixture(params=["envoy", "lateen"])
def command(request: pytest.FixtureRequest) -> list[str]:
    """How each of the proxies is started."""
    found = envoy_command() if request.param == "envoy" else lateen_command()
    if found is None:
        pytest.skip(f"no {request.param}")
    return found


def active(proxy: Proxy) -> Callable[[], list[int]]:
    """The active connections of each worker."""

    def ask() -> list[int]:
        stats = proxy.stats("filter=worker_..downstream_cx_active")
        return [stats[f"listener.balanced.worker_{n}.downstream_cx_active"] for n in range(WORKERS)]

    return ask


def echoes(client: Client) -> None:
    """Waits until the connection is served."""
    client.send(b"x")
    assert client.reader.read_exactly(1, time.monotonic() + 10) == b"x"


@pytest.mark.oracle
@pytest.mark.parametrize("shares", [True, False])
def test_each_worker_has_as_many(command: list[str], shares: bool) -> None:
    with ExitStack() as stack:
        port = stack.enter_context(PortLease()).port
        config = bootstrap(port, enable_reuse_port=shares)
        proxy = stack.enter_context(Proxy(command, config, concurrency=WORKERS))
        count = active(proxy)

        def connect() -> Client:
            client = stack.enter_context(Client(("127.0.0.1", port)))
            echoes(client)
            return client

        clients = [connect() for _ in range(WORKERS * EACH)]
        assert count() == [EACH] * WORKERS
        for client in clients[: EACH + 1]:
            client.close()
        eventually(lambda: sum(count()) == WORKERS * EACH - EACH - 1)
        for _ in range(EACH + 1):
            connect()
        assert count() == [EACH] * WORKERS
