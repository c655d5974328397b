"""Listeners over LDS: warming, replacing, draining, what is refused."""

import pytest

from lateen.xds.subscription import FetchFailure
from tests.support.xds_resources import CDS, LDS, RDS, ROUTER, listener, routes, static_cluster
from tests.unit.proxy.resources.support import Proxy

INLINE = {
    "route_config": {
        "name": "i",
        "virtual_hosts": [
            {
                "name": "v",
                "domains": ["*"],
                "routes": [{"match": {"prefix": "/"}, "direct_response": {"status": 200}}],
            }
        ],
    }
}


def with_body(text):
    route = {
        "match": {"prefix": "/"},
        "direct_response": {"status": 200, "body": {"inline_string": text}},
    }
    host = {"name": "v", "domains": ["*"], "routes": [route]}
    return {"route_config": {"name": "i", "virtual_hosts": [host]}}


@pytest.fixture
def proxy():
    """One that is past its beginning."""
    proxy = Proxy()
    proxy.xds.send(CDS, static_cluster("a"))
    proxy.xds.send(LDS)
    assert proxy.ready
    proxy.core.updates.clear()
    return proxy


def gauges(proxy):
    names = ("active", "warming")
    found = [proxy.stat(f"listener_manager.total_listeners_{name}") for name in names]
    draining = [each for each in proxy.dynamic.listeners.warming.draining if not each.in_place]
    return (*found, len(draining))


def chains_draining(proxy):
    return sum(each.in_place for each in proxy.dynamic.listeners.warming.draining)


def test_a_listener_is_used_when_its_routes_come(proxy):
    proxy.xds.send(LDS, listener("l", 80))
    assert proxy.applied == []
    assert gauges(proxy) == (0, 1, 0)
    proxy.xds.send(RDS, routes("r", "a"))
    assert proxy.applied == [("routes", "r"), ("listener", "l")]
    assert gauges(proxy) == (1, 0, 0)


def test_a_listener_does_without_routes_in_the_end(proxy):
    proxy.xds.send(LDS, listener("l", 80))
    proxy.xds.fail(RDS, "r", FetchFailure.CONNECTION)
    assert proxy.applied == []
    proxy.xds.fail(RDS, "r")
    assert proxy.applied == [("listener", "l")]


def test_inline_routes_go_with_their_listener(proxy):
    proxy.xds.send(LDS, listener("l", 80, manager=INLINE))
    assert proxy.applied == [("routes", "i"), ("listener", "l")]
    (update,) = proxy.core.updates
    manager = update.listeners[0].filter_chains[0].filters[0].http_connection_manager
    assert manager.route_table == update.route_tables[0].name
    proxy.xds.send(LDS)
    assert proxy.applied[2:] == [("no listener", "l")]
    assert gauges(proxy) == (0, 0, 1)
    proxy.clock.run()
    assert gauges(proxy) == (0, 0, 0)
    assert list(proxy.core.updates[-1].removed_route_tables) == [update.route_tables[0].name]


def test_the_same_routes_keep_their_table(proxy):
    proxy.xds.send(LDS, listener("l", 80, manager=INLINE))
    proxy.xds.send(LDS, listener("l", 80, manager=INLINE, tcp_backlog_size=5))
    first, second = proxy.core.updates
    assert list(second.route_tables) == []
    assert first.listeners[0].filter_chains == second.listeners[0].filter_chains
    proxy.clock.run()
    assert not proxy.core.updates[-1].removed_route_tables


def test_a_change_of_chains_alone_is_made_in_place(proxy):
    proxy.xds.send(LDS, listener("l", 80, manager=with_body("1")))
    proxy.xds.send(LDS, listener("l", 80, manager=with_body("2")))
    assert proxy.stat("listener_manager.listener_in_place_updated") == 1
    assert gauges(proxy) == (1, 0, 0)
    assert chains_draining(proxy) == 1
    proxy.xds.send(LDS, listener("l", 80, manager=with_body("2"), tcp_backlog_size=5))
    assert proxy.stat("listener_manager.listener_in_place_updated") == 1
    assert gauges(proxy) == (1, 0, 1)
    assert proxy.stat("listener_manager.listener_modified") == 2
    proxy.clock.run()
    assert chains_draining(proxy) == 0


def test_the_old_version_serves_until_the_new_one_is_warm(proxy):
    proxy.xds.send(LDS, listener("l", 80, manager=INLINE))
    proxy.xds.send(LDS, listener("l", 80))
    assert gauges(proxy) == (1, 1, 0)
    proxy.xds.send(LDS, listener("l", 80, "other"))
    assert proxy.xds.names(RDS) == [("other",)]
    proxy.xds.send(RDS, routes("other", "a"))
    assert gauges(proxy) == (1, 0, 0)
    assert chains_draining(proxy) == 1
    proxy.xds.send(LDS, listener("l", 81, manager=INLINE))
    assert gauges(proxy) == (1, 0, 1)
    proxy.clock.run()
    assert proxy.xds.names(RDS) == []


def test_going_back_before_it_is_warm_is_a_change_too(proxy):
    proxy.xds.send(LDS, listener("l", 80, manager=INLINE))
    proxy.xds.send(LDS, listener("l", 80))
    proxy.xds.send(LDS, listener("l", 80, manager=INLINE))
    assert gauges(proxy) == (1, 0, 0)
    assert proxy.xds.names(RDS) == []


def test_what_did_not_change_costs_nothing(proxy):
    proxy.xds.send(LDS, listener("l", 80, manager=INLINE), listener("m", 81, manager=INLINE))
    proxy.core.updates.clear()
    proxy.xds.send(LDS, listener("l", 80, manager=INLINE), listener("m", 82, manager=INLINE))
    assert proxy.applied == [("listener", "m")]


def test_good_listeners_are_taken_beside_bad_ones(proxy):
    wrong = listener("w", 81, manager=INLINE)
    wrong.filter_chains[0].filters[0].typed_config.type_url = ROUTER["typed_config"]["@type"]
    wrong.filter_chains[0].filters[0].typed_config.value = b""
    outcome = proxy.xds.send(
        LDS,
        listener("l", 80, manager=INLINE),
        wrong,
        listener("e", 82, filter_chains=[]),
        version="2",
    )
    assert [each.name for each in outcome.bad] == ["w", "e"]
    assert outcome.summary.startswith("Error adding/updating listener(s) w: ")
    assert (
        "\ne: error adding listener '127.0.0.1:82': no filter chains specified" in outcome.summary
    )
    assert ("listener", "l") in proxy.applied
    states = proxy.dynamic.listeners.warming
    assert set(states.errors) == {"w", "e"}
    assert list(states.active) == ["l"]


def test_rules_refuse_the_whole_response(proxy):
    outcome = proxy.xds.send(LDS, listener("l", 80, manager=INLINE), listener("m", 99999))
    assert outcome.summary.startswith("Proto constraint validation failed (")
    assert "address.socket_address.port_value" in outcome.summary
    assert proxy.applied == []


def test_two_of_one_name(proxy):
    made = listener("l", 80, manager=INLINE)
    outcome = proxy.xds.send(LDS, made, listener("l", 81, manager=INLINE))
    assert outcome.summary == "Error adding/updating listener(s) l: duplicate listener l found\n"


def test_two_at_one_address(proxy):
    outcome = proxy.xds.send(
        LDS, listener("l", 80, manager=INLINE), listener("m", 80, manager=INLINE)
    )
    assert outcome.bad[0].name == "m"
    assert outcome.bad[0].reason.startswith(
        "error adding listener: 'm' has duplicate address '127.0.0.1:80' as existing listener"
    )


def test_an_address_that_cannot_be_bound(proxy):
    proxy.core.refuse = lambda update: [
        {"kind": "listener", "name": each.name, "reason": "cannot bind '127.0.0.1:80': in use"}
        for each in update.listeners
    ]
    outcome = proxy.xds.send(LDS, listener("l", 80, manager=INLINE))
    assert "l: cannot bind '127.0.0.1:80': in use\n" in outcome.summary
    assert gauges(proxy) == (0, 0, 0)
    names = {block.prefix for block in proxy.dynamic._context.blocks}
    assert "http.in" not in names


def test_stats_of_a_removed_listener_go_after_it_drained(proxy):
    proxy.xds.send(LDS, listener("l", 80, manager=INLINE))
    proxy.xds.send(LDS)

    def names():
        return {block.prefix for block in proxy.dynamic._context.blocks}

    assert {"http.in", "listener.127.0.0.1_80"} <= names()
    proxy.clock.run()
    assert not {"http.in", "listener.127.0.0.1_80"} & names()
    proxy.dynamic.tick()
    assert len(proxy.core.updates[-1].released_stats_blocks) == 3


def test_a_static_listener_is_not_replaced():
    inline = """
static_resources:
  listeners:
  - name: s
    address: {socket_address: {address: 127.0.0.1, port_value: 80}}
    filter_chains:
    - filters:
      - name: t
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
          stat_prefix: t
          cluster: xds
"""
    from tests.unit.proxy.resources.support import BOOTSTRAP

    proxy = Proxy(BOOTSTRAP.replace("static_resources:\n", inline))
    proxy.xds.send(CDS)
    assert proxy.xds.send(LDS, listener("s", 80, manager=INLINE)).accepted
    assert ("listener", "s") not in proxy.applied
    assert proxy.stat("listener_manager.total_listeners_active") == 1
