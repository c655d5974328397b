"""`lateen.Proxy`: what a program, a test or a notebook runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

from lateen.embedded.errors import ProxyError
from lateen.embedded.running import Running
from lateen.embedded.source import Config
from lateen.proxy.log.levels import LevelError, parse_level
from lateen.proxy.options import Options
from lateen.proxy.script_plan import ScriptPlan, script_of
from lateen.proxy.stats.snapshot import StatsFilter

_POLL_S = 0.01


class Proxy:
    """A proxy in this process, with a thread of its own for its event loop and for each worker.

    It begins with `start`, or a `with` or `async with` block, which wait until it serves; it takes
    no signals, and ends with the block, `stop`, or the process.
    """

    def __init__(
        self,
        config: Config,
        *,
        concurrency: int = 1,
        filters: Sequence[Callable[..., object] | str] = (),
        log_level: str = "warning",
        timeout_s: float = 30.0,
    ) -> None:
        """Starts nothing yet.

        Args:
            config: the path of a file (its extension tells the format), a mapping as JSON has it,
                or a message envoy.config.bootstrap.v3.Bootstrap.
            concurrency: how many workers.
            filters: HTTP filters that every connection manager runs before its own: what
                `@http_filter` marks, or `FILE:NAME`.
            log_level: what is written to standard error: trace, debug, info, warning, error,
                critical or off.
            timeout_s: how long `start` may take.

        Raises:
            ValueError: an argument has no such value.
        """
        if concurrency < 1:
            raise ValueError(f"concurrency is {concurrency}: at least one worker is needed")
        try:
            level = parse_level(log_level)
        except LevelError as error:
            raise ValueError(str(error)) from None
        self._config = config
        self._timeout_s = timeout_s
        self._options = Options(
            concurrency=concurrency,
            log_level=level,
            filter=tuple(_script(each) for each in filters),
            disable_hot_restart=True,
        )
        self._running: Running | None = None

    def start(self) -> Self:
        """Starts the proxy and waits until it serves; a second call does nothing.

        Raises:
            ConfigError: the configuration cannot be used, or a listener cannot be bound.
            ProxyError: it cannot start for another reason, or in time.
        """
        if self._running is not None:
            return self
        running = Running(self._config, self._options)
        try:
            running.wait(self._timeout_s)
        except BaseException:
            running.stop()
            raise
        self._running = running
        return self

    def stop(self) -> None:
        """Closes every connection, and ends all threads; a second call does nothing."""
        running, self._running = self._running, None
        if running is not None:
            running.stop()

    @property
    def ports(self) -> Mapping[str, int]:
        """The bound port of each listener that has one, by its name; of several, the first.

        Raises:
            ProxyError: the proxy does not run.
        """
        ports: dict[str, int] = {}
        for listener in self._run().workers.listeners():
            for address in listener.addresses:
                if address.HasField("socket"):
                    ports.setdefault(listener.name, address.socket.port)
        return ports

    @property
    def port(self) -> int:
        """The port of the only listener.

        Raises:
            ProxyError: the proxy does not run, or has none or several.
        """
        ports = self.ports
        if len(ports) != 1:
            known = ", ".join(ports) or "none"
            raise ProxyError(f"there is not one listener with a port ({known}): use ports[NAME]")
        return next(iter(ports.values()))

    def stats(self, prefix: str = "") -> dict[str, int]:
        """Counters and gauges of this moment, by name: those that begin with `prefix`.

        Raises:
            ProxyError: the proxy does not run.
        """
        snapshot = self._run().call(lambda main: main.stats())
        wanted = StatsFilter(lambda name: name.startswith(prefix))
        return {stat.name: stat.value for batch in snapshot.batches(wanted) for stat in batch}

    def wait_for_stat(self, name: str, value: int, timeout_s: float = 5.0) -> None:
        """Waits until a counter or gauge has a value; one that is not there is 0.

        Raises:
            TimeoutError: it has not after so many seconds.
            ProxyError: the proxy does not run.
        """
        deadline = time.monotonic() + timeout_s
        while (seen := self.stats(name).get(name, 0)) != value:
            if time.monotonic() >= deadline:
                raise TimeoutError(f"{name} is {seen}, not {value}, after {timeout_s:g} s")
            time.sleep(_POLL_S)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        starting = asyncio.ensure_future(asyncio.to_thread(self.start))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            # A thread cannot be cancelled: what it starts would never end.
            await asyncio.wait((starting,))
            if starting.exception() is None:
                await asyncio.to_thread(self.stop)
            raise

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.stop)

    def _run(self) -> Running:
        if self._running is None:
            raise ProxyError("the proxy does not run: start it, or use it in a with block")
        return self._running


def _script(given: Callable[..., object] | str) -> ScriptPlan:
    if isinstance(given, str):
        return script_of(given)
    name = getattr(given, "__name__", type(given).__name__)
    return ScriptPlan("", "", name, given=given)
