"""A subscriber with what every subscription has: stats, the wait for a first answer, a log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lateen.proxy.log.levels import Level
from lateen.proxy.xds.xxhash import xxh64
from lateen.xds.subscription import Checker, FetchFailure, Outcome, Update
from lateen.xds.type_state import error_of

if TYPE_CHECKING:
    from lateen.proxy.log.logger import Log
    from lateen.proxy.stats.main_thread import MainThreadScope
    from lateen.xds.subscription import Subscriber

_COMPONENT = "config"


@dataclass(frozen=True)
class Transport:
    """How resources come, as the log and the stats tell it.

    Attributes:
        counts_outcomes: every outcome counts as an attempt; otherwise the one who fetches counts.
        rejected: the text for what was rejected; `what` is the type or the path, `why` the reason.
        failed: the text when nothing came.
        timed_out: the text when the first answer did not come in time.
        failed_level: of that text.
    """

    counts_outcomes: bool
    rejected: str
    failed: str
    timed_out: str
    failed_level: Level


GRPC = Transport(
    True,
    "gRPC config for {what} rejected: {why}",
    "gRPC update for {what} failed",
    "gRPC config: initial fetch timed out for {what}",
    Level.DEBUG,
)
REST = Transport(
    False,
    "REST config for {what} rejected: {why}",
    "REST update for {what} failed: {why}",
    "REST config: initial fetch timeout for {what}",
    Level.WARNING,
)
FILE = Transport(
    False,
    "Filesystem config update rejected: {why}",
    "Filesystem config update failure: {why}",
    "",
    Level.WARNING,
)


class Tracked:
    """Stands between a subscriber and what brings its resources.

    Args:
        subscriber: takes the resources.
        what: their type, or the path that they come from; for the log.
        transport: how they come.
        stats: `update_success` and so on; closed with the subscription.
        log: hears of what was rejected and did not come.
        spell: how a name is asked for.
    """

    def __init__(
        self,
        subscriber: Subscriber,
        what: str,
        transport: Transport,
        stats: MainThreadScope,
        log: Log,
        spell: Callable[[str], str],
    ) -> None:
        self.spell = spell
        self._subscriber = subscriber
        self.check = subscriber.check if isinstance(subscriber, Checker) else None
        self._what = what
        self._transport = transport
        self._log = log
        self._closed = False
        self._deadline: asyncio.TimerHandle | None = None
        self.stats = stats

    def begin(self, timeout_s: float) -> None:
        """The first answer is to come within some seconds; 0: ever."""
        if timeout_s > 0:
            loop = asyncio.get_running_loop()
            self._deadline = loop.call_later(timeout_s, self._timed_out)

    def attempted(self) -> None:
        """Counts an attempt, which nothing came of yet."""
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
            self._log.error(_COMPONENT, f"{self._what}: {type(error).__name__}: {error}")
            outcome = Outcome(summary=f"internal error: {type(error).__name__}")
        self._count(update, outcome, (time.monotonic_ns() - started) // 1_000_000)
        return outcome

    def fail(self, failure: FetchFailure, reason: str) -> None:
        """Hands on that nothing came."""
        if self._closed:
            return
        self._ended()
        if failure is FetchFailure.CONNECTION:
            self.stats.add("update_failure")
            self._say(self._transport.failed_level, self._transport.failed, reason)
        elif failure is FetchFailure.TIMEOUT:
            self.stats.add("init_fetch_timeout")
            self._say(Level.WARNING, self._transport.timed_out, reason)
        else:
            self._arrived()
            self._rejected(reason)
        try:
            self._subscriber.fail(failure, reason)
        except Exception as error:
            self._log.error(_COMPONENT, f"{self._what}: {type(error).__name__}: {error}")

    def close(self) -> None:
        """Nothing is handed on any more, and the stats go."""
        if not self._closed:
            self._closed = True
            self._arrived()
            self.stats.close()

    def _count(self, update: Update, outcome: Outcome, duration_ms: int) -> None:
        if self._closed:
            return
        self._ended()
        error = error_of((outcome,))
        if error is not None:
            self._rejected(error)
            return
        self.stats.add("update_success")
        self.stats.set("update_time", time.time_ns() // 1_000_000)
        self.stats.set("version", xxh64(update.version.encode()))
        self.stats.set_text("version_text", update.version)
        self.stats.record("update_duration", duration_ms)

    def _ended(self) -> None:
        if self._transport.counts_outcomes:
            self.stats.add("update_attempt")

    def _rejected(self, reason: str) -> None:
        self.stats.add("update_rejected")
        self._say(Level.WARNING, self._transport.rejected, reason)

    def _say(self, level: Level, text: str, why: str) -> None:
        write = self._log.warning if level is Level.WARNING else self._log.debug
        write(_COMPONENT, text.format(what=self._what, why=why))

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
        """Changes which resources are wanted; None wants all.

        Raises:
            XdstpNameError: a name begins as one of xdstp and is none.
        """
        if self._close is not None:
            spell = self._tracked.spell
            self._change(None if names is None else [spell(name) for name in names])

    def close(self) -> None:
        """Ends the subscription. Idempotent."""
        if self._close is not None:
            close, self._close = self._close, None
            self._tracked.close()
            close()
