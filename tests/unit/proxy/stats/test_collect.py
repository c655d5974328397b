from lateen.protos import worker_stats_pb2 as wire
from lateen.proxy.compile.stats_blocks import BlockKind, StatsBlocks
from lateen.proxy.stats.collect import collect_scopes
from lateen.proxy.stats.model import Stat, StatKind
from tests.unit.proxy.fake_core import FakeCore


def stats_of(core, blocks, concurrency=2):
    return {
        scope.prefix + stat.name: stat
        for scope in collect_scopes(blocks, core.arrays, core.codes, concurrency, core.named)
        for stat in scope.stats()
    }


def test_workers_are_summed_and_gauges_may_be_negative_in_one():
    blocks, core = StatsBlocks(), FakeCore()
    number = blocks.allot(BlockKind.CLUSTER, "cluster.be")
    core.set_array(
        0, number, {wire.CLUSTER_UPSTREAM_RQ_TOTAL: 3, wire.CLUSTER_UPSTREAM_CX_ACTIVE: 2}
    )
    core.set_array(
        1, number, {wire.CLUSTER_UPSTREAM_RQ_TOTAL: 4, wire.CLUSTER_UPSTREAM_CX_ACTIVE: -1}
    )
    found = stats_of(core, blocks)
    assert found["cluster.be.upstream_rq_total"].value == 7
    assert found["cluster.be.upstream_cx_active"] == Stat(
        "upstream_cx_active", StatKind.GAUGE, 1, used=True
    )


def test_a_cluster_without_traffic_has_its_stats_at_zero():
    blocks = StatsBlocks()
    blocks.allot(BlockKind.CLUSTER, "cluster.be")
    found = stats_of(FakeCore(), blocks)
    assert found["cluster.be.upstream_rq_completed"].value == 0
    assert found["cluster.be.default.total_match_count"].value == 0
    assert not found["cluster.be.membership_total"].used
    assert not found["cluster.be.upstream_rq_active"].used
    assert "cluster.be.http1.response_flood" not in found
    assert "cluster.be.circuit_breakers.default.remaining_cx" not in found


def test_tracked_circuit_breakers_show_what_remains_even_when_one_is_used_up():
    blocks, core = StatsBlocks(), FakeCore()
    number = blocks.allot(BlockKind.CLUSTER, "cluster.be")
    core.set_array(0, number, {wire.CLUSTER_CIRCUIT_BREAKERS__DEFAULT__REMAINING_RETRIES: 3})
    found = stats_of(core, blocks)
    assert found["cluster.be.circuit_breakers.default.remaining_retries"].value == 3
    assert found["cluster.be.circuit_breakers.default.remaining_rq"].value == 0
    assert "cluster.be.circuit_breakers.high.remaining_rq" not in found


def test_pools_without_a_limit_remain_as_an_unsigned_number():
    blocks, core = StatsBlocks(), FakeCore()
    number = blocks.allot(BlockKind.CLUSTER, "cluster.be")
    core.set_array(0, number, {wire.CLUSTER_CIRCUIT_BREAKERS__DEFAULT__REMAINING_CX_POOLS: -2})
    found = stats_of(core, blocks)
    gauge = found["cluster.be.circuit_breakers.default.remaining_cx_pools"]
    assert gauge.value == 18446744073709551614


def test_response_codes_make_counters():
    blocks, core = StatsBlocks(), FakeCore()
    number = blocks.allot(BlockKind.CLUSTER, "cluster.be")
    core.codes = [(number, 0, 200, 2), (number, 0, 503, 1), (number, 1, 200, 4)]
    found = {name: stat.value for name, stat in stats_of(core, blocks).items()}
    assert found["cluster.be.upstream_rq_200"] == 6
    assert found["cluster.be.upstream_rq_2xx"] == 6
    assert found["cluster.be.upstream_rq_completed"] == 7
    assert found["cluster.be.external.upstream_rq_5xx"] == 1
    assert found["cluster.be.internal.upstream_rq_completed"] == 4
    assert "cluster.be.canary.upstream_rq_2xx" not in found


def test_listeners_have_stats_by_worker():
    blocks, core = StatsBlocks(), FakeCore()
    number = blocks.allot(BlockKind.LISTENER, "listener.0.0.0.0_80")
    core.set_array(1, number, {wire.LISTENER_DOWNSTREAM_CX_TOTAL: 5})
    found = {name: stat.value for name, stat in stats_of(core, blocks).items()}
    assert found["listener.0.0.0.0_80.downstream_cx_total"] == 5
    assert found["listener.0.0.0.0_80.worker_0.downstream_cx_total"] == 0
    assert found["listener.0.0.0.0_80.worker_1.downstream_cx_total"] == 5


def test_the_stats_of_each_kind_have_envoys_names():
    blocks = StatsBlocks()
    blocks.allot(BlockKind.LISTENER_HTTP, "listener.a.http.in")
    blocks.allot(BlockKind.HTTP, "http.in")
    blocks.allot(BlockKind.TCP, "tcp.p")
    blocks.allot(BlockKind.VIRTUAL_CLUSTER, "vhost.v.vcluster.c")
    found = stats_of(FakeCore(), blocks)
    for name in (
        "listener.a.http.in.downstream_rq_completed",
        "http.in.tracing.random_sampling",
        "http.in.downstream_rq_1xx",
        "tcp.p.downstream_cx_no_route",
        "vhost.v.vcluster.c.upstream_rq_retry",
        "filesystem.write_total_buffered",
    ):
        assert name in found
    assert found["http.in.downstream_rq_active"].kind is StatKind.GAUGE
    assert found["http.in.downstream_rq_total"].kind is StatKind.COUNTER


def test_named_counters_belong_to_their_block():
    blocks, core = StatsBlocks(), FakeCore()
    number = blocks.allot(BlockKind.CLUSTER, "cluster.be")
    core.named = [(number, "grpc.a.B.total", 2), (number, "grpc.a.B.0", 0)]
    found = {name: stat.value for name, stat in stats_of(core, blocks).items()}
    assert found["cluster.be.grpc.a.B.total"] == 2
    assert found["cluster.be.grpc.a.B.0"] == 0
