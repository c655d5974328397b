"""One proxy on an event loop in a thread of its own, from its start to its end."""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from lateen.embedded.errors import ConfigError, ProxyError
from lateen.embedded.source import Config, as_file, as_told
from lateen.embedded.worker_log import OwnPart, SharedLog
from lateen.proxy.cores import usable_cores
from lateen.proxy.main_thread import MainThread
from lateen.proxy.options import Options
from lateen.proxy.prepare import Preparation, Prepared, prepare
from lateen.proxy.server import open_log, start_workers_of
from lateen.proxy.workers import Workers, WorkersError, load_extension

Result = TypeVar("Result")

# What the proxy's loop has to answer a call.
_CALL_S = 30.0
# What the end of the proxy may take.
_END_S = 30.0
# Reading configurations and importing filters and the extension changes what the process shares.
_READING = threading.Lock()
# The extension has one for the process.
_SHARED_LOG = SharedLog()


class Running:
    """A proxy whose workers and main thread are up; they end with `stop`, or with the process."""

    def __init__(self, config: Config, options: Options) -> None:
        """Begins to start it.

        Raises:
            ConfigError: the configuration cannot be used, or a listener cannot be bound.
            ProxyError: the workers do not start.
        """
        preparation = read(config, options)
        prepared = preparation.prepared
        assert prepared is not None
        log = open_log(options, prepared.log_format)
        for each in as_told(config, preparation.diagnostics):
            log.warning("config", str(each))
        self.workers = _workers(config, options, preparation, prepared)
        said = OwnPart(_SHARED_LOG, self.workers.core, log)
        self._main = MainThread(
            options, prepared, self.workers, log, live=self._live, worker_log=said
        )
        # Made here, so that it can be told to end before its thread has begun.
        self._loop = asyncio.new_event_loop()
        self._up = threading.Event()
        self._serves = False
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="lateen-proxy", daemon=True)
        atexit.register(self.stop)
        self._thread.start()

    def wait(self, timeout_s: float) -> None:
        """Returns once it serves.

        Raises:
            ProxyError: it ended before, or does not serve after so many seconds.
        """
        if not self._up.wait(timeout_s):
            waits = ", ".join(each.name for each in self.workers.clusters() if not each.ready)
            why = f"; it waits for clusters: {waits}" if waits else ""
            raise ProxyError(f"the proxy does not serve after {timeout_s:g} s{why}")
        if not self._serves:
            raise ProxyError(f"the proxy ended: {self._failure or 'it was told to'}")

    def call(self, work: Callable[[MainThread], Result]) -> Result:
        """What `work` returns, in the thread of the proxy's loop.

        Raises:
            ProxyError: the proxy does not run, or does not answer.
        """

        async def run() -> Result:
            return work(self._main)

        coroutine = run()
        try:
            future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        except RuntimeError:
            coroutine.close()
            raise ProxyError("the proxy does not run") from None
        return self._answer(future)

    def stop(self) -> None:
        """Closes every connection and ends all threads; a second call does nothing."""
        atexit.unregister(self.stop)
        # The loop may have ended by itself.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._main.end)
        self._thread.join(_END_S)

    def _answer(self, future: concurrent.futures.Future[Result]) -> Result:
        deadline = time.monotonic() + _CALL_S
        while True:
            try:
                return future.result(0.1)
            except concurrent.futures.CancelledError:
                raise ProxyError("the proxy does not run") from None
            except TimeoutError:
                if future.done():
                    raise
                if not self._thread.is_alive() or time.monotonic() > deadline:
                    raise ProxyError("the proxy does not run") from None

    def _live(self) -> None:
        self._serves = True
        self._up.set()

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._main.run())
        except Exception as error:
            # Whoever waits for the proxy or calls it is told.
            self._failure = error
        finally:
            self.workers.core.shutdown()
            self._up.set()


def read(config: Config, options: Options) -> Preparation:
    """A configuration, read and compiled: `prepared` is there.

    Raises:
        ConfigError: it has mistakes.
        TypeError: it is no configuration.
    """
    with as_file(config) as path, _READING:
        load_extension()
        preparation = prepare(replace(options, config_path=path))
    if preparation.prepared is None:
        raise ConfigError(as_told(config, preparation.diagnostics))
    return preparation


def _workers(
    config: Config, options: Options, preparation: Preparation, prepared: Prepared
) -> Workers:
    """The workers, with what was prepared; their listeners are bound."""
    pin = prepared.pins_workers and options.concurrency <= usable_cores()
    try:
        workers = start_workers_of(options, options.concurrency, pin=pin)
    except WorkersError as error:
        raise ProxyError(str(error)) from None
    try:
        prepared.scripts.attach(workers.core)
        rejected = preparation.of_rejections(workers.apply(prepared.update))
        if rejected:
            raise ConfigError(as_told(config, rejected))
    except BaseException:
        workers.core.shutdown()
        raise
    return workers
