"""A subscriber with what every subscription has: stats, the wait for a first answer, a log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from lateen.proxy.xds.stats import SUBSCRIPTION
from lateen.proxy.xds.xxhash import xxh64
from lateen.xds.subscription import FetchFailure, Outcome, Update
from lateen.xds.type_state import error_of

if TYPE_CHECKING:
    from lateen.proxy.log.logger import Log
    from lateen.proxy.stats.main_thread import MainThreadStats
    from lateen.xds.subscription import Subscriber

_COMPONENT = "config"


class Tracked:
    """Stands between a subscriber and what brings its resources.

    Args:
        subscriber: takes the resources.
        type_url: of the resources.
        kind: how they come, for the log: `gRPC`, `REST`, `filesystem`.
        stats_prefix: of the subscription's stats.
        stats: where they are kept.
        log: hears of what was rejected and did not come.
    """

    def __init__(
        self,
        subscriber: Subscriber,
        type_url: str,
        kind: str,
        stats_prefix: str,
        stats: MainThreadStats,
        log: Log,
    ) -> None:
        self._subscriber = subscriber
        self._type_url = type_url
        self._kind = kind
        self._log = log
        self._closed = False
        self._deadline: asyncio.TimerHandle | None = None
        self.stats = stats.open(stats_prefix, SUBSCRIPTION)

    def begin(self, timeout_s: float) -> None:
        """Counts the first attempt; the first answer is to come within some seconds (0: ever)."""
        self.stats.add("update_attempt")
        if timeout_s > 0:
            loop = asyncio.get_running_loop()
            self._deadline = loop.call_later(timeout_s, self._timed_out)

    def attempted(self) -> None:
        """Counts one more attempt, which nothing came of yet."""
        self.stats.add("update_attempt")

    def deliver(self, update: Update) -> Outcome:
        """Hands an update on; an error in the subscriber itself rejects it."""
        if self._closed:
            return Outcome()
        self._arrived()
        started = time.monotonic_ns()
        try:
            outcome = self._subscriber.take(update)
        except Exception as error:
            self._log.error(_COMPONENT, f"{self._type_url}: {type(error).__name__}: {error}")
            outcome = Outcome(summary=f"internal error: {type(error).__name__}")
        self._count(update, outcome, (time.monotonic_ns() - started) // 1_000_000)
        return outcome

    def fail(self, failure: FetchFailure, reason: str) -> None:
        """Hands on that nothing came."""
        if self._closed:
            return
        self.stats.add("update_attempt")
        if failure is FetchFailure.CONNECTION:
            self.stats.add("update_failure")
            self._log.debug(_COMPONENT, f"{self._kind} update for {self._type_url} failed")
        elif failure is FetchFailure.TIMEOUT:
            self.stats.add("init_fetch_timeout")
            self._log.warning(
                _COMPONENT, f"{self._kind} config: initial fetch timed out for {self._type_url}"
            )
        else:
            self._arrived()
            self._rejected(reason)
        try:
            self._subscriber.fail(failure, reason)
        except Exception as error:
            self._log.error(_COMPONENT, f"{self._type_url}: {type(error).__name__}: {error}")

    def close(self) -> None:
        """Nothing is handed on any more, and the stats go."""
        if not self._closed:
            self._closed = True
            self._arrived()
            self.stats.close()

    def _count(self, update: Update, outcome: Outcome, duration_ms: int) -> None:
        if self._closed:
            return
        self.stats.add("update_attempt")
        error = error_of((outcome,))
        if error is not None:
            self._rejected(error)
            return
        self.stats.add("update_success")
        self.stats.set("update_time", time.time_ns() // 1_000_000)
        self.stats.set("version", xxh64(update.version.encode()))
        self.stats.set_text("version_text", update.version)
        self.stats.record("update_duration", duration_ms)

    def _rejected(self, reason: str) -> None:
        self.stats.add("update_rejected")
        self._log.warning(
            _COMPONENT, f"{self._kind} config for {self._type_url} rejected: {reason}"
        )

    def _arrived(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _timed_out(self) -> None:
        self._deadline = None
        self.fail(FetchFailure.TIMEOUT, "initial fetch timed out")


class Handle:
    """A running subscription: how to change and to end it.

    Args:
        tracked: the subscriber.
        change: tells the source that other names are wanted.
        close: tells the source that nothing is.
    """

    def __init__(
        self,
        tracked: Tracked,
        change: Callable[[Collection[str] | None], None],
        close: Callable[[], None],
    ) -> None:
        self._tracked = tracked
        self._change = change
        self._close: Callable[[], None] | None = close

    def set_names(self, names: Collection[str] | None) -> None:
        """Changes which resources are wanted; None wants all."""
        if self._close is not None:
            self._tracked.attempted()
            self._change(names)

    def close(self) -> None:
        """Ends the subscription. Idempotent."""
        if self._close is not None:
            close, self._close = self._close, None
            self._tracked.close()
            close()
