"""Requests that wait for routes and clusters: the same of the real Envoy and of Lateen."""

from __future__ import annotations

import contextlib
import threading

import pytest

from tests.interop.test_xds_scoped_routes import ask as ask_scope
from tests.interop.test_xds_scoped_routes import scope
from tests.interop.test_xds_virtual_hosts import ask, table
from tests.interop.xds_setting import Setting
from tests.support.client import Client
from tests.support.xds_resources import (
    ADS,
    CDS,
    EDS,
    LDS,
    ON_DEMAND,
    PREFIX,
    RDS,
    ROUTER,
    SRDS,
    VHDS,
    assignment,
    cluster,
    listener,
    routes,
    static_cluster,
    virtual_host,
)

PER_ROUTE = PREFIX + "envoy.extensions.filters.http.on_demand.v3.PerRouteConfig"
NAME = "envoy.filters.http.on_demand"


@pytest.fixture
def setting(command):
    with contextlib.ExitStack() as stack:
        yield Setting(command, True, stack)


def filters(**config):
    return [{"name": NAME, "typed_config": {"@type": ON_DEMAND, **config}}, ROUTER]


def managed(setting, more=None, **config):
    rds = {"config_source": ADS, "route_config_name": "r"}
    manager = {"rds": rds, "http_filters": filters(**config), **(more or {})}
    return listener("l", setting.port, manager=manager)


def put(setting, made, of_routes):
    setting.server.only_named.add(VHDS)
    setting.put(CDS, cluster("a"), cluster("b"))
    setting.put(EDS, assignment("a", setting.one), assignment("b", setting.two))
    setting.put(LDS, made)
    setting.put(RDS, *of_routes)


def start(setting, made, of_routes):
    put(setting, made, of_routes)
    setting.proxy = setting._start()
    setting.server.wait(lambda seen: seen.type_url == LDS and seen.nonce)


def start_with_hosts(setting, more=None):
    setting.put(VHDS, virtual_host("r/one", "one", "a"), virtual_host("r/two", "two", "b"))
    start(setting, managed(setting, more), [table()])
    # The listener waits for the first answer.
    setting.server.wait(lambda seen: seen.type_url == VHDS)
    first = setting.server._with_ttl("r/zero", "1", virtual_host("r/zero", "zero", "a"))
    setting.server.send(VHDS, [first])
    setting.proxy.wait_ready()


def names_of(setting, url):
    return [list(seen.request.resource_names_subscribe) for seen in setting.server.of(url)]


def test_a_request_waits_for_its_virtual_host(setting):
    start_with_hosts(setting)
    assert ask(setting, "one") == "one"
    assert ask(setting, "Two") == "two"
    assert ask(setting, "static") == "one"
    asked = [names for names in names_of(setting, VHDS) if names]
    assert asked == [["r/one"], ["r/two"]]


def test_a_virtual_host_is_found_by_an_alias(setting):
    start_with_hosts(setting)
    answered = []
    asking = threading.Thread(target=lambda: answered.append(ask(setting, "other")))
    setting.server.answers = False
    asking.start()
    setting.server.wait(lambda seen: "r/other" in _names(seen))
    wrapped = setting.server._with_ttl("r/h", "1", virtual_host("r/h", "other", "b"))
    wrapped.aliases.append("r/other")
    setting.server.send(VHDS, [wrapped])
    asking.join(5)
    assert answered == ["two"]


def test_a_host_that_the_server_does_not_know(setting):
    start_with_hosts(setting)
    answered = []
    asking = threading.Thread(target=lambda: answered.append(ask(setting, "none")))
    setting.server.answers = False
    asking.start()
    setting.server.wait(lambda seen: "r/none" in _names(seen))
    unresolved = setting.server._with_ttl("r/none", "1", virtual_host("r/none", "x", "a"))
    unresolved.ClearField("resource")
    unresolved.aliases.append("r/none")
    setting.server.send(VHDS, [unresolved])
    asking.join(5)
    assert answered == [404]


@pytest.mark.parametrize(
    ("more", "body"),
    [
        ({"stream_idle_timeout": "0.3s"}, "stream timeout"),
        (
            {"common_http_protocol_options": {"max_stream_duration": "0.3s"}},
            "downstream duration timeout",
        ),
    ],
)
def test_a_wait_ends_with_the_time_of_its_request(setting, more, body):
    start_with_hosts(setting, more)
    setting.server.answers = False
    with Client(("127.0.0.1", setting.port), timeout=5) as client:
        client.send(b"GET / HTTP/1.1\r\nhost: one\r\n\r\n")
        response = client.read_response()
    assert (response.status, response.text) == (504, body)


@pytest.mark.parametrize(
    ("more", "grpc_status"),
    [
        ({"stream_idle_timeout": "0.3s"}, "14"),
        ({"common_http_protocol_options": {"max_stream_duration": "0.3s"}}, "4"),
    ],
)
def test_what_a_grpc_call_is_told_when_its_wait_ends(setting, more, grpc_status):
    start_with_hosts(setting, more)
    setting.server.answers = False
    with Client(("127.0.0.1", setting.port), timeout=5) as client:
        client.send(
            b"POST / HTTP/1.1\r\nhost: one\r\n"
            b"content-type: application/grpc\r\ncontent-length: 0\r\n\r\n"
        )
        response = client.read_response()
    assert (response.status, response.get("grpc-status")) == (200, grpc_status)


def _names(seen):
    return list(getattr(seen.request, "resource_names_subscribe", ()))


def test_a_client_that_leaves_and_one_that_stays(setting):
    start_with_hosts(setting)
    setting.server.answers = False
    with Client(("127.0.0.1", setting.port), timeout=5) as client:
        client.send(b"GET / HTTP/1.1\r\nhost: one\r\n\r\n")
        setting.server.wait(lambda seen: "r/one" in _names(seen))
    setting.until(1, lambda: setting.proxy.stats()["http.in.downstream_cx_destroy_remote"])
    answered = []
    asking = threading.Thread(target=lambda: answered.append(ask(setting, "one")))
    asking.start()
    setting.until(1, lambda: setting.proxy.stats()["http.in.downstream_rq_active"])
    setting.server.answers = True
    setting.server.send(
        VHDS, [setting.server._with_ttl("r/one", "7", virtual_host("r/one", "one", "a"))]
    )
    asking.join(5)
    assert answered == ["one"]


def test_the_routes_of_a_scope_come_on_demand(setting):
    setting.put(SRDS, scope("first", "1", "r"), scope("second", "2", "q", on_demand=True))
    start(setting, _scoped_on_demand(setting), [routes("r", "a"), routes("q", "b")])
    setting.proxy.wait_ready()
    assert ask_scope(setting, "1") == "one"
    assert ["q"] not in names_of(setting, RDS)
    assert _scopes(setting) == (1, 2, 1)
    assert ask_scope(setting, "2") == "two"
    assert ["q"] in names_of(setting, RDS)
    assert _scopes(setting) == (2, 2, 1)
    assert ask_scope(setting, "3") == 404


def _scoped_on_demand(setting):
    builder = {"fragments": [{"header_value_extractor": {"name": "x-scope", "index": 0}}]}
    scopes = {
        "name": "s",
        "scope_key_builder": builder,
        "rds_config_source": ADS,
        "scoped_rds": {"scoped_rds_config_source": ADS},
    }
    manager = {"scoped_routes": scopes, "http_filters": filters()}
    return listener("l", setting.port, manager=manager)


def _scopes(setting):
    stats = setting.proxy.stats()
    names = ("active_scopes", "all_scopes", "on_demand_scopes")
    return tuple(stats[f"http.in.scoped_rds.s.{name}"] for name in names)


ODCDS = {"source": ADS, "timeout": "2s"}


def start_without_cluster(setting, of_routes, **config):
    setting.server.only_named.add(CDS)
    put(setting, managed(setting, **config), [of_routes])
    setting.proxy = setting._start()
    setting.server.wait(lambda seen: seen.type_url == CDS)
    setting.server.send(CDS)  # nothing for who asks for all
    setting.proxy.wait_ready()


@pytest.mark.parametrize("where", ["filter", "route"])
def test_a_request_waits_for_its_cluster(setting, where):
    made = routes("r", "b")
    if where == "route":
        override = {NAME: {"@type": PER_ROUTE, "odcds": ODCDS}}
        made = routes("r", "b", typed_per_filter_config=override)
    start_without_cluster(setting, made, **({"odcds": ODCDS} if where == "filter" else {}))
    assert setting.ask() == "two"
    assert setting.ask() == "two"
    assert ["b"] in names_of(setting, CDS)


COLLECTION = "xdstp://authority/envoy.config.cluster.v3.Cluster/dir"


def send_cluster(setting, name, resource):
    """Sends the cluster `name`, which leads to `two`, as a resource of some name."""
    setting.server.answers = True
    setting.server.put(EDS, {name: assignment(name, setting.two)})
    setting.server.send(CDS, [setting.server._with_ttl(resource, "1", cluster(name))])


@pytest.mark.parametrize("where", ["filter", "route"])
def test_a_request_waits_for_a_collection_of_clusters(setting, where):
    of_collection = {"odcds": {**ODCDS, "resources_locator": f"{COLLECTION}/*"}}
    made = routes("r", "b")
    if where == "route":
        override = {NAME: {"@type": PER_ROUTE, **of_collection}}
        made = routes("r", "b", typed_per_filter_config=override)
    start_without_cluster(setting, made, **(of_collection if where == "filter" else {}))
    setting.server.answers = False
    answered = []
    asking = threading.Thread(target=lambda: answered.append(setting.ask()))
    asking.start()
    setting.server.wait(lambda seen: f"{COLLECTION}/*" in _names(seen))
    send_cluster(setting, "b", f"{COLLECTION}/b")
    asking.join(5)
    assert answered == ["two"]
    assert ["b"] not in names_of(setting, CDS)


def test_a_cluster_that_the_collection_does_not_have_is_asked_for_by_name(setting):
    of_collection = {**ODCDS, "timeout": "1s", "resources_locator": f"{COLLECTION}/*"}
    start_without_cluster(setting, routes("r", "b"), odcds=of_collection)
    setting.server.answers = False
    answered = []

    def asks():
        # Envoy asks by name for what is wanted after the first answer of the collection.
        answered.extend(setting.ask() for _ in range(2))

    asking = threading.Thread(target=asks)
    asking.start()
    setting.server.wait(lambda seen: f"{COLLECTION}/*" in _names(seen))
    other = setting.server._with_ttl(f"{COLLECTION}/c", "1", static_cluster("c"))
    setting.server.send(CDS, [other])
    setting.server.wait(lambda seen: seen.type_url == CDS and "b" in _names(seen))
    send_cluster(setting, "b", "b")
    asking.join(5)
    assert answered[-1] == "two"


def test_a_cluster_that_there_is_not(setting):
    start_without_cluster(setting, routes("r", "none"), odcds=ODCDS)
    assert setting.ask() == 503
    assert ["none"] in names_of(setting, CDS)


def test_a_cluster_that_does_not_come_in_time(setting):
    start_without_cluster(setting, routes("r", "b"), odcds={**ODCDS, "timeout": "0.2s"})
    setting.server.answers = False
    assert setting.ask() == 503


def test_without_a_source_no_cluster_is_asked_for(setting):
    start_without_cluster(setting, routes("r", "b"))
    assert setting.ask() == 503
    assert ["b"] not in names_of(setting, CDS)
