"""Scoped routes over ADS: the same of the real Envoy and of Lateen.

Each test runs against both, over state of the world and over delta; what it asserts holds for both.
"""

from __future__ import annotations

import pytest

from tests.interop.xds_setting import attempt
from tests.support.client import Client
from tests.support.xds_resources import (
    ADS,
    CDS,
    EDS,
    LDS,
    RDS,
    SRDS,
    assignment,
    cluster,
    listener,
    message,
    routes,
)


def scope(name, key, route="", **more):
    fields = {"name": name, "key": {"fragments": [{"string_key": key}]}, **more}
    if route:
        fields["route_configuration_name"] = route
    return message(SRDS, fields)


def scoped(port, **more):
    builder = {"fragments": [{"header_value_extractor": {"name": "x-scope", "index": 0}}]}
    scopes = {
        "name": "s",
        "scope_key_builder": builder,
        "rds_config_source": ADS,
        "scoped_rds": {"scoped_rds_config_source": ADS},
        **more,
    }
    return listener("l", port, manager={"scoped_routes": scopes})


def ask(setting, key):
    with Client(("127.0.0.1", setting.port), timeout=5) as client:
        client.send(f"GET / HTTP/1.1\r\nhost: h\r\nx-scope: {key}\r\n\r\n".encode())
        response = client.read_response()
    return response.text if response.status == 200 else response.status


def start(setting):
    setting.put(CDS, cluster("a"), cluster("b"))
    setting.put(EDS, assignment("a", setting.one), assignment("b", setting.two))
    setting.put(LDS, scoped(setting.port))
    setting.put(SRDS, scope("first", "1", "r"), scope("second", "2", "q"))
    setting.put(RDS, routes("r", "a"), routes("q", "b"))
    setting.proxy = setting._start()
    setting.proxy.wait_ready()
    setting.until("one", lambda: ask(setting, "1"))


def stat(setting, name):
    return setting.proxy.stats()[f"http.in.scoped_rds.s.{name}"]


def test_a_request_takes_the_table_of_its_scope(setting):
    start(setting)
    assert [ask(setting, key) for key in ("1", "2", "3")] == ["one", "two", 404]
    assert setting.ask() == 404
    assert stat(setting, "all_scopes") == 2
    assert stat(setting, "active_scopes") == 2
    assert stat(setting, "config_reload") == 1


def test_scopes_change_move_and_go(setting):
    start(setting)
    setting.put(SRDS, scope("second", "3", "q"), scope("third", "4", "r"))
    setting.until("two", lambda: ask(setting, "3"))
    assert [ask(setting, key) for key in ("1", "2", "4")] == ["one", 404, "one"]
    setting.server.remove(SRDS, ["first"])
    setting.until(404, lambda: ask(setting, "1"))
    assert [ask(setting, key) for key in ("3", "4")] == ["two", "one"]
    assert stat(setting, "all_scopes") == 2


def test_the_routes_of_a_scope_change(setting):
    start(setting)
    setting.until("two", lambda: ask(setting, "2"))
    setting.put(RDS, routes("q", "a"))
    setting.until("one", lambda: ask(setting, "2"))
    assert ask(setting, "1") == "one"


def test_a_scope_with_its_routes_inside(setting):
    start(setting)
    inside = {
        "name": "inner",
        "virtual_hosts": [
            {
                "name": "v",
                "domains": ["*"],
                "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "b"}}],
            }
        ],
    }
    setting.put(SRDS, scope("inline", "5", route_configuration=inside))
    setting.until("two", lambda: ask(setting, "5"))
    assert ask(setting, "1") == "one"
    assert ask(setting, "6") == 404


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (
            scope("other", "1", "q"),
            "scope key conflict found, first scope is 'first', second scope is 'other'",
        ),
        (message(SRDS, {"name": "k"}), "Proto constraint validation failed ("),
    ],
)
def test_bad_scopes_leave_the_last_good_ones(setting, made, reason):
    start(setting)
    begin = len(setting.server.requests)
    setting.put(SRDS, made)
    assert reason in setting.nack(SRDS, begin)
    assert [ask(setting, key) for key in ("1", "2")] == ["one", "two"]
    assert stat(setting, "update_rejected") == 1


def test_the_scopes_of_a_collection(setting):
    if not setting.delta:
        pytest.skip("collections are for delta")
    begin = "xdstp://authority/envoy.config.route.v3.ScopedRouteConfiguration/dir"
    scopes = {"scoped_rds_config_source": ADS, "srds_resources_locator": f"{begin}/*"}
    setting.put(CDS, cluster("a"))
    setting.put(EDS, assignment("a", setting.one))
    setting.put(LDS, scoped(setting.port, scoped_rds=scopes))
    setting.put(RDS, routes("r", "a"))
    setting.proxy = setting._start()
    asked = setting.server.wait(lambda seen: seen.type_url == SRDS)
    (name,) = asked.request.resource_names_subscribe
    assert name.partition("?")[0] == f"{begin}/*"
    made = setting.server._with_ttl(f"{begin}/first", "1", scope(f"{begin}/first", "1", "r"))
    setting.server.send(SRDS, [made])
    setting.proxy.wait_ready()
    assert ask(setting, "1") == "one"


def test_config_dump_shows_the_scopes(setting):
    start(setting)
    (shown,) = setting.dump("dynamic_scoped_route_configs")
    assert shown["name"] == "s"
    names = {each["name"]: each for each in shown["scoped_route_configs"]}
    assert names.keys() == {"first", "second"}
    assert names["first"]["route_configuration_name"] == "r"
    assert names["first"]["key"] == {"fragments": [{"string_key": "1"}]}


def test_nothing_is_served_before_the_scopes_and_their_routes_are_there(setting):
    setting.put(CDS, cluster("a"), cluster("b"))
    setting.put(EDS, assignment("a", setting.one), assignment("b", setting.two))
    setting.put(LDS, scoped(setting.port))
    setting.proxy = setting._start()
    setting.server.wait(lambda seen: seen.type_url == SRDS)
    assert attempt(lambda: setting.proxy.admin("/ready").status) != 200
    setting.put(SRDS, scope("first", "1", "r"))
    setting.server.wait(lambda seen: seen.type_url == RDS)
    assert setting.proxy.admin("/ready").status != 200
    setting.put(RDS, routes("r", "a"))
    setting.proxy.wait_ready()
    assert ask(setting, "1") == "one"
