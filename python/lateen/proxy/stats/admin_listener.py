"""The stats of the admin listener itself: http.admin.* and listener.admin.*."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from lateen.proxy.stats.histograms import Histograms
from lateen.proxy.stats.layouts import http_layout, listener_layout
from lateen.proxy.stats.model import Layout, Scope, StatKind, counter, gauge, loose_scope

_HISTOGRAMS = (
    "http.admin.downstream_cx_length_ms",
    "http.admin.downstream_rq_time",
    "listener.admin.connections_accepted_per_socket_event",
    "listener.admin.downstream_cx_length_ms",
)
# Gauges that Envoy writes when a connection or a request begins.
_WRITTEN = frozenset(
    {
        "downstream_cx_active",
        "downstream_cx_http1_active",
        "downstream_cx_rx_bytes_buffered",
        "downstream_rq_active",
    }
)
# Of a router, which the admin listener does not have; of listeners that a configuration made.
_NOT_OF_ADMIN = ("no_", "passthrough_", "rq_", "tracing.", "extension_", "network_")


class AdminListenerStats:
    """Counts what the admin listener does."""

    def __init__(self, histograms: Histograms) -> None:
        self._histograms = histograms
        self._counts: Counter[str] = Counter()
        for name in _HISTOGRAMS:
            histograms.declare(name)

    def opened(self) -> None:
        """A connection was accepted."""
        for name in ("downstream_cx_total", "downstream_cx_active"):
            self._counts[f"listener.{name}"] += 1
            self._counts[f"http.{name}"] += 1
        self._counts["http.downstream_cx_http1_total"] += 1
        self._counts["http.downstream_cx_http1_active"] += 1
        self._histograms.record("listener.admin.connections_accepted_per_socket_event", 1)

    def closed(self, length_ms: int, *, remote: bool, mid_request: bool) -> None:
        """A connection ended, by the client (`remote`) or by us."""
        side = "remote" if remote else "local"
        names = ["downstream_cx_destroy", f"downstream_cx_destroy_{side}"]
        if mid_request:
            names += ["downstream_cx_destroy_active_rq", f"downstream_cx_destroy_{side}_active_rq"]
        for name in names:
            self._counts[f"http.{name}"] += 1
        self._counts["listener.downstream_cx_destroy"] += 1
        for gauge_name in ("listener.downstream_cx_active", "http.downstream_cx_active"):
            self._counts[gauge_name] -= 1
        self._counts["http.downstream_cx_http1_active"] -= 1
        for name in (
            "http.admin.downstream_cx_length_ms",
            "listener.admin.downstream_cx_length_ms",
        ):
            self._histograms.record(name, length_ms)

    def received(self, size: int) -> None:
        """Bytes came in."""
        self._counts["http.downstream_cx_rx_bytes_total"] += size

    def sent(self, size: int) -> None:
        """Bytes went out."""
        self._counts["http.downstream_cx_tx_bytes_total"] += size

    def request_begun(self) -> None:
        """A request's headers are complete."""
        for name in ("downstream_rq_total", "downstream_rq_http1_total", "downstream_rq_active"):
            self._counts[f"http.{name}"] += 1

    def response_begun(self, status: int) -> None:
        """A response's headers are sent; what the body tells of these stats counts it already."""
        for front in ("http", "listener.http"):
            self._counts[f"{front}.downstream_rq_{status // 100}xx"] += 1
            self._counts[f"{front}.downstream_rq_completed"] += 1

    def request_ended(self, time_ms: int) -> None:
        """A response was sent in full."""
        self._counts["http.downstream_rq_active"] -= 1
        self._histograms.record("http.admin.downstream_rq_time", time_ms)

    def protocol_error(self) -> None:
        """A request could not be parsed."""
        self._counts["http.downstream_cx_protocol_error"] += 1

    def reset(self) -> None:
        """Sets counters to 0."""
        self._counts = Counter(
            {name: count for name, count in self._counts.items() if name.endswith("_active")}
        )

    def scopes(self) -> Iterator[Scope]:
        """The stats."""
        yield self._scope("http.admin.", "http", http_layout())
        yield self._scope("listener.admin.", "listener", listener_layout())
        responses = [
            *(f"downstream_rq_{digit}xx" for digit in range(1, 6)),
            "downstream_rq_completed",
        ]
        yield loose_scope(
            "listener.admin.http.admin.",
            [counter(name, self._counts[f"listener.http.{name}"]) for name in responses],
        )
        active, total = "downstream_cx_active", "downstream_cx_total"
        yield loose_scope(
            "listener.admin.main_thread.",
            [
                gauge(active, self._counts[f"listener.{active}"], used=True),
                counter(total, self._counts[f"listener.{total}"]),
            ],
        )

    def _scope(self, prefix: str, front: str, layout: Layout) -> Scope:
        stats = [
            gauge(name, self._counts[f"{front}.{name}"], used=name in _WRITTEN)
            if kind is StatKind.GAUGE
            else counter(name, self._counts[f"{front}.{name}"])
            for name, kind in zip(layout.names, layout.kinds, strict=True)
            if not name.startswith(_NOT_OF_ADMIN) or name == "no_filter_chain_match"
        ]
        return loose_scope(prefix, stats)
