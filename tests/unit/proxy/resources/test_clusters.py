"""Clusters over CDS and EDS: what is subscribed to, when a cluster is used, what is refused."""

import pytest

from lateen.xds.subscription import FetchFailure, Resource
from tests.support.xds_resources import (
    CDS,
    EDS,
    LDS,
    assignment,
    cluster,
    listener,
    resource,
    static_cluster,
)
from tests.unit.proxy.resources.support import Proxy


@pytest.fixture
def proxy():
    return Proxy()


def live(proxy, *clusters, endpoints=()):
    """Past the beginning, with these clusters."""
    proxy.xds.send(CDS, *clusters)
    for each in endpoints:
        proxy.xds.send(EDS, each)
    proxy.xds.send(LDS)
    assert proxy.ready
    proxy.core.updates.clear()


def test_the_order_of_the_beginning(proxy):
    assert proxy.xds.trace == [("Cluster", None)]
    proxy.xds.send(CDS, cluster("a"), cluster("b"))
    assert proxy.xds.trace[1:] == [
        ("ClusterLoadAssignment", ("a",)),
        ("ClusterLoadAssignment", ("b",)),
    ]
    proxy.xds.send(EDS, assignment("a", 1))
    assert proxy.xds.names(LDS) == []
    proxy.xds.send(EDS, assignment("b", 2))
    assert proxy.xds.names(LDS) == [None]
    assert not proxy.ready
    proxy.xds.send(LDS, listener("l", 80))
    assert not proxy.ready
    assert proxy.dynamic.init.pending == ["RDS r"]


def test_a_cluster_is_used_when_its_endpoints_come(proxy):
    live(proxy)
    proxy.xds.send(CDS, cluster("a"))
    assert proxy.applied == []
    assert proxy.stat("cluster_manager.warming_clusters") == 1
    proxy.xds.send(EDS, assignment("a", 1))
    assert proxy.applied == [("cluster", "a")]
    (update,) = proxy.core.updates
    assert update.clusters[0].load_assignment == assignment("a", 1).SerializeToString()
    assert proxy.stat("cluster_manager.warming_clusters") == 0
    assert proxy.stat("cluster_manager.active_clusters") == 2


@pytest.mark.parametrize("failure", [FetchFailure.TIMEOUT, FetchFailure.REJECTED])
def test_a_cluster_does_without_endpoints_in_the_end(proxy, failure):
    live(proxy)
    proxy.xds.send(CDS, cluster("a"))
    proxy.xds.fail(EDS, "a", FetchFailure.CONNECTION)
    assert proxy.applied == []
    proxy.xds.fail(EDS, "a", failure)
    assert proxy.applied == [("cluster", "a")]


def test_a_new_version_with_the_same_endpoints_has_them_at_once(proxy):
    live(proxy, cluster("a"), endpoints=[assignment("a", 1)])
    proxy.xds.send(CDS, cluster("a", connect_timeout="2s"))
    (update,) = proxy.core.updates
    assert update.clusters[0].connect_timeout_ms == 2000
    assert update.clusters[0].load_assignment
    assert len(proxy.xds.open(EDS)) == 1


def test_the_old_version_serves_until_the_new_one_is_warm(proxy):
    live(proxy, cluster("a"), endpoints=[assignment("a", 1)])
    changed = cluster("a", eds_cluster_config={"eds_config": {"ads": {}}, "service_name": "s"})
    proxy.xds.send(CDS, changed, version="2")
    assert proxy.applied == []
    proxy.xds.send(EDS, assignment("a", 2))
    assert proxy.applied == [("endpoints", "a")]
    proxy.xds.send(EDS, assignment("s", 3))
    assert proxy.applied == [("endpoints", "a"), ("cluster", "a")]
    assert proxy.xds.names(EDS) == [("s",)]
    assert proxy.dynamic.clusters.active["a"].version == "2"


def test_an_update_costs_what_changed(proxy):
    clusters = [static_cluster(f"c{number}") for number in range(50)]
    live(proxy, *clusters)
    clusters[7] = static_cluster("c7", connect_timeout="7s")
    proxy.xds.send(CDS, *clusters)
    assert proxy.applied == [("cluster", "c7")]
    assert proxy.stat("cluster_manager.cluster_modified") == 1


def test_what_is_gone_is_removed(proxy):
    live(proxy, cluster("a"), static_cluster("b"), endpoints=[assignment("a", 1)])
    proxy.xds.send(CDS, static_cluster("b"))
    assert proxy.applied == [("no cluster", "a")]
    assert proxy.xds.names(EDS) == []
    assert "cluster.a" not in {block.prefix for block in proxy.dynamic.clusters._environment.blocks}
    proxy.dynamic.tick()
    assert len(proxy.core.updates[-1].released_stats_blocks) == 1
    assert proxy.stat("cluster_manager.cluster_removed") == 1


def test_delta_removes_by_name(proxy):
    live(proxy, static_cluster("a"), static_cluster("b"))
    proxy.xds.send(CDS, full=False, removed=["b", "unknown"])
    assert proxy.applied == [("no cluster", "b")]
    assert list(proxy.dynamic.clusters.active) == ["a"]


def test_dns_clusters_warm_in_the_workers(proxy):
    live(proxy)
    proxy.core.unresolved.add("d")
    proxy.xds.send(CDS, static_cluster("d", type="STRICT_DNS"))
    assert proxy.core.updates[0].clusters[0].warm
    proxy.clock.run()
    assert list(proxy.dynamic.clusters.warming) == ["d"]
    proxy.core.unresolved.clear()
    proxy.clock.run()
    assert list(proxy.core.updates[-1].activated_clusters) == ["d"]
    assert list(proxy.dynamic.clusters.active) == ["d"]


CHECKS = [
    {
        "timeout": "1s",
        "interval": "1s",
        "unhealthy_threshold": 1,
        "healthy_threshold": 1,
        "tcp_health_check": {},
    }
]


@pytest.mark.parametrize("make", [cluster, static_cluster])
def test_a_cluster_warms_until_its_hosts_were_checked(proxy, make):
    live(proxy)
    proxy.core.unresolved.add("c")
    proxy.xds.send(CDS, make("c", health_checks=CHECKS))
    if make is cluster:
        proxy.clock.run()
        proxy.xds.send(EDS, assignment("c", 1))
    assert proxy.core.updates[0].clusters[0].warm
    proxy.clock.run()
    assert list(proxy.dynamic.clusters.warming) == ["c"]
    proxy.core.unresolved.clear()
    proxy.clock.run()
    assert list(proxy.core.updates[-1].activated_clusters) == ["c"]
    assert list(proxy.dynamic.clusters.active) == ["c"]


def test_a_cluster_without_endpoints_has_no_hosts_to_check(proxy):
    live(proxy)
    proxy.xds.send(CDS, cluster("c", health_checks=CHECKS))
    proxy.xds.fail(EDS, "c")
    assert not proxy.core.updates[0].clusters[0].warm
    assert list(proxy.dynamic.clusters.active) == ["c"]


def test_a_static_cluster_is_not_replaced(proxy):
    live(proxy)
    assert proxy.xds.send(CDS, static_cluster("xds")).accepted
    assert proxy.applied == []


def test_good_clusters_are_taken_beside_bad_ones(proxy):
    live(proxy, static_cluster("a"))
    outcome = proxy.xds.send(
        CDS,
        static_cluster("a", connect_timeout="2s"),
        static_cluster("b", lb_policy="CLUSTER_PROVIDED"),
        static_cluster("q", eds_cluster_config={"eds_config": {"ads": {}}}),
        static_cluster("n"),
        version="2",
    )
    assert not outcome.accepted
    assert [each.name for each in outcome.bad] == ["b", "q"]
    front = "Error adding/updating cluster(s) b: "
    assert outcome.summary.startswith(front)
    assert ", q: eds_cluster_config set in a non-EDS cluster" in outcome.summary
    assert proxy.applied == [("cluster", "a"), ("cluster", "n")]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (cluster(""), "Proto constraint validation failed (name must not be empty"),
        (cluster("b", connect_timeout="0s"), "Proto constraint validation failed (connect_timeout"),
        (assignment("b"), "type URL type.googleapis.com/envoy.config.endpoint"),
        (Resource("b", "1", CDS, b"\n\xff"), "Unable to unpack as envoy.config.cluster.v3.Cluster"),
        (Resource("b", "1", "type.googleapis.com/x.Y", b""), "type URL type.googleapis.com/x.Y"),
    ],
)
def test_what_is_no_cluster_refuses_the_whole_response(proxy, bad, reason):
    live(proxy, static_cluster("a"))
    outcome = proxy.xds.send(CDS, static_cluster("n"), bad)
    assert outcome.summary.startswith(reason)
    assert proxy.applied == []
    assert list(proxy.dynamic.clusters.active) == ["a"]


def test_two_of_one_name(proxy):
    live(proxy)
    outcome = proxy.xds.send(CDS, static_cluster("a"), static_cluster("a"))
    assert outcome.summary == "Error adding/updating cluster(s) a: duplicate cluster a found"


def test_what_the_workers_refuse_is_refused(proxy):
    live(proxy)
    proxy.core.refuse = lambda update: [
        {"kind": "cluster", "name": each.name, "path": "dns", "reason": "no"}
        for each in update.clusters
    ]
    outcome = proxy.xds.send(CDS, static_cluster("a"))
    assert outcome.summary == "Error adding/updating cluster(s) a: no (at dns)"
    assert proxy.dynamic.clusters.active == {}


def test_many_clusters_of_one_shape_differ_in_their_names(proxy):
    live(proxy)
    proxy.xds.send(CDS, cluster("a"), cluster("b", alt_stat_name="x"))
    proxy.xds.send(EDS, assignment("a", 1), assignment("b", 2))
    first, second = (each.clusters[0] for each in proxy.core.updates)
    assert (first.name, second.name) == ("a", "b")
    assert second.observability_name == "x"
    assert first.stats_block != second.stats_block
    second.name, second.observability_name = first.name, first.observability_name
    second.stats_block, second.load_assignment = first.stats_block, first.load_assignment
    assert first == second


def test_clusters_of_one_shape_count_their_ejections_apart(proxy):
    live(proxy)
    proxy.xds.send(CDS, cluster("a", outlier_detection={}), cluster("b", outlier_detection={}))
    proxy.xds.send(EDS, assignment("a", 1), assignment("b", 2))
    first, second = (each.clusters[0].outlier_detection for each in proxy.core.updates)
    assert first.stats_block != second.stats_block
    second.stats_block = first.stats_block
    assert first == second


def test_cds_waits_for_what_warms(proxy):
    live(proxy)
    proxy.xds.send(CDS, cluster("a"))
    assert proxy.xds.pauses[CDS] == 1
    proxy.xds.send(EDS, assignment("a", 1))
    assert proxy.xds.pauses[CDS] == 0


def test_the_same_body_twice_changes_nothing(proxy):
    live(proxy, cluster("a"), endpoints=[assignment("a", 1)])
    assert proxy.xds.send(EDS, assignment("a", 1)).accepted
    assert proxy.applied == []
    assert proxy.stat("cluster.a.update_no_rebuild") == 1


def test_a_cluster_of_a_collection_is_known_by_its_own_name(proxy):
    body = cluster("a").SerializeToString()
    live(proxy, Resource("xdstp://x/t/a", "1", CDS, body), endpoints=[assignment("a", 1)])
    assert proxy.xds.send(CDS, Resource("xdstp://x/t/a", "2", CDS, body)).accepted
    assert proxy.applied == []
    assert list(proxy.dynamic.clusters.active) == ["a"]
    assert proxy.dynamic.clusters.active["a"].version == "1"


def test_heartbeats_change_nothing(proxy):
    live(proxy, cluster("a"), endpoints=[assignment("a", 1)])
    assert proxy.xds.send(CDS, Resource("a", "2", CDS, None)).accepted
    assert proxy.xds.send(EDS, Resource("a", "2", EDS, None)).accepted
    assert proxy.applied == []
    assert resource(cluster("a")).name == "a"


def unknown(made):
    return Resource(made.name, "1", CDS, made.SerializeToString() + b"\xf8\xff\x01\x01")


def nested():
    made = static_cluster("n", connect_timeout=None)
    return Resource("n", "1", CDS, made.SerializeToString() + b"\x22\x05\x08\x01\xf8\x01\x01")


@pytest.mark.parametrize("made", [unknown(static_cluster("n")), nested()])
def test_unknown_fields_are_reported_and_left_out(made):
    proxy = Proxy()
    assert proxy.xds.send(CDS, made).accepted
    assert "Unknown field: type envoy.config.cluster.v3.Cluster" in proxy.log.lines[0]
    assert proxy.stat("server.dynamic_unknown_fields") == 1


def test_unknown_fields_may_be_ignored_or_refused():
    proxy = Proxy(ignore_unknown_dynamic_fields=True)
    assert proxy.xds.send(CDS, unknown(static_cluster("n"))).accepted
    assert proxy.log.lines == []
    proxy = Proxy(reject_unknown_dynamic_fields=True)
    outcome = proxy.xds.send(CDS, unknown(static_cluster("n")))
    assert outcome.summary.endswith("unknown field set {4095}) has unknown fields")
    assert proxy.applied == []
