"""What the end-to-end tests share: the real command, and a small configuration for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import cast

import pytest

from tests.support.ports import PortLease
from tests.support.proxies import Proxy, lateen_command
from tests.support.upstream import Script, Upstream
from tests.support.workers import tcp_filter

HCM = (
    "type.googleapis.com/envoy.extensions.filters.network"
    ".http_connection_manager.v3.HttpConnectionManager"
)
ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
INTERNAL = "type.googleapis.com/envoy.extensions.bootstrap.internal_listener.v3.InternalListener"
Config = dict[str, object]


def bootstrap(listener: int, upstream: int, **hcm: object) -> Config:
    """One listener on a port, one route, one STATIC cluster `be` of one host."""
    address = {"socket_address": {"address": "127.0.0.1", "port_value": upstream}}
    cluster = {
        "name": "be",
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": "be",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
    }
    route = {"match": {"prefix": "/"}, "route": {"cluster": "be", "timeout": "0s"}}
    manager = {
        "@type": HCM,
        "stat_prefix": "in",
        "route_config": {
            "name": "local",
            "virtual_hosts": [{"name": "vh", "domains": ["*"], "routes": [route]}],
        },
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {"@type": ROUTER}}],
        **hcm,
    }
    network_filter = {
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": manager,
    }
    listening = {
        "name": "main",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": listener}},
        "filter_chains": [{"filters": [network_filter]}],
    }
    return {"static_resources": {"listeners": [listening], "clusters": [cluster]}}


def through_internal(listener: int, upstream: int) -> Config:
    """The same with an internal listener on the way: its tcp_proxy leads to the upstream."""
    static = cast("dict[str, list[Config]]", bootstrap(listener, upstream)["static_resources"])
    (real,) = static["clusters"]
    address = {"envoy_internal_address": {"server_listener_name": "inner"}}
    assignment = {
        "cluster_name": "be",
        "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
    }
    outer = {"name": "be", "load_assignment": assignment}
    chain = {"filters": [tcp_filter("real")]}
    inner = {"name": "inner", "internal_listener": {}, "filter_chains": [chain]}
    typed = {"@type": INTERNAL, "buffer_size_kb": 64}
    return {
        "bootstrap_extensions": [{"name": "internal", "typed_config": typed}],
        "static_resources": {
            "listeners": [*static["listeners"], inner],
            "clusters": [outer, {**real, "name": "real"}],
        },
    }


@pytest.fixture(scope="session")
def command() -> list[str]:
    """The command under test, with `proxy`."""
    found = lateen_command()
    if found is None:
        pytest.skip("no lateen command: run make build, or set LATEEN_TEST_COMMAND")
    return found


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Ends everything that a test has started."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def lease(stack: ExitStack) -> Callable[[], int]:
    """Free ports that stay the test's own."""
    return lambda: stack.enter_context(PortLease()).port


@pytest.fixture
def upstream(stack: ExitStack) -> Callable[[Script], Upstream]:
    """Scripted upstreams."""
    return lambda script: stack.enter_context(Upstream(script))


@pytest.fixture
def start(command: list[str], stack: ExitStack) -> Callable[..., Proxy]:
    """Starts the proxy with a configuration and more arguments."""

    def run(
        config: Mapping[str, object] | str, *arguments: str, concurrency: int = 1,
        prefix: Sequence[str] = (), wait: bool = True,
    ) -> Proxy:  # fmt: skip
        return stack.enter_context(
            Proxy([*prefix, *command], config, arguments, concurrency=concurrency, wait=wait)
        )

    return run
