"""Stats as StatsD and DogStatsD have them: a line for each, in datagrams.

Source: https://github.com/statsd/statsd/blob/master/docs/metric_types.md and
https://docs.datadoghq.com/developers/dogstatsd/datagram_shell; names and kinds as in Envoy 1.40.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lateen.proxy.stats.deltas import Deltas
from lateen.proxy.stats.model import StatKind
from lateen.proxy.stats.numbers import general
from lateen.proxy.stats.sink import used

if TYPE_CHECKING:
    from lateen.proxy.compile.stats_sink_plans import StatsdPlan
    from lateen.proxy.stats.model import HistogramStat, Stat
    from lateen.proxy.stats.snapshot import Snapshot
    from lateen.proxy.stats.tags import TagExtractor


class StatsdSink:
    """Sends what was counted since the last time; what cannot be sent is lost, as ever over UDP."""

    def __init__(self, plan: StatsdPlan, tags: TagExtractor) -> None:
        self._plan = plan
        self._tags = tags
        self._deltas = Deltas()
        family = socket.AF_UNIX
        if not isinstance(plan.address, str):
            family = socket.AF_INET6 if ":" in plan.address[0] else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def flush(self, snapshot: Snapshot) -> Iterator[None]:
        """Sends all stats of a moment that were ever written, in steps between which others may
        have their turn.
        """
        waiting = b""
        for number, line in enumerate(self._lines(snapshot)):
            text = line.encode()
            if waiting and len(waiting) + 1 + len(text) > self._plan.datagram_bytes:
                self._send(waiting)
                waiting = b""
            waiting = waiting + b"\n" + text if waiting else text
            if number % 256 == 0:
                yield
        if waiting:
            self._send(waiting)

    async def finish(self) -> None:
        """Nothing is on its way: what a socket does not take is lost."""

    def close(self) -> None:
        """Gives the socket back."""
        self._socket.close()

    def _lines(self, snapshot: Snapshot) -> Iterator[str]:
        for batch in snapshot.batches(used()):
            for stat in batch:
                if stat.kind is StatKind.GAUGE:
                    yield self._line(stat, str(stat.value), "g")
                else:
                    yield self._line(stat, str(self._deltas.since(stat)), "c")
        for histogram in snapshot.selected_histograms(used()):
            yield from self._values(histogram)

    def _values(self, histogram: HistogramStat) -> Iterator[str]:
        """The values of an interval: a line for all that are the same, which tells their share."""
        for each in histogram.interval.bins:
            share = "" if each.count == 1 else f"|@{general(1 / each.count)}"
            yield self._line(histogram, general(each.lower), f"ms{share}")

    def _line(self, stat: Stat | HistogramStat, value: str, kind: str) -> str:
        if not self._plan.tags:
            return f"{self._plan.prefix}.{stat.name}:{value}|{kind}"
        tagged = stat.tagged or self._tags.extract(stat.name)
        tags = ",".join(f"{tag.name}:{tag.value}" for tag in tagged.tags)
        end = f"|#{tags}" if tags else ""
        return f"{self._plan.prefix}.{tagged.name}:{value}|{kind}{end}"

    def _send(self, datagram: bytes) -> None:
        with contextlib.suppress(OSError):
            self._socket.sendto(datagram, self._plan.address)
