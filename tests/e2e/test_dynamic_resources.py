"""Resources over ADS under traffic: no request fails while everything changes."""

from __future__ import annotations

import threading
import time

import pytest

from tests.interop.xds_setting import Setting
from tests.support.client import Client
from tests.support.proxies import lateen_command
from tests.support.xds_resources import (
    CDS,
    EDS,
    LDS,
    RDS,
    assignment,
    cluster,
    listener,
    routes,
    static_cluster,
)


@pytest.fixture(params=["sotw", "delta"])
def setting(request, stack):
    command = lateen_command()
    if command is None:
        pytest.skip("no lateen command: run make build, or set LATEEN_TEST_COMMAND")
    return Setting(command, request.param == "delta", stack)


class Traffic:
    """Clients that ask again and again; `failures` are what was not a 200."""

    def __init__(self, port, clients=8):
        self.failures = []
        self.requests = 0
        self._port = port
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(clients)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        for thread in self._threads:
            thread.join(20)

    def _run(self):
        while not self._end.is_set():
            try:
                with Client(("127.0.0.1", self._port), timeout=10) as client:
                    self._ask(client)
            except Exception as error:
                self.failures.append(repr(error))

    def _ask(self, client):
        while not self._end.is_set():
            client.send(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n")
            response = client.read_response()
            self.requests += 1
            if response.status != 200:
                self.failures.append(response.head.start)
            if response.get("connection") == "close":
                return


def test_no_request_fails_while_everything_changes(setting):
    setting.start()
    setting.until("one")
    with Traffic(setting.port) as traffic:
        for number in range(60):
            port = setting.one if number % 2 else setting.two
            setting.put(EDS, assignment("a", port))
            setting.put(RDS, routes("r", "a", request_headers_to_remove=[f"x-{number}"]))
            setting.put(CDS, cluster("a", connect_timeout=f"{2 + number % 5}s"))
            setting.put(LDS, listener("l", setting.port, tcp_backlog_size=1000 + number))
            time.sleep(0.02)
    assert traffic.failures == []
    assert traffic.requests > 100
    stats = setting.proxy.stats()
    assert stats["cluster_manager.cds.update_rejected"] == 0
    assert stats["listener_manager.lds.update_rejected"] == 0
    assert stats["listener_manager.listener_create_failure"] == 0


def test_a_dns_cluster_is_used_when_its_name_is_resolved(setting):
    setting.start()
    setting.until("one")
    address = {"socket_address": {"address": "localhost", "port_value": setting.two}}
    hosts = {
        "cluster_name": "d",
        "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
    }
    named = static_cluster(
        "d", type="STRICT_DNS", dns_lookup_family="V4_ONLY", load_assignment=hosts
    )
    setting.put(CDS, named)
    setting.until(3, lambda: setting.proxy.stats()["cluster_manager.active_clusters"])
    setting.put(RDS, routes("r", "d"))
    setting.until("two")
    stats = setting.proxy.stats()
    assert stats["cluster.d.membership_total"] == 1
    assert stats["cluster_manager.cds.update_rejected"] == 0


def test_endpoints_out_of_the_ordinary(setting):
    setting.start()
    setting.until("one")
    made = assignment("a", setting.two)
    made.endpoints[0].lb_endpoints[0].metadata.filter_metadata["x"].fields["k"].string_value = "v"
    setting.put(EDS, made)
    setting.until("two")
    drop = {"category": "c", "drop_percentage": {"numerator": 100}}
    setting.put(EDS, assignment("a", setting.two, policy={"drop_overloads": [drop]}))
    setting.until(503)
    assert setting.response().get("x-envoy-unconditional-drop-overload") == "true"
    setting.put(EDS, assignment("a", setting.two))
    setting.until("two")


def test_connections_to_hosts_that_stay_stay(setting):
    setting.start()
    setting.until("one")
    before = setting.proxy.stats()["cluster.a.upstream_cx_total"]
    for _ in range(3):
        setting.put(EDS, assignment("a", setting.one, setting.two))
        setting.until(2, lambda: setting.proxy.stats()["cluster.a.membership_total"])
        setting.put(EDS, assignment("a", setting.one))
        setting.until(1, lambda: setting.proxy.stats()["cluster.a.membership_total"])
        assert setting.ask() == "one"
    assert setting.proxy.stats()["cluster.a.upstream_cx_total"] == before
