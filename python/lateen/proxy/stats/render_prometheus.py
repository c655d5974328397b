"""/stats/prometheus: families of stats that differ in their tags only (text format 0.0.4)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from lateen.proxy.stats.histogram import QUANTILES, Summary
from lateen.proxy.stats.model import HistogramStat, Layout, Scope, Stat, StatKind
from lateen.proxy.stats.numbers import general, long_decimal
from lateen.proxy.stats.render_text import Bounds
from lateen.proxy.stats.snapshot import Snapshot, StatsFilter
from lateen.proxy.stats.tags import Tag, TagExtractor

_NOT_ALLOWED = re.compile(r"[^a-zA-Z0-9_]")
_QUANTILE_LABELS = tuple(general(percent / 100) for percent in QUANTILES)
# Of Istio's metrics.
_OWN_NAMESPACE = "istiocustom."
# How many stats of a family are rendered between two yields.
_CHUNK = 500
# How many scopes or histograms are sorted between two yields.
_STEP = 64
# Stands for the name of a cluster and the like while the tags of a layout are found.
_PLACEHOLDER = "PLACEHOLDER"


def metric_name(name: str) -> str:
    """The Prometheus name of a stat whose tags were taken out.

    Stats below a name of their own (Envoy's custom stat namespaces) go without it.
    """
    own = name.removeprefix(_OWN_NAMESPACE)
    return _NOT_ALLOWED.sub("_", own if own != name else f"envoy_{name}")


def labels(tags: Sequence[Tag]) -> str:
    """Tags between the braces of a sample."""
    return ",".join(f'{_NOT_ALLOWED.sub("_", tag.name)}="{_escape(tag.value)}"' for tag in tags)


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


@dataclass
class _Part:
    """Scopes of one layout whose stats at `position` belong to a family."""

    scopes: list[Scope]
    position: int
    labels: str  # with _PLACEHOLDER for the scope's own name where there is one


@dataclass
class _Family:
    parts: list[_Part] = field(default_factory=list)
    loose: list[tuple[Stat, str]] = field(default_factory=list)


def render_prometheus(
    snapshot: Snapshot,
    wanted: StatsFilter,
    mode: str,
    bounds: Bounds,
    tags: TagExtractor,
    *,
    texts: bool = False,
) -> Iterator[str]:
    """The families: counters, gauges, then histograms, each sorted by name; some at a time.

    Args:
        snapshot: the stats.
        wanted: which of them.
        mode: how histograms are shown: cumulative or summary.
        bounds: the buckets of a histogram by its name.
        tags: takes the tags out of names.
        texts: whether text readouts are shown, as gauges with a label `text_value`.
    """
    families = _Families(tags)
    for number, scope in enumerate(snapshot.scopes):
        families.add(scope)
        if number % _STEP == 0:
            yield ""
    for kind, type_name in ((StatKind.COUNTER, "counter"), (StatKind.GAUGE, "gauge")):
        if wanted.wants(kind):
            for name in sorted(families.of(kind)):
                yield from _render_family(
                    name, type_name, families.of(kind)[name], snapshot, wanted
                )
    if texts:
        yield from _render_texts(snapshot, wanted, tags)
    yield from _render_histograms(snapshot, wanted, mode, bounds, tags)


class _Families:
    """Sorts scopes into families, finding the tags of each layout once where names allow it."""

    def __init__(self, tags: TagExtractor) -> None:
        self._tags = tags
        self._families: dict[StatKind, dict[str, _Family]] = {
            StatKind.COUNTER: {},
            StatKind.GAUGE: {},
        }
        self._shared: dict[tuple[int, str], list[Scope]] = {}

    def of(self, kind: StatKind) -> dict[str, _Family]:
        """The families of a kind by their name without tags."""
        return self._families[kind]

    def add(self, scope: Scope) -> None:
        """Adds all stats of a scope."""
        front, name = _split(scope.prefix)
        if name and scope.layout.names:
            key = (id(scope.layout), front)
            shared = self._shared.get(key)
            if shared is None:
                shared = self._shared[key] = []
                self._add_layout(shared, f"{front}{_PLACEHOLDER}.", scope.layout)
            shared.append(scope)
        else:
            self._add_layout([scope], scope.prefix, scope.layout)
        for stat in scope.extra:
            full = stat._replace(name=scope.prefix + stat.name)
            tagged = stat.tagged or self._tags.extract(full.name)
            self._family(stat.kind, tagged.name).loose.append((full, labels(tagged.tags)))

    def _add_layout(self, scopes: list[Scope], prefix: str, layout: Layout) -> None:
        for position, (name, kind) in enumerate(zip(layout.names, layout.kinds, strict=True)):
            tagged = self._tags.extract(prefix + name)
            part = _Part(scopes, position, labels(tagged.tags))
            self._family(kind, tagged.name).parts.append(part)

    def _family(self, kind: StatKind, name: str) -> _Family:
        return self._families[kind].setdefault(name, _Family())


def _split(prefix: str) -> tuple[str, str]:
    """`cluster.be.` is `cluster.` and `be` when the tags of `be` are those of any such name."""
    front, _, name = prefix.removesuffix(".").partition(".")
    if front in ("cluster", "http", "tcp") and name and "." not in name:
        return f"{front}.", name
    return "", ""


def _render_family(
    name: str, type_name: str, family: _Family, snapshot: Snapshot, wanted: StatsFilter
) -> Iterator[str]:
    samples = sorted(
        (stat.name, text, stat.value)
        for stat, text in _members(family)
        if (snapshot.was_used(stat) or not wanted.used_only)
        and (snapshot.accepts is None or snapshot.accepts(stat.name))
        and (wanted.accepts is None or wanted.accepts(stat.name))
    )
    if not samples:
        yield ""
        return
    metric = metric_name(name)
    yield f"# TYPE {metric} {type_name}\n"
    for start in range(0, len(samples), _CHUNK):
        chunk = samples[start : start + _CHUNK]
        yield "".join([f"{metric}{{{text}}} {value}\n" for _, text, value in chunk])


def _members(family: _Family) -> Iterator[tuple[Stat, str]]:
    for part in family.parts:
        for scope in part.scopes:
            stat = scope.stat(part.position)
            if stat is not None:
                text = part.labels.replace(_PLACEHOLDER, _escape(_split(scope.prefix)[1]))
                yield stat._replace(name=scope.prefix + stat.name), text
    yield from family.loose


def _render_texts(snapshot: Snapshot, wanted: StatsFilter, tags: TagExtractor) -> Iterator[str]:
    families: dict[str, list[str]] = {}
    for text in snapshot.selected_texts(wanted):
        tagged = tags.extract(text.name)
        found = [*tagged.tags, Tag("text_value", text.text)]
        families.setdefault(metric_name(tagged.name), []).append(labels(found))
    for metric in sorted(families):
        yield f"# TYPE {metric} gauge\n"
        for found_labels in families[metric]:
            yield f"{metric}{{{found_labels}}} 0\n"


def _render_histograms(
    snapshot: Snapshot, wanted: StatsFilter, mode: str, bounds: Bounds, tags: TagExtractor
) -> Iterator[str]:
    families: dict[str, list[tuple[HistogramStat, str]]] = {}
    for number, histogram in enumerate(snapshot.selected_histograms(wanted)):
        if number % _STEP == 0:
            yield ""
        tagged = histogram.tagged or tags.extract(histogram.name)
        families.setdefault(tagged.name, []).append((histogram, labels(tagged.tags)))
    for name in sorted(families):
        metric = metric_name(name)
        yield f"# TYPE {metric} {'summary' if mode == 'summary' else 'histogram'}\n"
        for histogram, text in families[name]:
            if mode == "summary":
                yield _summary(metric, histogram, text)
            else:
                yield _buckets(metric, histogram, text, bounds(histogram.name))


def _buckets(metric: str, histogram: HistogramStat, text: str, bounds: Sequence[float]) -> str:
    comma = f"{text}," if text else ""
    total = histogram.cumulative.sample_count
    lines = [
        f'{metric}_bucket{{{comma}le="{long_decimal(bound)}"}} {count}\n'
        for bound, count in zip(bounds, histogram.cumulative.cumulative(bounds), strict=True)
    ]
    lines.append(f'{metric}_bucket{{{comma}le="+Inf"}} {total}\n')
    return "".join(lines) + _sum_and_count(metric, histogram.cumulative, text)


def _summary(metric: str, histogram: HistogramStat, text: str) -> str:
    comma = f"{text}," if text else ""
    values = zip(_QUANTILE_LABELS, histogram.interval.quantiles(), strict=True)
    lines = [
        f'{metric}{{{comma}quantile="{label}"}} {long_decimal(value)}\n' for label, value in values
    ]
    return "".join(lines) + _sum_and_count(metric, histogram.interval, text)


def _sum_and_count(metric: str, total: Summary, text: str) -> str:
    return (
        f"{metric}_sum{{{text}}} {long_decimal(total.sample_sum)}\n"
        f"{metric}_count{{{text}}} {total.sample_count}\n"
    )
