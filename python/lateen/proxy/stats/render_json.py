"""/stats?format=json."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from lateen.proxy.stats.histogram import QUANTILES, Bin
from lateen.proxy.stats.model import HistogramStat
from lateen.proxy.stats.numbers import json_number
from lateen.proxy.stats.render_text import Bounds, counts
from lateen.proxy.stats.snapshot import Snapshot, StatsFilter

_SUPPORTED = ",".join(json_number(percent) for percent in QUANTILES)


def render_json(
    snapshot: Snapshot, wanted: StatsFilter, mode: str, bounds: Bounds
) -> Iterator[str]:
    """The document of /stats?format=json, some at a time; arguments as `render_text`."""
    yield '{"stats":['
    separator = ""
    for text in snapshot.selected_texts(wanted):
        yield f'{separator}{{"name":{json.dumps(text.name)},"value":{json.dumps(text.text)}}}'
        separator = ","
    for batch in snapshot.batches(wanted):
        if batch:
            yield separator + ",".join(
                [f'{{"name":{json.dumps(stat.name)},"value":{stat.value}}}' for stat in batch]
            )
            separator = ","
    front, back = _frame(mode)
    inner = ""
    for histogram in snapshot.selected_histograms(wanted):
        yield (inner or separator + front) + _histogram(histogram, mode, bounds)
        inner = ","
    yield (back if inner else "") + "]}"


def _frame(mode: str) -> tuple[str, str]:
    """What goes around the list of histograms."""
    if mode == "summary":
        front = f'{{"histograms":{{"supported_quantiles":[{_SUPPORTED}],"computed_quantiles":['
        return front, "]}}"
    if mode == "detailed":
        front = f'{{"histograms":{{"supported_percentiles":[{_SUPPORTED}],"details":['
        return front, "]}}"
    return '{"histograms":[', "]}"


def _histogram(histogram: HistogramStat, mode: str, bounds: Bounds) -> str:
    name = f'"name":{json.dumps(histogram.name)}'
    if mode == "summary":
        return f'{{{name},"values":[{_quantiles(histogram)}]}}'
    if mode == "detailed":
        return (
            f'{{{name},"totals":[{_bins(histogram.cumulative.bins)}],'
            f'"intervals":[{_bins(histogram.interval.bins)}],'
            f'"percentiles":[{_quantiles(histogram)}]}}'
        )
    return f'{{{name},"buckets":[{_buckets(histogram, mode, bounds(histogram.name))}]}}'


def _quantiles(histogram: HistogramStat) -> str:
    pairs = zip(histogram.cumulative.quantiles(), histogram.interval.quantiles(), strict=True)
    return ",".join(
        f'{{"cumulative":{json_number(ever)},"interval":{json_number(here)}}}'
        for ever, here in pairs
    )


def _buckets(histogram: HistogramStat, mode: str, bounds: Sequence[float]) -> str:
    here, ever = (
        counts(histogram.interval, mode, bounds),
        counts(histogram.cumulative, mode, bounds),
    )
    return ",".join(
        f'{{"upper_bound":{json_number(bound)},"interval":{interval},"cumulative":{total}}}'
        for bound, interval, total in zip(bounds, here, ever, strict=True)
    )


def _bins(bins: Sequence[Bin]) -> str:
    return ",".join(
        f'{{"lower_bound":{json_number(each.lower)},"width":{json_number(each.width)},'
        f'"count":{each.count}}}'
        for each in bins
    )
