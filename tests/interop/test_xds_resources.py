"""What a proxy does with resources over ADS: the same of the real Envoy and of Lateen.

Each test runs against both, over state of the world and over delta; what it asserts holds for both.
"""

from __future__ import annotations

import json

import pytest

from tests.interop.xds_setting import LIMIT, attempt
from tests.support.client import Client
from tests.support.ports import PortLease
from tests.support.xds_resources import (
    ADS,
    CDS,
    EDS,
    LDS,
    PREFIX,
    RDS,
    ROUTER,
    assignment,
    cluster,
    listener,
    message,
    routes,
    static_cluster,
)


def test_the_order_of_requests(setting):
    setting.start()
    setting.until("one")
    asked = [seen for seen in setting.server.transcript() if " ask " in seen]
    kinds = [line.split()[2] for line in asked]
    assert kinds == ["Cluster", "ClusterLoadAssignment", "Listener", "RouteConfiguration"]
    everything = [(line.split()[1], line.split()[2]) for line in setting.server.transcript()]
    ask_endpoints = everything.index(("ask", "ClusterLoadAssignment"))
    assert ask_endpoints < everything.index(("ack", "Cluster"))
    assert everything.index(("ask", "RouteConfiguration")) < everything.index(("ack", "Listener"))


def test_traffic_follows_endpoints_and_routes(setting):
    setting.start()
    setting.until("one")
    setting.put(EDS, assignment("a", setting.two))
    setting.until("two")
    setting.put(CDS, cluster("b"))
    setting.put(EDS, assignment("b", setting.one))
    setting.put(RDS, routes("r", "b"))
    setting.until("one")
    setting.put(RDS, routes("r", "nowhere"))
    setting.until(503)
    names = {each["cluster"]["name"] for each in setting.dump("dynamic_active_clusters")}
    assert names == {"a", "b"}


def test_an_original_dst_cluster_is_ready_at_once(setting):
    own = {
        "type": "ORIGINAL_DST",
        "eds_cluster_config": None,
        "lb_policy": "CLUSTER_PROVIDED",
    }
    setting.start(clusters=[cluster("o", **own)])
    setting.until("one")
    setting.put(RDS, routes("r", "o"))
    setting.until(503)
    stats = setting.proxy.stats()
    assert stats["cluster_manager.warming_clusters"] == 0
    assert stats["cluster.o.upstream_cx_none_healthy"] > 0


def test_a_removed_cluster_is_gone(setting):
    setting.start(clusters=[static_cluster("s")])
    setting.until("one")
    setting.server.remove(CDS, ["s"])
    setting.until(2, lambda: setting.proxy.stats()["cluster_manager.active_clusters"])
    assert setting.proxy.stats()["cluster_manager.cluster_removed"] == 1
    setting.until(
        0, lambda: setting.proxy.admin("/stats?filter=cluster.s").text.count("cluster.s.")
    )
    assert "\ns::" not in setting.proxy.admin("/clusters").text


def test_bad_clusters_beside_good_ones(setting):
    setting.start()
    setting.until("one")
    start = len(setting.server.requests)
    bad = static_cluster("q", eds_cluster_config={"eds_config": {"ads": {}}})
    setting.put(CDS, static_cluster("n"), bad)
    setting.until(3, lambda: setting.proxy.stats()["cluster_manager.active_clusters"])
    assert setting.ask() == "one"
    setting.until(1, lambda: setting.proxy.stats()["cluster_manager.cds.update_rejected"])
    if setting.proxy.stats()["cluster_manager.warming_clusters"] == 0:
        # Envoy leaves the bad cluster among the warming ones, and then says nothing any more.
        text = setting.nack(CDS, start)
        front = "Error adding/updating cluster(s) q: eds_cluster_config set in a non-EDS cluster"
        assert text.startswith(front)


def test_rules_refuse_a_whole_response(setting):
    setting.start()
    setting.until("one")
    start = len(setting.server.requests)
    setting.put(CDS, static_cluster("n"), cluster("a", connect_timeout="0s"))
    assert "Proto constraint validation failed (" in setting.nack(CDS, start)
    stats = setting.proxy.stats()
    assert stats["cluster_manager.cds.update_rejected"] == 1
    assert stats["cluster_manager.active_clusters"] == 2
    assert setting.ask() == "one"


def test_bad_endpoints_leave_the_last_good_ones(setting):
    setting.start()
    setting.until("one")
    start = len(setting.server.requests)
    setting.put(EDS, assignment("a", 99999))
    assert "Proto constraint validation failed (" in setting.nack(EDS, start)
    assert setting.ask() == "one"
    assert setting.proxy.stats()["cluster.a.update_rejected"] == 1
    setting.put(EDS, assignment("a", setting.two))
    setting.until("two")


def test_one_broken_assignment_refuses_all_of_a_response(setting):
    setting.start(clusters=[cluster("b")], endpoints=[assignment("b", setting.two)])
    setting.until("one")
    begin = len(setting.server.requests)
    broken = assignment("b", setting.two)
    broken.endpoints[0].priority = 200
    setting.put(EDS, assignment("a", setting.two), broken)
    assert "Proto constraint validation failed (" in setting.nack(EDS, begin)
    assert setting.ask() == "one"
    stats = setting.proxy.stats()
    assert [stats[f"cluster.{name}.update_rejected"] for name in "ab"] == [1, 1]
    assert [stats[f"cluster.{name}.update_success"] for name in "ab"] == [1, 1]
    setting.put(EDS, assignment("a", setting.two), assignment("b", setting.two))
    setting.until("two")


def test_one_broken_table_refuses_all_of_a_response(setting):
    with PortLease() as other:
        setting.put(LDS, listener("m", other.port, "q"))
        setting.put(RDS, routes("q", "a"))
        setting.start()
        setting.until("one")
        begin = len(setting.server.requests)
        made = [
            message(RDS, {"name": "q", "virtual_hosts": [{"name": "v"}]}),
            routes("r", "none"),
        ]
        setting.put(RDS, *made)
        assert "Proto constraint validation failed (" in setting.nack(RDS, begin)
        assert setting.ask() == "one"
        stats = setting.proxy.stats()
        assert [stats[f"http.in.rds.{name}.update_rejected"] for name in "qr"] == [1, 1]


def test_bad_routes_leave_the_last_good_ones(setting):
    setting.start()
    setting.until("one")
    start = len(setting.server.requests)
    setting.put(RDS, routes("r", "nowhere", validate_clusters=True))
    assert setting.nack(RDS, start).startswith("route: unknown cluster 'nowhere'")
    assert setting.ask() == "one"
    (shown,) = setting.dump("dynamic_route_configs")
    hosts = shown["route_config"]["virtual_hosts"]
    assert hosts[0]["routes"][0]["route"] == {"cluster": "a"}
    assert setting.proxy.stats()["http.in.rds.r.update_rejected"] == 1


def test_bad_listeners_beside_good_ones(setting):
    setting.start()
    setting.until("one")
    start = len(setting.server.requests)
    setting.put(LDS, listener("e", setting.two, filter_chains=[]))
    text = setting.nack(LDS, start)
    address = f"127.0.0.1:{setting.two}"
    assert text.startswith("Error adding/updating listener(s) e: error adding listener")
    assert f"'{address}': no filter chains specified" in text
    assert setting.ask() == "one"
    assert setting.proxy.stats()["listener_manager.lds.update_rejected"] == 1


def test_a_listener_that_is_removed_drains(setting):
    setting.start()
    setting.until("one")
    with Client(("127.0.0.1", setting.port), timeout=5) as client:
        client.send(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n")
        assert client.read_response().text == "one"
        setting.server.remove(LDS, ["l"])
        setting.until(0, lambda: setting.proxy.stats()["listener_manager.total_listeners_active"])
        setting.until(True, lambda: isinstance(attempt(setting.ask), ConnectionRefusedError))
    assert setting.proxy.stats()["listener_manager.listener_removed"] == 1


def test_a_listener_with_other_chains_is_updated_in_place(setting):
    setting.start()
    setting.until("one")
    setting.put(CDS, cluster("b"))
    setting.put(EDS, assignment("b", setting.two))
    setting.put(RDS, routes("other", "b"))
    setting.put(LDS, listener("l", setting.port, "other"))
    setting.until("two")
    stats = setting.proxy.stats()
    assert stats["listener_manager.listener_in_place_updated"] == 1
    assert stats["listener_manager.listener_modified"] == 1
    (shown,) = setting.dump("dynamic_listeners")
    assert shown["active_state"]["listener"]["name"] == "l"


def test_a_cluster_is_used_when_it_is_warm(setting):
    if setting.delta:
        pytest.skip("over delta the server says at once that it has no such endpoints")
    setting.start()
    setting.until("one")
    setting.put(CDS, cluster("late"))
    setting.until(1, lambda: setting.proxy.stats()["cluster_manager.warming_clusters"])
    (shown,) = setting.dump("dynamic_warming_clusters")
    assert shown["cluster"]["name"] == "late"
    assert setting.proxy.stats()["cluster.late.warming_state"] == 1
    setting.put(RDS, routes("r", "late"))
    setting.until(503)
    setting.put(EDS, assignment("late", setting.two))
    setting.until("two")
    assert setting.proxy.stats()["cluster_manager.warming_clusters"] == 0
    assert setting.proxy.stats()["cluster.late.warming_state"] == 0


def test_the_node_lists_extensions(setting):
    setting.start()
    node = setting.server.requests[0].request.node
    listed = {each.name: (each.category, list(each.type_urls)) for each in node.extensions}
    kind = "envoy.extensions.filters.http.router.v3.Router"
    assert listed["envoy.filters.http.router"] == ("envoy.filters.http", [kind])
    assert listed["envoy.access_loggers.file"][0] == "envoy.access_loggers"


def test_errors_of_resources_are_acknowledged_and_mean_nothing(setting):
    setting.start()
    begin = len(setting.server.requests)
    setting.server.send_error(EDS, "a")
    seen = setting.server.wait(lambda seen: seen.type_url == EDS and seen.nonce, 10, begin)
    assert seen.error == ""
    assert setting.ask() == "one"
    assert setting.proxy.stats()["cluster.a.update_rejected"] == 0


def test_nothing_is_served_before_the_clusters_are_there(setting):
    setting.put(CDS, cluster("a"))
    setting.put(LDS, listener("l", setting.port))
    setting.proxy = setting._start()
    setting.server.wait(lambda seen: seen.type_url == EDS)
    ready = attempt(lambda: setting.proxy.admin("/ready").status)
    assert ready != 200
    setting.put(RDS, routes("r", "a"))
    setting.put(EDS, assignment("a", setting.one))
    setting.proxy.wait_ready()
    setting.until("one")
    assert json.loads(setting.proxy.admin("/init_dump").text) == {}


def test_clusters_say_where_they_are_from(setting):
    setting.start()
    setting.until("one")
    lines = setting.proxy.admin("/clusters").text.splitlines()
    assert "a::added_via_api::true" in lines
    assert "xds::added_via_api::false" in lines
    (shown,) = json.loads(
        setting.proxy.admin("/config_dump?include_eds&resource=dynamic_endpoint_configs").text
    )["configs"]
    hosts = shown["endpoint_config"]["endpoints"][0]["lb_endpoints"]
    address = hosts[0]["endpoint"]["address"]["socket_address"]
    assert address == {"address": "127.0.0.1", "port_value": setting.one}


ECDS = PREFIX + "envoy.config.core.v3.TypedExtensionConfig"
MUTATION = PREFIX + "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation"


def mutation(value):
    header = {"header": {"key": "x-filter", "value": value}}
    config = {"@type": MUTATION, "mutations": {"response_mutations": [{"append": header}]}}
    return message(ECDS, {"name": "f", "typed_config": config})


def with_discovered_filter(port, **more):
    source = {**ADS, "initial_fetch_timeout": "0.3s"}
    discovery = {"config_source": source, "type_urls": [MUTATION], **more}
    manager = {
        "rds": {"config_source": ADS, "route_config_name": "r"},
        "http_filters": [{"name": "f", "config_discovery": discovery}, ROUTER],
    }
    return listener("l", port, manager=manager)


def test_a_filter_that_comes_by_itself(setting):
    setting.start()
    setting.until("one")
    setting.put(LDS, with_discovered_filter(setting.port))
    setting.until(500)
    setting.put(ECDS, mutation("1"))
    setting.until("1", lambda: setting.response().get("x-filter"))
    with Client(("127.0.0.1", setting.port), timeout=5) as client:
        for value in ("2", "3"):
            setting.put(ECDS, mutation(value))
            setting.until(value, lambda: setting.response().get("x-filter"))
            client.send(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n")
            assert client.read_response().get("x-filter") == value
    (shown,) = setting.dump("ecds_filters")
    assert shown["ecds_filter"]["name"] == "f"


def test_a_filter_that_comes_by_itself_in_the_place_of_another(setting):
    setting.start()
    setting.until("one")
    discovery = {"config_source": {**ADS, "initial_fetch_timeout": "0.3s"}, "type_urls": [MUTATION]}
    package = f"{PREFIX}envoy.extensions.filters.http.composite.v3"
    config = {
        "@type": f"{package}.ExecuteFilterAction",
        "dynamic_config": {"name": "f", "config_discovery": discovery},
    }
    tree = {"on_no_match": {"action": {"name": "a", "typed_config": config}}}
    composite = {"@type": f"{package}.Composite", "matcher": tree}
    manager = {
        "rds": {"config_source": ADS, "route_config_name": "r"},
        "http_filters": [{"name": "c", "typed_config": composite}, ROUTER],
    }
    setting.put(LDS, listener("l", setting.port, manager=manager))
    setting.until(500)
    for value in ("1", "2"):
        setting.put(ECDS, mutation(value))
        setting.until(value, lambda: setting.response().get("x-filter"))
    assert setting.ask() == "one"


def test_the_default_of_a_filter(setting):
    setting.start()
    setting.until("one")
    default = {
        "@type": MUTATION,
        "mutations": {
            "response_mutations": [{"append": {"header": {"key": "x-filter", "value": "d"}}}]
        },
    }
    setting.put(LDS, with_discovered_filter(setting.port, default_config=default))
    setting.until("d", lambda: setting.response().get("x-filter"))
    assert setting.ask() == "one"


def test_a_control_plane_that_comes_back_changes_nothing(setting):
    setting.start()
    setting.until("one")
    start = len(setting.server.requests)
    setting.server.restart()
    setting.server.wait(lambda seen: seen.type_url == RDS, LIMIT, start)
    assert setting.ask() == "one"
    setting.put(EDS, assignment("a", setting.two))
    setting.until("two")
    stats = setting.proxy.stats()
    assert stats["cluster_manager.cluster_modified"] == 0
    assert stats["listener_manager.listener_modified"] == 0
