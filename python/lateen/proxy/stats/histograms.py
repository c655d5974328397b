"""Histograms of workers and of the main thread, merged at every flush interval as Envoy does."""

from __future__ import annotations

import array
import functools
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from lateen.protos import worker_stats_pb2 as wire
from lateen.proxy.compile.stats_blocks import BlockKind
from lateen.proxy.stats import tagged
from lateen.proxy.stats.histogram import Summary, bin_of
from lateen.proxy.stats.layouts import histogram_names
from lateen.proxy.stats.model import HistogramStat

if TYPE_CHECKING:
    from lateen.proxy.compile.stats_blocks import Block, StatsBlocks

# (worker, stats block, histogram index, pairs of u64: bin, count) as Workers.histograms gives them.
# and Workers.named_histograms, with a name in place of the index.
RawHistogram = tuple[int, int, int, bytes] | tuple[int, int, str, bytes]
_Counts = Mapping[int, int]

# Made with the cluster; the others exist once a value was recorded.
_CLUSTER_ALWAYS = ("upstream_cx_connect_ms", "upstream_cx_length_ms", "upstream_rq_per_cx")
# Envoy counts each answer's time here too, whoever asked.
_RQ_TIME = "upstream_rq_time"
_RQ_TIME_PARTS = ("external.upstream_rq_time", "internal.upstream_rq_time")


class Histograms:
    """What was recorded up to the last merge, and in the interval that ended with it."""

    def __init__(self) -> None:
        self._cumulative: dict[str, _Counts] = {}
        self._interval: dict[str, _Counts] = {}
        self._own: dict[str, Counter[int]] = {}

    def declare(self, name: str) -> None:
        """Makes a histogram of the main thread exist before its first value."""
        self._own.setdefault(name, Counter())

    def forget(self, name: str) -> None:
        """Takes a histogram of the main thread away."""
        self._own.pop(name, None)
        self._interval.pop(name, None)
        self._cumulative.pop(name, None)

    def record(self, name: str, value: int) -> None:
        """Records a value in a histogram of the main thread."""
        self._own.setdefault(name, Counter())[bin_of(value)] += 1

    def merge(self, raw: Iterable[RawHistogram], blocks: StatsBlocks) -> None:
        """Takes what was recorded so far; the difference to the last merge is the interval."""
        now: dict[str, Counter[int]] = {name: Counter(counts) for name, counts in self._own.items()}
        for _, number, index, pairs in raw:
            block = blocks.get(number)
            if block is None:
                continue
            name = _name(block, index)
            counts = _counts(pairs)
            for each in _counted_in(block, name):
                _add(now, each, counts)
        self._interval = {
            name: {
                number: count - before
                for number, count in counts.items()
                if count > (before := self._cumulative.get(name, {}).get(number, 0))
            }
            for name, counts in now.items()
        }
        self._cumulative = dict(now)

    def stats(
        self, blocks: StatsBlocks, recorded: Iterable[RawHistogram] = ()
    ) -> Iterator[HistogramStat]:
        """All histograms, in no order; those of `recorded` exist, if empty until the next merge."""
        names = dict.fromkeys((*self._own, *self._cumulative))
        for _, number, index, _ in recorded:
            block = blocks.get(number)
            if block is None:
                continue
            names.update(dict.fromkeys(_counted_in(block, _name(block, index))))
        for block in blocks:
            names.update(dict.fromkeys(_always(block)))
        for name in names:
            shown, parts = tagged.read(name) if tagged.has_tags(name) else (name, None)
            yield HistogramStat(
                shown,
                Summary.of(self._interval.get(name, {})),
                Summary.of(self._cumulative.get(name, {})),
                parts,
            )


def _counted_in(block: Block, name: str) -> Iterator[str]:
    yield name
    if block.kind is BlockKind.CLUSTER and name.endswith(_RQ_TIME_PARTS):
        yield f"{block.prefix}.{_RQ_TIME}"


def _add(into: dict[str, Counter[int]], name: str, counts: _Counts) -> None:
    into.setdefault(name, Counter()).update(counts)


def _counts(pairs: bytes) -> dict[int, int]:
    values = array.array("Q", pairs)
    if sys.byteorder == "big":
        values.byteswap()
    return dict(zip(values[::2], values[1::2], strict=True))


@functools.cache
def _names(kind: BlockKind) -> tuple[str, ...]:
    if kind is BlockKind.LISTENER:
        return histogram_names(wire.ListenerHistogram.items(), "LISTENER_HISTOGRAM_")
    if kind is BlockKind.HTTP:
        return histogram_names(wire.HttpHistogram.items(), "HTTP_HISTOGRAM_")
    if kind is BlockKind.CLUSTER:
        return histogram_names(wire.ClusterHistogram.items(), "CLUSTER_HISTOGRAM_")
    if kind is BlockKind.TLS_INSPECTOR:
        return histogram_names(wire.TlsInspectorHistogram.items(), "TLS_INSPECTOR_HISTOGRAM_")
    if kind is BlockKind.VIRTUAL_CLUSTER:
        return histogram_names(wire.VirtualClusterHistogram.items(), "VIRTUAL_CLUSTER_HISTOGRAM_")
    return ()


def _name(block: Block, index: int | str) -> str:
    name = index if isinstance(index, str) else _names(block.kind)[index]
    return f"{block.prefix}.{name}"


def _always(block: Block) -> Iterator[str]:
    names: Iterable[str] = ()
    if block.kind is BlockKind.CLUSTER:
        names = _CLUSTER_ALWAYS
    elif block.kind in (BlockKind.LISTENER, BlockKind.HTTP, BlockKind.TLS_INSPECTOR):
        names = _names(block.kind)
    for name in names:
        yield f"{block.prefix}.{name}"
