"""Zone-aware routing on Envoy and on Lateen: shares of many requests, and a local cluster that
changes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.interop.config import HCM, ROUTER, Mapped
from tests.support.client import Client, get
from tests.support.ports import PortLease
from tests.support.proxies import Proxy, envoy_command, lateen_command
from tests.support.upstream import Script, Upstream, reply
from tests.support.workers import eventually

REQUESTS = 2000
PERCENT = REQUESTS / 100
# Of shares, in percent: over four standard deviations.
BOUND = 5
EDS = "envoy.config.endpoint.v3.ClusterLoadAssignment"
Zones = Mapping[str, int]


def address(port: int) -> Mapped:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def assignment(name: str, port: int, zones: Zones, health: str = "HEALTHY") -> Mapped:
    """As many hosts in each zone, all at one address; the second zone has this health."""
    healths = dict.fromkeys(zones, "HEALTHY") | dict.fromkeys(list(zones)[1:2], health)
    return {
        "cluster_name": name,
        "endpoints": [
            {
                "locality": {"zone": zone},
                "lb_endpoints": [
                    {"endpoint": {"address": address(port)}, "health_status": healths[zone]}
                ]
                * count,
            }
            for zone, count in zones.items()
        ],
    }


def listener(port: int) -> Mapped:
    routes = [{"match": {"prefix": "/"}, "route": {"cluster": "be"}}]
    manager = {
        "@type": HCM,
        "stat_prefix": "in",
        "http_filters": [{"name": "router", "typed_config": {"@type": ROUTER}}],
        "route_config": {"virtual_hosts": [{"name": "v", "domains": ["*"], "routes": routes}]},
    }
    chain = {"filters": [{"name": "hcm", "typed_config": manager}]}
    return {"name": "l", "address": address(port), "filter_chains": [chain]}


class Setting:
    """A proxy in zone a that sends all to cluster `be`."""

    def __init__(self, command: list[str], stack: ExitStack, directory: Path) -> None:
        self._stack, self._command, self._directory = stack, command, directory
        self._port = stack.enter_context(PortLease()).port
        self.upstream = stack.enter_context(Upstream(Script([reply()]))).port

    def start(self, be: Mapped, local: Mapped) -> Proxy:
        bootstrap = {
            "node": {"id": "n", "cluster": "c", "locality": {"zone": "a"}},
            "cluster_manager": {"local_cluster_name": "local"},
            "static_resources": {
                "listeners": [listener(self._port)],
                "clusters": [{"name": "be", **be}, {"name": "local", **local}],
            },
        }
        return self._stack.enter_context(Proxy(self._command, bootstrap))

    def watched(self, zones: Zones) -> Mapped:
        """The local cluster, in a file."""
        self.move(zones)
        source = {"path_config_source": {"path": str(self._directory / "eds.json")}}
        return {"type": "EDS", "eds_cluster_config": {"eds_config": source}}

    def move(self, zones: Zones) -> None:
        resource = {"@type": f"type.googleapis.com/{EDS}", **distinct("local", zones)}
        (self._directory / "new.json").write_text(json.dumps({"resources": [resource]}))
        os.replace(self._directory / "new.json", self._directory / "eds.json")

    def ask(self, times: int) -> list[int]:
        """The statuses of so many requests."""
        with Client(("127.0.0.1", self._port), timeout=20) as client:
            statuses = []
            for _ in range(times):
                client.send(get("/"))
                statuses.append(client.read_response().status)
            return statuses


def distinct(name: str, zones: Zones) -> Mapped:
    """Hosts with addresses of their own, which nobody asks."""
    found = assignment(name, 1, zones)
    number = 0
    for group in found["endpoints"]:  # type: ignore[attr-defined]
        hosts = []
        for _ in group["lb_endpoints"]:
            number += 1
            hosts.append({"endpoint": {"address": address(number)}})
        group["lb_endpoints"] = hosts
    return found


@pytest.fixture(params=["envoy", "lateen"])
def setting(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Setting]:
    """Of each of the proxies."""
    command = envoy_command() if request.param == "envoy" else lateen_command()
    if command is None:
        pytest.skip(f"no {request.param}")
    with ExitStack() as stack:
        yield Setting(command, stack, tmp_path)


def shares(proxy: Proxy) -> dict[str, float]:
    """Percent of the requests that went to each zone."""
    stats = proxy.stats("filter=cluster.be.zone")
    ends = {name: value for name, value in stats.items() if name.endswith("upstream_rq_completed")}
    return {name.split(".")[4]: value / PERCENT for name, value in ends.items() if value}


def alike(found: Mapping[str, float], expected: Mapping[str, float]) -> None:
    assert found.keys() == expected.keys(), found
    for zone, share in expected.items():
        assert abs(found[zone] - share) < BOUND, found


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("hosts", "proxies", "expected"),
    [
        # The example of Envoy's page: half of the requests stay.
        ({"a": 1, "b": 5, "c": 4}, {"a": 2, "b": 5, "c": 3}, {"a": 50, "c": 50}),
        ({"a": 2, "b": 6, "c": 2}, {"a": 8, "b": 1, "c": 1}, {"a": 25, "b": 62.5, "c": 12.5}),
        ({"c": 4, "b": 2, "d": 2}, {"a": 5, "b": 1, "d": 4}, {"c": 77, "b": 23}),
    ],
)
def test_what_does_not_fit_goes_elsewhere(
    setting: Setting, hosts: Zones, proxies: Zones, expected: Mapping[str, float]
) -> None:
    be = {"load_assignment": assignment("be", setting.upstream, hosts)}
    proxy = setting.start(be, {"load_assignment": distinct("local", proxies)})
    assert set(setting.ask(REQUESTS)) == {200}
    alike(shares(proxy), expected)
    stats = proxy.stats("filter=cluster.be.lb_")
    sampled = stats["cluster.be.lb_zone_routing_sampled"]
    assert sampled + stats["cluster.be.lb_zone_routing_cross_zone"] == REQUESTS
    assert abs(sampled / PERCENT - expected.get("a", 0)) < BOUND
    assert stats["cluster.be.lb_zone_routing_all_directly"] == 0


@pytest.mark.oracle
def test_a_share_of_the_requests_is_routed(setting: Setting) -> None:
    config = {"zone_aware_lb_config": {"routing_enabled": {"value": 40}}}
    be = {
        "load_assignment": assignment("be", setting.upstream, {"a": 3, "b": 3}),
        "common_lb_config": config,
    }
    proxy = setting.start(be, {"load_assignment": distinct("local", {"a": 1, "b": 1})})
    assert set(setting.ask(REQUESTS)) == {200}
    alike(shares(proxy), {"a": 70, "b": 30})
    directly = proxy.stats("filter=cluster.be.lb_")["cluster.be.lb_zone_routing_all_directly"]
    assert abs(directly / PERCENT - 40) < BOUND


@pytest.mark.oracle
def test_degraded_hosts_are_taken_from_the_same_zone(setting: Setting) -> None:
    hosts = assignment("be", setting.upstream, {"a": 3, "b": 3}, health="DEGRADED")
    be = {
        "load_assignment": hosts,
        "common_lb_config": {"zone_aware_lb_config": {"min_cluster_size": 1}},
    }
    proxy = setting.start(be, {"load_assignment": distinct("local", {"a": 1, "b": 1})})
    statuses = setting.ask(REQUESTS)
    # Healthy hosts are 70 % of what is needed; zone a has no degraded ones for the rest.
    assert abs(statuses.count(200) / PERCENT - 70) < BOUND
    assert proxy.stats("filter=cluster.be")["cluster.be.upstream_cx_none_healthy"] == (
        statuses.count(503)
    )


@pytest.mark.oracle
def test_the_local_cluster_changes(setting: Setting) -> None:
    be = {"load_assignment": assignment("be", setting.upstream, {"a": 3, "b": 3})}
    proxy = setting.start(be, setting.watched({"b": 2}))
    name = "cluster.be.lb_zone_routing_all_directly"
    setting.ask(10)
    assert proxy.stats("filter=lb_zone")[name] == 0

    def settled(times: int) -> bool:
        stats = proxy.stats("filter=lb_recalculate")
        return stats["cluster.be.lb_recalculate_zone_structures"] >= 2 * times

    assert settled(2)
    setting.move({"a": 1, "b": 1})
    eventually(lambda: settled(3))
    setting.ask(10)
    assert proxy.stats("filter=lb_zone")[name] == 10
    setting.move({"b": 1, "c": 1})
    eventually(lambda: settled(4))
    setting.ask(10)
    stats = proxy.stats("filter=cluster.be.lb_")
    assert stats[name] == 10
    assert stats["cluster.be.lb_local_cluster_not_ok"] == 2
    assert stats["cluster.be.lb_recalculate_zone_structures"] == 8
