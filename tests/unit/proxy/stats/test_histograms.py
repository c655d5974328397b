from lateen.protos import worker_stats_pb2 as wire
from lateen.proxy.compile.stats_blocks import BlockKind, StatsBlocks
from lateen.proxy.stats.histograms import Histograms
from tests.unit.proxy.fake_core import FakeCore


def by_name(histograms, blocks):
    return {stat.name: stat for stat in histograms.stats(blocks)}


def test_an_interval_is_what_came_since_the_last_merge():
    blocks, core, histograms = StatsBlocks(), FakeCore(), Histograms()
    number = blocks.allot(BlockKind.HTTP, "http.in")
    index = wire.HTTP_HISTOGRAM_DOWNSTREAM_RQ_TIME
    core.set_histogram(0, number, index, {10: 1})
    core.set_histogram(1, number, index, {10: 2, 20: 1})
    histograms.merge(core.histograms(), blocks)
    stat = by_name(histograms, blocks)["http.in.downstream_rq_time"]
    assert (stat.interval.sample_count, stat.cumulative.sample_count) == (4, 4)
    core.raw_histograms.clear()
    core.set_histogram(0, number, index, {10: 5, 20: 1})
    histograms.merge(core.histograms(), blocks)
    stat = by_name(histograms, blocks)["http.in.downstream_rq_time"]
    assert [(each.lower, each.count) for each in stat.interval.bins] == [(1.0, 2)]
    assert stat.cumulative.sample_count == 6


def test_nothing_is_shown_before_the_first_merge():
    blocks, histograms = StatsBlocks(), Histograms()
    blocks.allot(BlockKind.LISTENER, "listener.a")
    histograms.record("server.initialization_time_ms", 16)
    found = by_name(histograms, blocks)
    assert not found["server.initialization_time_ms"].used
    assert not found["listener.a.downstream_cx_length_ms"].used
    histograms.merge([], blocks)
    assert by_name(histograms, blocks)["server.initialization_time_ms"].used


def test_what_was_recorded_since_the_last_merge_is_listed_without_values():
    blocks, core, histograms = StatsBlocks(), FakeCore(), Histograms()
    number = blocks.allot(BlockKind.CLUSTER, "cluster.be")
    core.set_histogram(0, number, wire.CLUSTER_HISTOGRAM_EXTERNAL__UPSTREAM_RQ_TIME, {10: 1})
    found = {each.name: each for each in histograms.stats(blocks, core.histograms())}
    assert not found["cluster.be.external.upstream_rq_time"].used
    assert not found["cluster.be.upstream_rq_time"].used


def test_request_times_of_a_cluster_are_counted_under_both_names():
    blocks, core, histograms = StatsBlocks(), FakeCore(), Histograms()
    number = blocks.allot(BlockKind.CLUSTER, "cluster.be")
    assert "cluster.be.upstream_rq_time" not in by_name(histograms, blocks)
    core.set_histogram(0, number, wire.CLUSTER_HISTOGRAM_EXTERNAL__UPSTREAM_RQ_TIME, {10: 1})
    core.set_histogram(0, number, wire.CLUSTER_HISTOGRAM_INTERNAL__UPSTREAM_RQ_TIME, {10: 2})
    histograms.merge(core.histograms(), blocks)
    found = by_name(histograms, blocks)
    assert found["cluster.be.upstream_rq_time"].cumulative.sample_count == 3
    assert found["cluster.be.external.upstream_rq_time"].cumulative.sample_count == 1
    assert not found["cluster.be.upstream_cx_connect_ms"].used
