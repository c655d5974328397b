import socket

import pytest

from lateen.proxy.compile.stats_sink_plans import StatsdPlan
from lateen.proxy.stats.histogram import Summary, bin_of
from lateen.proxy.stats.model import HistogramStat, Stat, StatKind, loose_scope
from lateen.proxy.stats.snapshot import Snapshot
from lateen.proxy.stats.statsd import StatsdSink
from lateen.proxy.stats.tags import TagExtractor, default_rules


@pytest.fixture
def receiver():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.bind(("127.0.0.1", 0))
        found.settimeout(5)
        yield found


def stat(name, value, kind=StatKind.COUNTER, used=True):
    return Stat(name, kind, value, used)


def snapshot(*stats, values=()):
    interval = Summary.of({bin_of(value): count for value, count in values})
    times = [HistogramStat("cluster.c.upstream_rq_time", interval, interval)] if values else []
    return Snapshot.of([loose_scope("cluster.c.", stats)], times)


class Sent:
    """A sink and what it sends."""

    def __init__(self, receiver, **plan):
        self._receiver = receiver
        tags = TagExtractor(default_rules())
        self.sink = StatsdSink(StatsdPlan(receiver.getsockname(), "p", **plan), tags)

    def flush(self, shown, datagrams):
        for _ in self.sink.flush(shown):
            pass
        return [self._receiver.recv(65536).decode() for _ in range(datagrams)]


def test_counters_since_the_last_time_and_gauges_of_now(receiver):
    sent = Sent(receiver)
    active = stat("active", 5, StatKind.GAUGE)
    unused = stat("unused", 0, used=False)
    shown = snapshot(active, stat("total", 3), unused)
    assert sent.flush(shown, 2) == ["p.cluster.c.active:5|g", "p.cluster.c.total:3|c"]
    shown = snapshot(active, stat("total", 10))
    assert sent.flush(shown, 2)[1] == "p.cluster.c.total:7|c"
    # Counters were set to 0.
    assert sent.flush(snapshot(stat("total", 2)), 1) == ["p.cluster.c.total:2|c"]


def test_values_of_histograms_with_their_share(receiver):
    shown = snapshot(values=[(3, 1), (90, 4)])
    name = "p.cluster.c.upstream_rq_time"
    assert Sent(receiver).flush(shown, 2) == [f"{name}:3|ms", f"{name}:90|ms|@0.25"]


def test_tags_go_apart(receiver):
    shown = snapshot(stat("upstream_rq_200", 1))
    assert Sent(receiver, tags=True).flush(shown, 1) == [
        "p.cluster.upstream_rq:1|c|#envoy.response_code:200,envoy.cluster_name:c"
    ]


def test_lines_share_a_datagram(receiver):
    stats = [stat(name, 1) for name in ("a", "b", "d")]
    lines = [f"p.cluster.c.{name}:1|c" for name in ("a", "b", "d")]
    together = 2 * len(lines[0]) + 1
    sent = Sent(receiver, datagram_bytes=together)
    assert sent.flush(snapshot(*stats), 2) == ["\n".join(lines[:2]), lines[2]]


def test_nobody_listens(receiver):
    sent = Sent(receiver)
    receiver.close()
    assert list(sent.sink.flush(snapshot(stat("a", 1)))) == [None]
    sent.sink.close()
