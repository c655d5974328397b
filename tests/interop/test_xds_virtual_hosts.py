"""Virtual hosts that come by themselves (VHDS): the same of the real Envoy and of Lateen."""

from __future__ import annotations

import contextlib

import pytest

from tests.interop.xds_setting import Setting
from tests.support.client import Client
from tests.support.xds_resources import (
    ADS,
    CDS,
    EDS,
    LDS,
    RDS,
    VHDS,
    assignment,
    cluster,
    listener,
    message,
    routes,
    virtual_host,
)


@pytest.fixture
def setting(command):
    with contextlib.ExitStack() as stack:
        yield Setting(command, True, stack)


def table(name="r", **more):
    first = routes(name, "a").virtual_hosts[0]
    del first.domains[:]
    first.domains.append("static")
    made = routes(name, "a", vhds={"config_source": ADS}, **more)
    made.virtual_hosts[0].CopyFrom(first)
    return made


def ask(setting, host):
    with Client(("127.0.0.1", setting.port), timeout=5) as client:
        client.send(f"GET / HTTP/1.1\r\nhost: {host}\r\n\r\n".encode())
        response = client.read_response()
    return response.text if response.status == 200 else response.status


def start(setting):
    setting.put(CDS, cluster("a"), cluster("b"))
    setting.put(EDS, assignment("a", setting.one), assignment("b", setting.two))
    setting.put(LDS, listener("l", setting.port))
    setting.put(RDS, table())
    setting.put(VHDS, virtual_host("r/one", "one", "a"), virtual_host("q/other", "other", "a"))
    setting.proxy = setting._start()
    setting.proxy.wait_ready()


def stat(setting, name):
    return setting.proxy.stats()[f"http.in.rds.vhds.r.{name}"]


def test_virtual_hosts_come_change_and_go(setting):
    start(setting)
    assert [ask(setting, host) for host in ("static", "one", "other")] == ["one", "one", 404]
    (first, *_) = setting.server.of(VHDS)
    assert list(first.request.resource_names_subscribe) == []
    setting.put(VHDS, virtual_host("r/one", "one", "b"), virtual_host("r/two", "two", "b"))
    setting.until("two", lambda: ask(setting, "one"))
    assert [ask(setting, host) for host in ("static", "two")] == ["one", "two"]
    assert stat(setting, "config_reload") == 2
    assert stat(setting, "update_success") == 2
    setting.server.remove(VHDS, ["r/one"])
    setting.until(404, lambda: ask(setting, "one"))
    assert ask(setting, "two") == "two"


def test_a_new_version_of_the_routes_keeps_the_virtual_hosts(setting):
    start(setting)
    setting.put(RDS, table(request_headers_to_remove=["x-y"]))
    setting.until(2, lambda: setting.proxy.stats()["http.in.rds.r.config_reload"])
    assert [ask(setting, host) for host in ("static", "one")] == ["one", "one"]
    assert len({seen.nonce for seen in setting.server.of(VHDS)}) == 2
    assert stat(setting, "config_reload") == 1


def test_a_listener_waits_for_the_first_virtual_hosts(setting):
    setting.put(CDS, cluster("a"))
    setting.put(EDS, assignment("a", setting.one))
    setting.put(LDS, listener("l", setting.port))
    setting.put(RDS, table())
    setting.proxy = setting._start()
    setting.server.wait(lambda seen: seen.type_url == VHDS)
    assert setting.proxy.admin("/ready").status != 200
    setting.put(VHDS, virtual_host("r/one", "one", "a"))
    setting.proxy.wait_ready()
    assert ask(setting, "one") == "one"


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (virtual_host("r/bad", "static", "a"), "Only unique values for domains are permitted."),
        (message(VHDS, {"name": "r/bad"}), "Proto constraint validation failed ("),
    ],
)
def test_bad_virtual_hosts_leave_the_last_good_ones(setting, made, reason):
    start(setting)
    begin = len(setting.server.requests)
    setting.put(VHDS, made)
    assert reason in setting.nack(VHDS, begin)
    assert [ask(setting, host) for host in ("static", "one")] == ["one", "one"]
    assert stat(setting, "update_rejected") == 1


def test_config_dump_shows_all_virtual_hosts(setting):
    start(setting)
    (shown,) = setting.dump("dynamic_route_configs")
    names = [each["name"] for each in shown["route_config"]["virtual_hosts"]]
    assert names == ["v", "r/one"]
    assert shown["version_info"] == "v1"


def test_virtual_hosts_go_with_vhds(setting):
    start(setting)
    setting.put(RDS, routes("r", "b"))
    setting.until("two", lambda: ask(setting, "else"))
    assert ask(setting, "static") == "two"


def test_state_of_the_world_has_no_virtual_hosts(command):
    with contextlib.ExitStack() as stack:
        setting = Setting(command, False, stack)
        setting.start()
        begin = len(setting.server.requests)
        setting.put(RDS, table())
        assert "vhds: ADS must use DELTA_GRPC api_type" in setting.nack(RDS, begin)
        assert setting.ask() == "one"
