"""Counters and gauges of a parent in the stats of its child."""

from lateen.proxy.hot_restart.stats import Counted, InheritedStats, export
from lateen.proxy.stats.model import counter, gauge, loose_scope
from lateen.proxy.stats.snapshot import Snapshot, StatsFilter


def scopes():
    return [
        loose_scope("http.in.", [counter("rq_total", 5), gauge("rq_active", 2)]),
        loose_scope("cluster.be.", [counter("cx_total"), gauge("membership_total", 3)]),
    ]


def values(inherited):
    snapshot = Snapshot.of(inherited.merged(scopes()), [])
    return {s.name: (s.value, s.used) for b in snapshot.batches(StatsFilter()) for s in b}


def test_nothing_inherited_changes_nothing():
    given = scopes()
    assert InheritedStats().merged(given) is given


def test_counters_and_gauges_add_up():
    inherited = InheritedStats()
    inherited.take(Counted({"http.in.rq_total": 7, "cluster.be.cx_total": 1}, {}, 4, 100))
    assert values(inherited)["http.in.rq_total"] == (12, True)
    assert values(inherited)["cluster.be.cx_total"] == (1, True)
    inherited.take(Counted({"http.in.rq_total": 9}, {"http.in.rq_active": 3}, 4, 100))
    assert values(inherited)["http.in.rq_total"] == (14, True)
    assert values(inherited)["http.in.rq_active"] == (5, True)
    assert (inherited.connections, inherited.memory) == (4, 100)


def test_what_only_the_parent_had_is_there_too():
    inherited = InheritedStats()
    inherited.take(Counted({"cluster.old.cx_total": 2}, {"cluster.old.cx_active": 1}))
    found = values(inherited)
    assert found["cluster.old.cx_total"] == (2, True)
    assert found["cluster.old.cx_active"] == (1, True)


def test_counters_stay_when_the_parent_is_gone_and_gauges_go():
    inherited = InheritedStats()
    inherited.take(
        Counted({"http.in.rq_total": 7}, {"http.in.rq_active": 3, "cluster.old.cx_active": 1}, 4, 5)
    )
    inherited.parent_gone()
    found = values(inherited)
    assert found["http.in.rq_total"] == (12, True)
    assert found["http.in.rq_active"] == (2, True)
    assert "cluster.old.cx_active" not in found
    assert (inherited.connections, inherited.memory) == (0, 0)


def test_a_reset_counts_from_there():
    inherited = InheritedStats()
    inherited.take(Counted({"http.in.rq_total": 7}, {}))
    inherited.reset_counters()
    assert values(inherited)["http.in.rq_total"] == (5, True)
    inherited.take(Counted({"http.in.rq_total": 10}, {}))
    assert values(inherited)["http.in.rq_total"] == (8, True)


def test_what_a_parent_exports():
    stats = [
        *(counter("cluster.be.cx_total", 3), counter("cluster.be.zero")),
        *(gauge("http.in.rq_active", 1), gauge("cluster.be.upstream_cx_active", 2)),
        *(gauge("server.live", 1), gauge("cluster.be.membership_total", 1)),
        *(gauge("cluster.be.version", 5), gauge("listener_manager.total_listeners_active", 1)),
        *(gauge("cluster_manager.cds.control_plane.connected_state", 1), gauge("runtime.k", 1)),
        *(gauge("cluster.be.circuit_breakers.default.remaining_cx", 9), counter("server.x", 1)),
    ]
    counted = export(Snapshot.of([loose_scope("", stats)], []), 8, 9)
    assert counted.counters == {"cluster.be.cx_total": 3, "server.x": 1}
    assert counted.gauges == {"http.in.rq_active": 1, "cluster.be.upstream_cx_active": 2}
    assert (counted.connections, counted.memory) == (8, 9)
