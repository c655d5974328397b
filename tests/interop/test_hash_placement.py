"""Where RING_HASH and MAGLEV lead: to the same hosts as Envoy, for the same addresses and keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import pytest

from tests.e2e.conftest import bootstrap
from tests.support.client import Client, get
from tests.support.ports import PortLease
from tests.support.proxies import Proxy, envoy_command, lateen_command
from tests.support.upstream import Script, Upstream, reply

POLICIES = "type.googleapis.com/envoy.extensions.load_balancing_policies"
KEYS = 400
WEIGHTS = (1, 3, 2, 7, 1)
EVEN = (1,) * len(WEIGHTS)

Cluster = dict[str, Any]


def typed(kind: str, **config: object) -> Cluster:
    """A cluster's typed policy."""
    packed = {"@type": f"{POLICIES}.{kind}", **config}
    policy = {"typed_extension_config": {"name": "p", "typed_config": packed}}
    return {"load_balancing_policy": {"policies": [policy]}}


CLUSTERS: Mapping[str, tuple[Sequence[int], Cluster]] = {
    "ring": (EVEN, {"lb_policy": "RING_HASH"}),
    "ring_weights": (WEIGHTS, {"lb_policy": "RING_HASH"}),
    "murmur": (
        WEIGHTS,
        {"lb_policy": "RING_HASH", "ring_hash_lb_config": {"hash_function": "MURMUR_HASH_2"}},
    ),
    "ring_of_seven": (
        WEIGHTS,
        {
            "lb_policy": "RING_HASH",
            "ring_hash_lb_config": {"minimum_ring_size": 7, "maximum_ring_size": 7},
        },
    ),
    "ring_names": (
        WEIGHTS,
        {
            "type": "STRICT_DNS",
            "lb_policy": "RING_HASH",
            "common_lb_config": {
                "consistent_hashing_lb_config": {"use_hostname_for_hashing": True}
            },
        },
    ),
    "typed_ring": (WEIGHTS, typed("ring_hash.v3.RingHash", minimum_ring_size=20_000)),
    "maglev": (EVEN, {"lb_policy": "MAGLEV"}),
    "maglev_weights": (WEIGHTS, {"lb_policy": "MAGLEV"}),
    "maglev_small": (WEIGHTS, {"lb_policy": "MAGLEV", "maglev_lb_config": {"table_size": 11}}),
    "typed_maglev": (WEIGHTS, typed("maglev.v3.Maglev", table_size=5003)),
}


@pytest.fixture(scope="module")
def upstreams() -> Iterator[list[Upstream]]:
    """Servers that say which they are, the same for both proxies."""
    with ExitStack() as stack:
        scripts = [Script([reply(200, f"{n}".encode())]) for n in range(len(WEIGHTS))]
        yield [stack.enter_context(Upstream(script)) for script in scripts]


def endpoint(number: int, port: int | None, weight: int) -> dict[str, object]:
    """One LbEndpoint."""
    socket = {"address": "127.0.0.1", "port_value": port}
    host = {"address": {"socket_address": socket}, "hostname": f"host-{number}"}
    return {"endpoint": host, "load_balancing_weight": weight}


def config(listener: int, upstreams: Sequence[Upstream]) -> Mapping[str, object]:
    """A route to each cluster, by the path."""
    found: dict[str, Any] = dict(bootstrap(listener, 1))
    static = found["static_resources"]
    clusters = []
    for name, (weights, options) in CLUSTERS.items():
        pairs = enumerate(zip(upstreams, weights, strict=True))
        hosts = [endpoint(number, each.port, weight) for number, (each, weight) in pairs]
        assignment = {"cluster_name": name, "endpoints": [{"lb_endpoints": hosts}]}
        clusters.append({"name": name, "load_assignment": assignment, **options})
    static["clusters"] = clusters
    policy = {"header": {"header_name": "x-key"}}
    routes = [
        {"match": {"path": f"/{name}"}, "route": {"cluster": name, "hash_policy": [policy]}}
        for name in CLUSTERS
    ]
    chain = static["listeners"][0]["filter_chains"][0]
    manager = chain["filters"][0]["typed_config"]
    manager["route_config"] = {"virtual_hosts": [{"name": "v", "domains": ["*"], "routes": routes}]}
    return found


def choices(command: Sequence[str], upstreams: Sequence[Upstream]) -> dict[str, list[str]]:
    """The host of each key, by cluster."""
    with PortLease() as lease, Proxy(command, config(lease.port, upstreams)) as proxy:
        seen: dict[str, list[str]] = {}
        with Client(("127.0.0.1", lease.port)) as client:
            for name in CLUSTERS:
                seen[name] = []
                for number in range(KEYS):
                    client.send(get(f"/{name}", headers=f"x-key: key-{number}\r\n"))
                    seen[name].append(client.read_response().text)
        stats = proxy.stats("filter=_hash_lb|maglev_lb")
        seen["stats"] = [f"{stat}: {value}" for stat, value in sorted(stats.items())]
        return seen


@pytest.fixture(scope="module")
def both(upstreams: list[Upstream]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """What Envoy and Lateen chose."""
    envoy, lateen = envoy_command(), lateen_command()
    if envoy is None or lateen is None:
        pytest.skip("no envoy or no lateen to compare")
    return choices(envoy, upstreams), choices(lateen, upstreams)


@pytest.mark.oracle
@pytest.mark.parametrize("cluster", CLUSTERS)
def test_keys_lead_to_the_same_hosts(cluster, both):
    envoy, lateen = both
    assert len(set(envoy[cluster])) >= 2
    assert lateen[cluster] == envoy[cluster]


@pytest.mark.oracle
def test_the_tables_have_the_same_gauges(both):
    envoy, lateen = both
    assert len(envoy["stats"]) > 2 * len(CLUSTERS)
    assert lateen["stats"] == envoy["stats"]
