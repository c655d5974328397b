import json

import pytest

from lateen.proxy.stats.config import StatsConfig
from lateen.proxy.stats.histogram import Summary
from lateen.proxy.stats.model import HistogramStat, StatKind, counter, family_scopes, gauge
from lateen.proxy.stats.numbers import general, json_number, long_decimal, shortest
from lateen.proxy.stats.regex import RegexError
from lateen.proxy.stats.render_json import render_json
from lateen.proxy.stats.render_prometheus import render_prometheus
from lateen.proxy.stats.render_text import render_text
from lateen.proxy.stats.snapshot import Snapshot, StatsFilter

CONFIG = StatsConfig()
EMPTY = Summary.of({})


def snapshot(accepts=None):
    stats = [
        counter("cluster.be.upstream_rq_200", 3),
        counter("cluster.be.upstream_rq_total", 3),
        counter("cluster_manager.cluster_added", 0),
        gauge("server.live", 1),
        gauge("server.state", 0, used=True),
    ]
    histograms = [
        HistogramStat("http.in.time", Summary.of({10: 3, 20: 2}), Summary.of({10: 3, 20: 2})),
        HistogramStat("http.in.length", EMPTY, EMPTY),
    ]
    return Snapshot.of(family_scopes(stats), histograms, accepts)


def text(wanted=None, mode="summary", accepts=None):
    return "".join(render_text(snapshot(accepts), wanted or StatsFilter(), mode, CONFIG.buckets_of))


def test_text_is_sorted_histograms_last():
    lines = text().splitlines()
    assert lines[:5] == [
        "cluster.be.upstream_rq_200: 3",
        "cluster.be.upstream_rq_total: 3",
        "cluster_manager.cluster_added: 0",
        "server.live: 1",
        "server.state: 0",
    ]
    assert lines[5] == "http.in.length: No recorded values"
    assert lines[6].startswith("http.in.time: P0(1.025,1.025) P25(1.05,1.05) P50(1.075,1.075) P75(")


def test_names_of_nested_scopes_are_sorted_together():
    stats = [counter("cluster.a.b.x"), counter("cluster.a.c"), counter("cluster.a.a")]
    merged = Snapshot.of([*family_scopes(stats[:1]), *family_scopes(stats[1:])], [])
    names = [stat.name for batch in merged.batches(StatsFilter()) for stat in batch]
    assert names == ["cluster.a.a", "cluster.a.b.x", "cluster.a.c"]


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (StatsFilter(used_only=True, kind=StatKind.GAUGE), ["server.live", "server.state"]),
        (StatsFilter(used_only=True, kind=StatKind.HISTOGRAM), ["http.in.time"]),
        (StatsFilter(kind=StatKind.TEXT_READOUT), []),
        (
            StatsFilter.matching("_rq_", invert=False, used_only=False, kind=None),
            ["cluster.be.upstream_rq_200", "cluster.be.upstream_rq_total"],
        ),
        (
            StatsFilter.matching("cluster|http", invert=True, used_only=False, kind=None),
            ["server.live", "server.state"],
        ),
    ],
)
def test_filters(wanted, names):
    assert [line.split(":")[0] for line in text(wanted).splitlines()] == names


def test_the_stats_matcher_hides_stats_everywhere():
    def accepts(name):
        return not name.startswith(("cluster", "http.in.l"))

    assert "cluster" not in text(accepts=accepts)
    prometheus = render_prometheus(
        snapshot(accepts), StatsFilter(), "cumulative", CONFIG.buckets_of, CONFIG.tags
    )
    assert "cluster" not in "".join(prometheus)


def test_bad_filter():
    with pytest.raises(RegexError, match=r"missing \): \("):
        StatsFilter.matching("(", invert=False, used_only=False, kind=None)


def test_text_histogram_modes():
    assert "http.in.time: B0.5(0,0) B1(3,3) B5(5,5)" in text(mode="cumulative")
    assert "B1.8e+06(0,0)" in text(mode="disjoint")
    assert "  totals=1,0.1:3, 2,0.1:2\n  intervals=1,0.1:3, 2,0.1:2\n" in text(mode="detailed")


@pytest.mark.parametrize("mode", ["summary", "cumulative", "disjoint", "detailed"])
def test_json_is_json(mode):
    document = "".join(render_json(snapshot(), StatsFilter(), mode, CONFIG.buckets_of))
    stats = json.loads(document)["stats"]
    assert stats[0] == {"name": "cluster.be.upstream_rq_200", "value": 3}
    assert "histograms" in stats[-1]


def test_json_of_nothing():
    nothing = StatsFilter.matching("^$", invert=False, used_only=False, kind=None)
    assert "".join(render_json(snapshot(), nothing, "summary", CONFIG.buckets_of)) == '{"stats":[]}'


def test_json_summary_has_null_where_nothing_was_recorded():
    wanted = StatsFilter.matching("length", invert=False, used_only=False, kind=None)
    document = json.loads("".join(render_json(snapshot(), wanted, "summary", CONFIG.buckets_of)))
    histograms = document["stats"][0]["histograms"]
    assert histograms["supported_quantiles"] == [0, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 100]
    assert histograms["computed_quantiles"][0]["values"][0] == {
        "cumulative": None,
        "interval": None,
    }


def prometheus(mode="cumulative"):
    return "".join(
        render_prometheus(snapshot(), StatsFilter(), mode, CONFIG.buckets_of, CONFIG.tags)
    )


def test_prometheus():
    out = prometheus()
    assert out.startswith(
        "# TYPE envoy_cluster_upstream_rq counter\n"
        'envoy_cluster_upstream_rq{envoy_response_code="200",envoy_cluster_name="be"} 3\n'
        "# TYPE envoy_cluster_upstream_rq_total counter\n"
    )
    assert "# TYPE envoy_server_live gauge\nenvoy_server_live{} 1\n" in out
    front = 'envoy_http_time_bucket{envoy_http_conn_manager_prefix="in",le='
    assert f'{front}"1"}} 3\n{front}"5"}} 5\n' in out
    assert f'{front}"+Inf"}} 5\n' in out
    assert 'envoy_http_time_count{envoy_http_conn_manager_prefix="in"} 5\n' in out


def test_prometheus_summary():
    out = prometheus("summary")
    assert "# TYPE envoy_http_time summary\n" in out
    assert 'envoy_http_conn_manager_prefix="in",quantile="0.995"} 2.066' in out


def test_numbers():
    assert [shortest(value) for value in (0.0, 16.5, float("nan"))] == ["0", "16.5", "nan"]
    assert [general(value) for value in (0.5, 300000, 1800000)] == ["0.5", "300000", "1.8e+06"]
    assert long_decimal(16.484848484848484) == "16.484848484848484417852887418121"
    assert [json_number(value) for value in (60000, 300000, 1800000, 0, 1.05)] == [
        "60000", "3e+05", "1800000", "0", "1.05",
    ]  # fmt: skip
