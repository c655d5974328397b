"""Stats as metrics of OpenTelemetry.

Source: envoy/extensions/stat_sinks/open_telemetry/v3/open_telemetry.proto and
https://opentelemetry.io/docs/specs/otel/metrics/data-model/; what each stat becomes as in Envoy
1.40.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from lateen.protos.metrics_pb2 import (
    Attribute,
    ExportMetricsServiceRequest,
    HistogramPoint,
    Metric,
    NumberPoint,
    Resource,
    ResourceMetrics,
    ScopeMetrics,
    Temporality,
    Text,
)
from lateen.proxy.stats.deltas import Deltas
from lateen.proxy.stats.model import StatKind
from lateen.proxy.stats.sink import used

if TYPE_CHECKING:
    from lateen.proxy.compile.stats_sink_plans import OpenTelemetryPlan
    from lateen.proxy.stats.config import StatsConfig
    from lateen.proxy.stats.model import HistogramStat, Stat
    from lateen.proxy.stats.snapshot import Snapshot
    from lateen.proxy.xds.outbox import Outbox

# How many metrics are made between two steps.
_STEP = 256


class OpenTelemetrySink:
    """Sends metrics, each with one data point, through an outbox."""

    def __init__(
        self,
        plan: OpenTelemetryPlan,
        config: StatsConfig,
        outbox: Outbox,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._plan = plan
        self._config = config
        self._outbox = outbox
        self._now_ns = now_ns
        self._deltas = Deltas()
        self._started_ns = now_ns()

    def flush(self, snapshot: Snapshot) -> Iterator[None]:
        """Sends all stats of a moment, in steps."""
        now_ns = self._now_ns()
        metrics: list[Metric] = []
        for number, metric in enumerate(self._metrics(snapshot, now_ns)):
            metrics.append(metric)
            if number % _STEP == 0:
                yield
        self._started_ns = now_ns
        self._outbox.send([self._request(part) for part in self._parts(metrics)])

    async def finish(self) -> None:
        """Waits for what is on its way."""
        await self._outbox.finish()

    def close(self) -> None:
        """Ends what is on its way."""
        self._outbox.close()

    def _parts(self, metrics: Sequence[Metric]) -> Iterator[Sequence[Metric]]:
        size = self._plan.points_per_request or max(1, len(metrics))
        for start in range(0, len(metrics), size):
            yield metrics[start : start + size]

    def _request(self, metrics: Sequence[Metric]) -> ExportMetricsServiceRequest:
        resource = Resource(attributes=[_attribute(*pair) for pair in self._plan.resource])
        about = ResourceMetrics(resource=resource, scope_metrics=[ScopeMetrics(metrics=metrics)])
        return ExportMetricsServiceRequest(resource_metrics=[about])

    def _metrics(self, snapshot: Snapshot, now_ns: int) -> Iterator[Metric]:
        for batch in snapshot.batches(used(StatKind.GAUGE)):
            for stat in batch:
                metric, attributes = self._metric(stat)
                metric.gauge.data_points.append(self._point(stat.value, attributes, now_ns))
                yield metric
        for batch in snapshot.batches(used(StatKind.COUNTER)):
            for stat in batch:
                metric, attributes = self._metric(stat)
                value = self._deltas.since(stat) if self._plan.counter_deltas else stat.value
                metric.sum.is_monotonic = True
                metric.sum.aggregation_temporality = _temporality(self._plan.counter_deltas)
                metric.sum.data_points.append(self._point(value, attributes, now_ns))
                yield metric
        for histogram in snapshot.selected_histograms(used()):
            yield self._histogram(histogram, now_ns)

    def _point(self, value: int, attributes: Sequence[Attribute], now_ns: int) -> NumberPoint:
        return NumberPoint(
            start_time_unix_nano=self._started_ns,
            time_unix_nano=now_ns,
            as_int=value,
            attributes=attributes,
        )

    def _histogram(self, histogram: HistogramStat, now_ns: int) -> Metric:
        metric, attributes = self._metric(histogram)
        deltas = self._plan.histogram_deltas
        summary = histogram.interval if deltas else histogram.cumulative
        bounds = self._config.buckets_of(histogram.name)
        counts = summary.disjoint(bounds)
        metric.histogram.aggregation_temporality = _temporality(deltas)
        metric.histogram.data_points.append(
            HistogramPoint(
                start_time_unix_nano=self._started_ns,
                time_unix_nano=now_ns,
                count=summary.sample_count,
                sum=summary.sample_sum,
                bucket_counts=[*counts, summary.sample_count - sum(counts)],
                explicit_bounds=bounds,
                attributes=attributes,
            )
        )
        return metric

    def _metric(self, stat: Stat | HistogramStat) -> tuple[Metric, Sequence[Attribute]]:
        plan, name = self._plan, stat.name
        if not (plan.tags or plan.short_names):
            return Metric(name=plan.prefix + name), ()
        tagged = stat.tagged or self._config.tags.extract(name)
        attributes = [_attribute(*tag) for tag in tagged.tags] if plan.tags else ()
        return Metric(name=plan.prefix + (tagged.name if plan.short_names else name)), attributes


def _temporality(deltas: bool) -> Temporality:
    return Temporality.DELTA if deltas else Temporality.CUMULATIVE


def _attribute(key: str, value: str) -> Attribute:
    return Attribute(key=key, value=Text(string_value=value))
