"""The life of a serving proxy: initializing, live, draining, gone."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from lateen.proxy.stats.process import ServerState

if TYPE_CHECKING:
    from lateen.proxy.log.logger import Log
    from lateen.proxy.options import Options
    from lateen.proxy.workers import Workers

# How often a condition of the workers is looked at while something waits for it.
_POLL_S = 0.02


class Lifecycle:
    """The state of the server and what changes it; its methods run in the event loop."""

    def __init__(self, workers: Workers, log: Log, options: Options) -> None:
        self._workers = workers
        self._log = log
        self._options = options
        self._started_s = time.monotonic()
        self._state = ServerState.PRE_INITIALIZING
        self._health_check_failed = False
        self._handed_over = False
        self._draining: asyncio.Event = asyncio.Event()
        self._ended: asyncio.Event = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self.listeners_stopped = 0
        self.workers_started = False

    @property
    def state(self) -> ServerState:
        """Envoy's server state: a failed health check looks like draining."""
        return ServerState.DRAINING if self._health_check_failed else self._state

    @property
    def stage(self) -> ServerState:
        """The state, whatever health checks are made to say."""
        return self._state

    @property
    def uptime_s(self) -> int:
        """Seconds since the start."""
        return int(time.monotonic() - self._started_s)

    @property
    def age_ms(self) -> int:
        """Milliseconds since the start."""
        return int((time.monotonic() - self._started_s) * 1000)

    def watch_signals(self) -> None:
        """SIGTERM and SIGINT drain, again: end at once; SIGUSR1 opens logs anew; no SIGHUP."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end_signal, number)
        loop.add_signal_handler(signal.SIGUSR1, self.reopen_logs)
        loop.add_signal_handler(signal.SIGHUP, self._log.info, "main", "SIGHUP is ignored")

    async def initialize(
        self, warm_limit_s: float, begin: Callable[[], asyncio.Event | None] = lambda: None
    ) -> None:
        """Waits for what must be there before listeners start.

        Args:
            warm_limit_s: how long static clusters may take to be ready.
            begin: called then; what it returns is waited for.
        """
        self._state = ServerState.INITIALIZING
        if warm_limit_s:
            await self._wait(self._workers.ready, warm_limit_s)
        ready = begin()
        if ready is not None:
            await self._first_of(ready, self._draining)
        if self._draining.is_set():
            return
        self._log.info("config", "all clusters initialized. starting workers")

    def start(self) -> None:
        """Lets the listeners accept."""
        if self._draining.is_set():
            return
        self._workers.core.start()
        self.workers_started = True
        self._state = ServerState.LIVE

    async def run(self) -> None:
        """Returns when the process is to end: after a drain, or at once after a second signal."""
        await self._draining.wait()
        if self._ended.is_set():
            self._log.info("main", "exiting")
            return
        self._state = ServerState.DRAINING
        self._log.info("main", "draining: waiting for what is in flight")
        self._workers.core.stop_listeners()
        self.listeners_stopped += 1
        self._workers.core.drain()
        idle = asyncio.create_task(self._wait(self._is_idle, self._options.drain_time_s))
        ended = asyncio.create_task(self._ended.wait())
        await asyncio.wait((idle, ended), return_when=asyncio.FIRST_COMPLETED)
        for task in (idle, ended):
            task.cancel()
        self._log.info("main", "exiting")

    def quit(self) -> None:
        """Drains, then ends; during a drain: ends at once."""
        if self._draining.is_set():
            self._ended.set()
        self._draining.set()

    def hand_over(self, drain_ms: int) -> None:
        """Stops accepting for a process that has taken over; connections end over a time."""
        self._handed_over = True
        self._state = ServerState.DRAINING
        self._workers.core.stop_listeners()
        self.listeners_stopped += 1
        self._workers.core.drain(drain_ms)

    def is_handed_over(self) -> bool:
        """Whether another process has taken over."""
        return self._handed_over

    def end(self) -> None:
        """Ends at once."""
        self._ended.set()
        self._draining.set()

    def set_health_check_failed(self, failed: bool) -> None:
        """Makes the server look unhealthy: connections close after their request."""
        self._health_check_failed = failed
        self._workers.core.fail_health_check(failed)

    def drain_listeners(self, *, graceful: bool, inbound_only: bool, skip_exit: bool) -> None:
        """Drains connections; stops listeners at once, after the drain time (graceful) or never."""
        if skip_exit or graceful:
            self._workers.core.drain()
        if skip_exit:
            return
        if graceful:
            self._spawn(self._stop_later(inbound_only))
        else:
            self._stop(inbound_only)

    def reopen_logs(self) -> None:
        """Opens all log files anew."""
        self._log.reopen()
        self._workers.core.reopen_logs()

    def _end_signal(self, number: signal.Signals) -> None:
        self._log.warning("main", f"caught {number.name}")
        self.quit()

    def _stop(self, inbound_only: bool) -> None:
        self._workers.core.stop_listeners(inbound_only)
        self.listeners_stopped += 1

    async def _stop_later(self, inbound_only: bool) -> None:
        await asyncio.sleep(self._options.drain_time_s)
        self._stop(inbound_only)

    def _spawn(self, work: object) -> None:
        assert asyncio.iscoroutine(work)
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _is_idle(self) -> bool:
        return self._workers.core.active_connections() == 0

    async def _first_of(self, *events: asyncio.Event) -> None:
        """Waits until one of the events is set."""
        tasks = [asyncio.create_task(event.wait()) for event in events]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()

    async def _wait(self, condition: Callable[[], bool], limit_s: float) -> None:
        """Waits until a condition holds, the limit passes or the process is to end."""
        deadline = time.monotonic() + limit_s
        while not condition() and time.monotonic() < deadline and not self._ended.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), _POLL_S)
