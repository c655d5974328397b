"""Scoped routes over SRDS: all or none, and the routes that scopes name."""

import pytest

from lateen.xds.subscription import FetchFailure
from tests.support.xds_resources import (
    ADS,
    CDS,
    LDS,
    RDS,
    SRDS,
    listener,
    message,
    routes,
    static_cluster,
)
from tests.unit.proxy.resources.support import Proxy

STATS = "http.in.scoped_rds.s"


def scope(name, key, route="", **more):
    fields = {"name": name, "key": {"fragments": [{"string_key": key}]}, **more}
    if route:
        fields["route_configuration_name"] = route
    return message(SRDS, fields)


def inline(target="a"):
    host = {
        "name": "v",
        "domains": ["*"],
        "routes": [{"match": {"prefix": "/"}, "route": {"cluster": target}}],
    }
    return {"name": "inner", "virtual_hosts": [host]}


def scoped(**more):
    builder = {"fragments": [{"header_value_extractor": {"name": "x-scope", "index": 0}}]}
    return {
        "name": "s",
        "scope_key_builder": builder,
        "rds_config_source": ADS,
        "scoped_rds": {"scoped_rds_config_source": ADS},
        **more,
    }


@pytest.fixture
def proxy():
    proxy = Proxy()
    proxy.xds.send(CDS, static_cluster("a"))
    proxy.xds.send(LDS, listener("l", 80, manager={"scoped_routes": scoped()}))
    return proxy


def tables(proxy):
    """Of the last scopes that the workers got: the table of each key."""
    latest = [each for update in proxy.core.updates for each in update.route_scopes][-1]
    return {tuple(each.key): each.route_table for each in latest.scopes}


def test_a_listener_waits_for_its_scopes_and_their_routes(proxy):
    assert not proxy.ready
    assert proxy.xds.names(SRDS) == [None]
    assert proxy.xds.send(SRDS, scope("one", "1", "r"), scope("two", "2", "q")).accepted
    assert sorted(proxy.xds.names(RDS)) == [("q",), ("r",)]
    assert not proxy.ready
    proxy.xds.send(RDS, routes("r", "a"))
    assert not proxy.ready
    proxy.xds.send(RDS, routes("q", "a"))
    assert proxy.ready
    assert tables(proxy) == {("1",): "rds/ads/r", ("2",): "rds/ads/q"}
    assert proxy.stat(f"{STATS}.all_scopes") == proxy.stat(f"{STATS}.active_scopes") == 2
    assert proxy.stat(f"{STATS}.config_reload") == 1


def test_the_wait_for_scopes_ends(proxy):
    proxy.xds.fail(SRDS, failure=FetchFailure.CONNECTION)
    assert not proxy.ready
    proxy.xds.fail(SRDS)
    assert proxy.ready


def test_scopes_that_go_take_their_routes_along(proxy):
    proxy.xds.send(SRDS, scope("one", "1", "r"), scope("two", "2", "q"))
    proxy.xds.send(RDS, routes("r", "a"))
    assert proxy.xds.send(SRDS, scope("two", "1", "q")).accepted
    assert tables(proxy) == {("1",): "rds/ads/q"}
    assert proxy.xds.names(RDS) == [("q",)]
    assert "rds/ads/r" in proxy.core.updates[-1].removed_route_tables
    assert proxy.stat(f"{STATS}.all_scopes") == 1


def test_routes_that_are_no_longer_named_are_not_waited_for(proxy):
    proxy.xds.send(SRDS, scope("one", "1", "r"))
    proxy.xds.send(SRDS, scope("one", "1", "q"))
    assert not proxy.ready
    proxy.xds.send(RDS, routes("q", "a"))
    assert proxy.ready


def test_routes_inside_a_scope(proxy):
    assert proxy.xds.send(SRDS, scope("in", "1", route_configuration=inline())).accepted
    assert proxy.ready
    first = tables(proxy)[("1",)]
    (made,) = [each for update in proxy.core.updates for each in update.route_tables]
    assert (made.name, made.config_name) == (first, "inner")
    changed = scope("in", "1", route_configuration={**inline(), "name": "other"})
    assert proxy.xds.send(SRDS, changed).accepted
    assert tables(proxy)[("1",)] != first
    assert list(proxy.core.updates[-1].removed_route_tables) == [first]
    assert proxy.stat(f"{STATS}.active_scopes") == 0


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (
            [scope("one", "1", "r"), scope("two", "1", "q")],
            "Error adding/updating scoped route(s): scope key conflict found, first scope is"
            " 'one', second scope is 'two'",
        ),
        (
            [scope("one", "1", "r"), scope("one", "2", "q")],
            "Error adding/updating scoped route(s): duplicate scoped route configuration 'one'"
            " found",
        ),
        ([scope("one", "1")], "route_configuration_name is empty."),
        (
            [scope("one", "1", route_configuration=inline("nope"))],
            "route: unknown cluster 'nope'",
        ),
        ([message(SRDS, {"name": "one"})], "Proto constraint validation failed ("),
    ],
)
def test_bad_scopes_change_nothing(proxy, made, reason):
    proxy.xds.send(SRDS, scope("good", "g", "r"))
    before = len(proxy.core.updates)
    outcome = proxy.xds.send(SRDS, *made)
    assert reason in outcome.summary
    assert len(proxy.core.updates) == before
    assert proxy.xds.names(RDS) == [("r",)]
    (subscription,) = proxy.dynamic.scopes.found.values()
    assert list(subscription.scopes) == ["good"]
    assert reason in subscription.error.reason


def test_a_listener_that_goes_takes_its_scopes_along(proxy):
    inner = scope("in", "2", route_configuration=inline())
    proxy.xds.send(SRDS, scope("one", "1", "r"), inner)
    proxy.xds.send(RDS, routes("r", "a"))
    held = set(tables(proxy).values())
    proxy.xds.send(LDS)
    proxy.clock.run()
    assert proxy.xds.names(SRDS) == proxy.xds.names(RDS) == []
    removed = [name for update in proxy.core.updates for name in update.removed_route_scopes]
    assert len(removed) == 1
    gone = {name for update in proxy.core.updates for name in update.removed_route_tables}
    assert gone == held
    assert proxy.dynamic.scopes.found == {}


def test_the_same_scopes_again_change_nothing(proxy):
    made = scope("one", "1", "r")
    proxy.xds.send(SRDS, made)
    assert proxy.xds.send(SRDS, made, version="2").accepted
    assert proxy.stat(f"{STATS}.config_reload") == 1
