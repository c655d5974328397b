import pytest

from lateen.protos.metrics_pb2 import MetricType, Temporality
from lateen.proxy.compile.stats_sink_plans import MetricsServicePlan, OpenTelemetryPlan
from lateen.proxy.stats.config import StatsConfig
from lateen.proxy.stats.histogram import Summary, bin_of
from lateen.proxy.stats.metrics_service import MetricsServiceSink
from lateen.proxy.stats.model import HistogramStat, Stat, StatKind, loose_scope
from lateen.proxy.stats.otlp import OpenTelemetrySink
from lateen.proxy.stats.snapshot import Snapshot
from lateen.proxy.stats.tags import Tag, TaggedName

TAGS = [("envoy.response_code", "200"), ("envoy.cluster_name", "c")]


class Box:
    """Takes what a sink sends."""

    def __init__(self):
        self.sent = []

    def send(self, messages):
        self.sent.append(messages)

    def close(self):
        self.sent.append("closed")


def snapshot(total=3, times=((3, 1), (90, 4))):
    stats = [
        Stat("upstream_rq_200", StatKind.COUNTER, total, used=True),
        Stat("active", StatKind.GAUGE, 5, used=True),
        Stat("unused", StatKind.GAUGE, 0, used=False),
    ]
    interval = Summary.of({bin_of(value): count for value, count in times})
    ever = Summary.of({bin_of(value): 2 * count for value, count in times})
    return Snapshot.of([loose_scope("cluster.c.", stats)], [HistogramStat("h", interval, ever)])


class Sent:
    def __init__(self, make, plan):
        self.box = Box()
        self.sink = make(plan, StatsConfig(), self.box)

    def flush(self, shown):
        for _ in self.sink.flush(shown):
            pass
        return self.box.sent[-1]


def service(**plan):
    return Sent(MetricsServiceSink, MetricsServicePlan("c", b"", b"", **plan))


def otlp(**plan):
    return Sent(OpenTelemetrySink, OpenTelemetryPlan("c", b"", **plan))


def test_families():
    (message,) = service().flush(snapshot())
    counter, gauge, summary, histogram = message.envoy_metrics
    assert (counter.name, counter.type) == ("cluster.c.upstream_rq_200", MetricType.COUNTER)
    assert counter.metric[0].counter.value == 3
    assert counter.metric[0].timestamp_ms > 0
    assert (gauge.name, gauge.metric[0].gauge.value) == ("cluster.c.active", 5)
    assert summary.metric[0].summary.sample_count == 5
    assert [each.quantile for each in summary.metric[0].summary.quantile][-2:] == [0.999, 1.0]
    buckets = {
        each.upper_bound: each.cumulative_count for each in histogram.metric[0].histogram.bucket
    }
    assert (buckets[1], buckets[5], buckets[100]) == (0, 1, 5)


def test_labels_and_deltas():
    sent = service(labels=True, deltas=True, histograms=False)
    sent.flush(snapshot(3))
    (message,) = sent.flush(snapshot(7))
    counter, _, last = message.envoy_metrics
    assert (counter.name, counter.metric[0].counter.value) == ("cluster.upstream_rq", 4)
    assert [(each.name, each.value) for each in counter.metric[0].label] == TAGS
    assert last.type == MetricType.SUMMARY


def test_messages_of_a_size():
    messages = service(batch_size=3).flush(snapshot())
    assert [len(each.envoy_metrics) for each in messages] == [3, 1]


def test_metrics():
    sent = otlp(prefix="p.", resource=(("k", "v"),))
    (request,) = sent.flush(snapshot())
    (about,) = request.resource_metrics
    assert [(each.key, each.value.string_value) for each in about.resource.attributes] == [
        ("k", "v")
    ]
    gauge, counter, histogram = about.scope_metrics[0].metrics
    assert (gauge.name, gauge.gauge.data_points[0].as_int) == ("p.cluster.active", 5)
    assert counter.name == "p.cluster.upstream_rq"
    assert (counter.sum.is_monotonic, counter.sum.aggregation_temporality) == (
        True,
        Temporality.CUMULATIVE,
    )
    (point,) = counter.sum.data_points
    assert [(each.key, each.value.string_value) for each in point.attributes] == TAGS
    (point,) = histogram.histogram.data_points
    assert (point.count, sum(point.bucket_counts)) == (10, 10)
    assert len(point.bucket_counts) == len(point.explicit_bounds) + 1


def test_deltas_of_metrics_under_their_full_names():
    sent = otlp(counter_deltas=True, histogram_deltas=True, tags=False, short_names=False)
    sent.flush(snapshot(3))
    (request,) = sent.flush(snapshot(7))
    _, counter, histogram = request.resource_metrics[0].scope_metrics[0].metrics
    assert counter.name == "cluster.c.upstream_rq_200"
    assert counter.sum.aggregation_temporality == Temporality.DELTA
    (point,) = counter.sum.data_points
    assert (point.as_int, list(point.attributes)) == (4, [])
    assert point.time_unix_nano >= point.start_time_unix_nano > 0
    assert histogram.histogram.data_points[0].count == 5


@pytest.mark.parametrize(("limit", "sizes"), [(0, [3]), (2, [2, 1])])
def test_requests_of_a_size(limit, sizes):
    requests = otlp(points_per_request=limit).flush(snapshot())
    found = [len(each.resource_metrics[0].scope_metrics[0].metrics) for each in requests]
    assert found == sizes


def of_a_mesh():
    """A snapshot of a counter whose tags no rule finds."""
    tagged = TaggedName("istiocustom.istio_requests_total", (Tag("reporter", "source"),))
    whole = "istio_requests_total.reporter.source"
    stat = Stat(whole, StatKind.COUNTER, 3, used=True, tagged=tagged)
    interval = Summary.of({bin_of(3): 1})
    times = HistogramStat("istiocustom.t.reporter.source", interval, interval, tagged)
    return Snapshot.of([loose_scope("istiocustom.", [stat])], [times])


def test_stats_that_know_their_tags():
    (message,) = service(labels=True, summaries=False).flush(of_a_mesh())
    for family in message.envoy_metrics:
        assert family.name == "istiocustom.istio_requests_total"
        assert [(each.name, each.value) for each in family.metric[0].label] == [
            ("reporter", "source")
        ]
    (request,) = otlp(tags=True, short_names=True).flush(of_a_mesh())
    counter, times = request.resource_metrics[0].scope_metrics[0].metrics
    assert (counter.name, times.name) == ("istiocustom.istio_requests_total",) * 2
    for point in (*counter.sum.data_points, *times.histogram.data_points):
        found = [(each.key, each.value.string_value) for each in point.attributes]
        assert found == [("reporter", "source")]
