"""The main thread of a serving proxy: admin listener, stats, log, signals."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from lateen.protos import worker_pb2
from lateen.proxy.admin.access_log import AdminAccessLog
from lateen.proxy.admin.connection import AdminParts
from lateen.proxy.admin.context import AdminContext
from lateen.proxy.admin.dispatch import Dispatcher
from lateen.proxy.admin.listener import AdminBindError, AdminListener
from lateen.proxy.compile.runtime import runtime_for_workers
from lateen.proxy.hot_restart.stats import InheritedStats
from lateen.proxy.hot_restart.status import RestartStatus
from lateen.proxy.lifecycle import Lifecycle
from lateen.proxy.log.from_workers import WorkerLog
from lateen.proxy.memory import give_back, memory_use
from lateen.proxy.runtime import RuntimeLayers
from lateen.proxy.stats.flush import StatsFlush
from lateen.proxy.stats.process import ProcessFacts
from lateen.proxy.stats.source import StatsSource
from lateen.proxy.version import ENVOY_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lateen.proxy.certificates import ContextInUse
    from lateen.proxy.hot_restart.process import ProxyProcess
    from lateen.proxy.hot_restart.restart import HotRestart
    from lateen.proxy.log.from_workers import LogReader
    from lateen.proxy.log.logger import Log
    from lateen.proxy.options import Options
    from lateen.proxy.overload.manager import OverloadManager
    from lateen.proxy.prepare import Prepared
    from lateen.proxy.resources.opening import OpenDynamic
    from lateen.proxy.runtime_watch import RuntimeWatch
    from lateen.proxy.scripts.reload import ScriptReload
    from lateen.proxy.stats.sink import StatsSink
    from lateen.proxy.stats.snapshot import Snapshot
    from lateen.proxy.workers import Workers
    from lateen.proxy.xds.load_stats import LoadReporter

# Envoy's stat server.version is the first three bytes of the revision.
_SERVER_VERSION = int.from_bytes(bytes(ENVOY_VERSION))


class MainThreadError(Exception):
    """The proxy cannot start; the message says why."""


class MainThread:
    """Everything of a proxy that is not a worker; made inside a running event loop's thread."""

    def __init__(
        self,
        options: Options,
        prepared: Prepared,
        workers: Workers,
        log: Log,
        restart: HotRestart | None = None,
        live: Callable[[], None] = lambda: None,
        *,
        worker_log: LogReader | None = None,
    ) -> None:
        """Args:
        live: called once the proxy serves.
        worker_log: carries the workers' messages where the process is not the proxy's alone;
            then signals are not for it, and no memory of the process is given back.
        """
        self._options = options
        self._prepared = prepared
        self._workers = workers
        self._log = log
        self._runtime = RuntimeLayers(prepared.runtime, self._publish_runtime)
        self._restart = restart
        self._on_live = live
        self._owns_process = worker_log is None
        inherited = restart.inherited if restart else None
        self._stats = StatsSource(
            workers.core, prepared.blocks, prepared.stats, self._facts, inherited
        )
        self._stats.contexts = self._tls_contexts
        self._worker_log = worker_log or WorkerLog(workers.core, log)
        self._lifecycle = Lifecycle(workers, log, options)
        self._open: OpenDynamic | None = None
        self._watch: RuntimeWatch | None = None
        self._reload: ScriptReload | None = None
        self._reporter: LoadReporter | None = None
        self._overload: OverloadManager | None = None

    async def run(self) -> None:
        """Runs until the process is to end.

        Raises:
            MainThreadError: the admin listener cannot listen.
        """
        if self._owns_process:
            self._lifecycle.watch_signals()
        self._worker_log.start()
        listener: AdminListener | None = None
        flush: StatsFlush | None = None
        flushing: asyncio.Task[None] | None = None
        try:
            self._open_parts()
            process = self._replaceable()
            listener = await self._listen()
            if process is not None:
                process.admin = listener
            flush = StatsFlush(self._stats, self._open_sinks(), self._lifecycle.is_handed_over)
            flushing = asyncio.create_task(self._keep_flushing(flush))
            await self._live()
        finally:
            if flushing is not None:
                flushing.cancel()
            self._close_parts()
            if self._restart is not None and flushing is not None:
                await self._restart.close()
            if listener is not None:
                await listener.close()
            self._workers.core.shutdown()
            if flush is not None:
                await flush.finish()
            self._worker_log.stop()

    def _open_parts(self) -> None:
        self._watch = self._watch_runtime()
        self._watch_scripts()
        self._open = self._open_dynamic()
        self._reporter = self._report_load()
        self._overload = self._watch_resources()

    def _close_parts(self) -> None:
        for part in (self._watch, self._reload, self._reporter, self._overload, self._open):
            if part is not None:
                part.close()

    def end(self) -> None:
        """Lets `run` return: every connection is closed."""
        self._lifecycle.end()

    def stats(self) -> Snapshot:
        """All stats of this moment."""
        return self._stats.snapshot()

    async def _live(self) -> None:
        summary = self._prepared.summary
        await self._lifecycle.initialize(summary.warm_limit_s, self._begin_dynamic)
        if self._options.mode == "init_only":
            return
        self._lifecycle.start()
        self._stats.histograms.record("server.initialization_time_ms", self._lifecycle.age_ms)
        if self._lifecycle.workers_started:
            await self._replace_parent()
        if self._open is not None:
            self._open.let_workers_go_first()
        if self._owns_process:
            give_back()
        await self._lifecycle.run()

    def _watch_runtime(self) -> RuntimeWatch | None:
        if not self._runtime.roots:
            return None
        # Imported here: a proxy without runtime layers on disk does without.
        from lateen.proxy.runtime_watch import RuntimeWatch

        try:
            return RuntimeWatch(self._runtime, self._log)
        except OSError as error:
            raise MainThreadError(
                f"unable to add filesystem watch for {error.filename}: {error.strerror}"
            ) from None

    def _watch_scripts(self) -> None:
        """Loads filters in Python again when they are saved, from the first one on."""
        scripts = self._prepared.scripts
        if not scripts.plans:
            scripts.on_load = lambda _: self._watch_scripts()
            return
        # Imported here: a proxy without filters in Python does without.
        from lateen.proxy.scripts.reload import ScriptReload

        self._reload = ScriptReload(scripts, self._log)

    def _open_dynamic(self) -> OpenDynamic | None:
        if self._prepared.dynamic is None:
            return None
        # Imported here: a proxy whose configuration is static does without.
        from lateen.proxy.resources.opening import open_dynamic

        stats = self._stats.main_thread
        return open_dynamic(
            self._options, self._prepared, self._workers, stats, self._log, self._runtime
        )

    def _report_load(self) -> LoadReporter | None:
        if not self._prepared.reports_load:
            return None
        # Imported here: a proxy that reports no load does without.
        from lateen.proxy.resources.opening import open_load_reporter
        from lateen.proxy.xds.source import SourceError

        clusters = self._open.dynamic.clusters if self._open is not None else None
        try:
            return open_load_reporter(
                self._prepared, self._workers, self._stats.main_thread, self._log, clusters
            )
        except SourceError as error:
            raise MainThreadError(f"cluster_manager.load_stats_config: {error}") from None

    def _watch_resources(self) -> OverloadManager | None:
        plan = self._prepared.overload
        if plan is None:
            return None
        # Imported here: a proxy that watches no resources does without.
        from lateen.proxy.overload.manager import OverloadManager
        from lateen.proxy.overload.monitors import MonitorError

        stats, runtime = self._stats.main_thread, self._runtime.merged
        try:
            manager = OverloadManager(plan, self._workers, stats, self._log, runtime)
        except MonitorError as error:
            raise MainThreadError(f"overload_manager.resource_monitors: {error}") from None
        manager.start()
        return manager

    def _begin_dynamic(self) -> asyncio.Event | None:
        """Asks for what comes over xDS; the event is set when the first of it is there."""
        if self._open is None:
            return None
        from lateen.proxy.resources.reading import ResourceError

        try:
            self._open.dynamic.start()
        except ResourceError as error:
            raise MainThreadError(str(error)) from None
        return self._open.ready

    async def _replace_parent(self) -> None:
        if self._restart is not None:
            await self._restart.take_over(self._workers, self._prepared.stats.flush_interval_s)
        self._on_live()

    def _replaceable(self) -> ProxyProcess | None:
        """Lets another process take over from this one, if hot restart is enabled."""
        if self._restart is None:
            return None
        from lateen.proxy.hot_restart.process import ProxyProcess

        process = ProxyProcess(
            self._restart, self._lifecycle, self._workers, self._stats, self._log
        )
        self._restart.serve(process)
        return process

    async def _listen(self) -> AdminListener | None:
        settings = self._prepared.admin
        if settings.address is None:
            return None
        parts = AdminParts(
            Dispatcher(self._context(), settings.allowed),
            self._stats.admin,
            AdminAccessLog(settings.access_logs),
            self._log,
        )
        listener = AdminListener(parts, settings.address)
        if self._restart is not None:
            await self._restart.take_admin()
        try:
            address = await listener.listen()
        except AdminBindError as error:
            raise MainThreadError(str(error)) from None
        self._log.info("admin", f"admin address: {address}")
        if self._options.admin_address_path:
            try:
                Path(self._options.admin_address_path).write_text(address)
            except OSError as error:
                path = self._options.admin_address_path
                raise MainThreadError(f"cannot write {path}: {error.strerror}") from None
        return listener

    async def _keep_flushing(self, flush: StatsFlush) -> None:
        config = self._prepared.stats
        if not config.flush_on_admin:
            await flush.run(config.flush_interval_s, self._tick)

    def _tick(self) -> None:
        if self._open is not None:
            self._open.dynamic.tick()

    def _open_sinks(self) -> Sequence[StatsSink]:
        if not self._prepared.stats_sinks or self._prepared.stats.flush_on_admin:
            return ()
        # Imported here: a proxy without sinks does without.
        from lateen.proxy.resources.sinks import open_sinks
        from lateen.proxy.xds.source import SourceError

        try:
            return open_sinks(self._prepared, self._stats.main_thread, self._log)
        except SourceError as error:
            raise MainThreadError(f"stats_sinks: {error}") from None

    def _context(self) -> AdminContext:
        return AdminContext(
            options=self._options,
            concurrency=self._workers.concurrency,
            control=self._lifecycle,
            workers=self._workers,
            stats=self._stats,
            log=self._log,
            config=self._prepared.config,
            summary=self._prepared.summary,
            runtime=self._runtime,
            dynamic=self._open.dynamic if self._open is not None else None,
            tls_contexts=self._tls_contexts,
            restart=self._restart.status if self._restart else RestartStatus(),
        )

    def _tls_contexts(self) -> Sequence[ContextInUse]:
        found = list(self._prepared.tls)
        if self._open is not None:
            found += self._open.dynamic.tls_contexts()
        return found

    def _publish_runtime(self, values: Mapping[str, str]) -> None:
        update = worker_pb2.Update(runtime=runtime_for_workers(values))
        self._workers.apply(update.SerializeToString())

    def _facts(self) -> ProcessFacts:
        summary = self._prepared.summary
        use = memory_use()
        status = self._restart.status if self._restart else RestartStatus()
        inherited = self._restart.inherited if self._restart else InheritedStats()
        return ProcessFacts(
            concurrency=self._workers.concurrency,
            clusters=summary.cluster_count,
            listeners=summary.listener_count,
            listeners_stopped=self._lifecycle.listeners_stopped,
            workers_started=self._lifecycle.workers_started,
            runtime_layers=len(self._runtime.layers),
            runtime_keys=len(self._runtime.merged()),
            runtime_overrides=self._runtime.overrides(),
            runtime_loads=self._runtime.loads,
            state=self._lifecycle.state,
            uptime_s=status.age_before_s + self._lifecycle.uptime_s,
            total_connections=self._workers.core.active_connections() + inherited.connections,
            restart_epoch=status.epoch,
            restart_generation=status.generation,
            parent_connections=inherited.connections,
            memory_allocated=use.anonymous + inherited.memory,
            memory_heap=use.heap,
            memory_physical=use.resident,
            version=self._prepared.server_version or _SERVER_VERSION,
        )
