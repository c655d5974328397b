"""Stats as envoy.service.metrics.v3 has them: a metric family each, in messages on one stream.

Source: envoy/config/metrics/v3/metrics_service.proto and
https://github.com/prometheus/client_model/blob/master/io/prometheus/client/metrics.proto; what
each stat becomes as in Envoy 1.40.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from lateen.protos.metrics_pb2 import FamilyMetric, Label, MetricFamily, MetricType
from lateen.protos.metrics_pb2 import StreamMetricsMessage as Message
from lateen.proxy.stats.deltas import Deltas
from lateen.proxy.stats.histogram import QUANTILES
from lateen.proxy.stats.model import StatKind
from lateen.proxy.stats.sink import used

if TYPE_CHECKING:
    from lateen.proxy.compile.stats_sink_plans import MetricsServicePlan
    from lateen.proxy.stats.config import StatsConfig
    from lateen.proxy.stats.model import HistogramStat, Stat
    from lateen.proxy.stats.snapshot import Snapshot
    from lateen.proxy.xds.outbox import Outbox

# How many families are made between two steps.
_STEP = 256


class MetricsServiceSink:
    """Sends families through an outbox."""

    def __init__(
        self,
        plan: MetricsServicePlan,
        config: StatsConfig,
        outbox: Outbox,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._plan = plan
        self._config = config
        self._outbox = outbox
        self._now_s = now_s
        self._deltas = Deltas()

    def flush(self, snapshot: Snapshot) -> Iterator[None]:
        """Sends all stats of a moment, in steps."""
        now_ms = int(self._now_s() * 1000)
        families: list[MetricFamily] = []
        for number, family in enumerate(self._families(snapshot)):
            family.metric[0].timestamp_ms = now_ms
            families.append(family)
            if number % _STEP == 0:
                yield
        self._outbox.send([Message(envoy_metrics=part) for part in self._parts(families)])

    async def finish(self) -> None:
        """Waits for what is on its way."""
        await self._outbox.finish()

    def close(self) -> None:
        """Ends the stream."""
        self._outbox.close()

    def _parts(self, families: Sequence[MetricFamily]) -> Iterator[Sequence[MetricFamily]]:
        size = self._plan.batch_size or max(1, len(families))
        for start in range(0, len(families), size):
            yield families[start : start + size]

    def _families(self, snapshot: Snapshot) -> Iterator[MetricFamily]:
        for batch in snapshot.batches(used(StatKind.COUNTER)):
            for stat in batch:
                value = self._deltas.since(stat) if self._plan.deltas else stat.value
                family, metric = self._family(stat, MetricType.COUNTER)
                metric.counter.value = value
                yield family
        for batch in snapshot.batches(used(StatKind.GAUGE)):
            for stat in batch:
                family, metric = self._family(stat, MetricType.GAUGE)
                metric.gauge.value = stat.value
                yield family
        for histogram in snapshot.selected_histograms(used()):
            if self._plan.summaries:
                yield self._summary(histogram)
            if self._plan.histograms:
                yield self._histogram(histogram)

    def _summary(self, histogram: HistogramStat) -> MetricFamily:
        family, metric = self._family(histogram, MetricType.SUMMARY)
        interval = histogram.interval
        metric.summary.sample_count = interval.sample_count
        metric.summary.sample_sum = interval.sample_sum
        for percent, value in zip(QUANTILES, interval.quantiles(), strict=True):
            metric.summary.quantile.add(quantile=round(percent / 100, 6), value=value)
        return family

    def _histogram(self, histogram: HistogramStat) -> MetricFamily:
        family, metric = self._family(histogram, MetricType.HISTOGRAM)
        interval = histogram.interval
        metric.histogram.sample_count = interval.sample_count
        metric.histogram.sample_sum = interval.sample_sum
        bounds = self._config.buckets_of(histogram.name)
        for bound, count in zip(bounds, interval.cumulative(bounds), strict=True):
            metric.histogram.bucket.add(upper_bound=bound, cumulative_count=count)
        return family

    def _family(
        self, stat: Stat | HistogramStat, kind: MetricType
    ) -> tuple[MetricFamily, FamilyMetric]:
        family = MetricFamily(name=stat.name, type=kind)
        metric = family.metric.add()
        if self._plan.labels:
            tagged = stat.tagged or self._config.tags.extract(stat.name)
            family.name = tagged.name
            metric.label.extend(Label(name=tag.name, value=tag.value) for tag in tagged.tags)
        return family, metric
