"""Puts the managers together with what brings their resources: sockets begin here."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lateen.proxy.questions import Questions
from lateen.proxy.resources.dynamic import Dynamic, DynamicParts
from lateen.proxy.xds.bootstrap import BootstrapSources
from lateen.proxy.xds.subscriptions import Surroundings, XdsSubscriptions

if TYPE_CHECKING:
    from lateen.proxy.log.logger import Log
    from lateen.proxy.options import Options
    from lateen.proxy.prepare import Prepared
    from lateen.proxy.resources.clusters import ClusterManager
    from lateen.proxy.runtime import RuntimeLayers
    from lateen.proxy.stats.main_thread import MainThreadStats
    from lateen.proxy.workers import Workers
    from lateen.proxy.xds.load_stats import LoadReporter

# sched(7): a third of a core beside a worker that is busy.
_NICER = 5


@dataclass(frozen=True)
class OpenDynamic:
    """The running managers, and what is to be closed in the end."""

    dynamic: Dynamic
    subscriptions: XdsSubscriptions
    questions: Questions
    ready: asyncio.Event

    def close(self) -> None:
        """Ends subscriptions and what answers requests."""
        self.questions.close()
        self.subscriptions.close()

    def let_workers_go_first(self) -> None:
        """Gives this thread, and those that it makes from now on, less of a core that a worker
        wants: what a control plane says next can wait for a request.
        """
        if sys.platform == "linux":
            thread = threading.get_native_id()
            nice = os.getpriority(os.PRIO_PROCESS, thread) + _NICER
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, thread, nice)


def open_dynamic(
    options: Options,
    prepared: Prepared,
    workers: Workers,
    stats: MainThreadStats,
    log: Log,
    runtime: RuntimeLayers,
) -> OpenDynamic:
    """Managers and subscriptions of a dynamic bootstrap; nothing is asked for yet."""
    assert prepared.dynamic is not None
    sources = BootstrapSources(prepared.config.bootstrap)
    subscriptions = XdsSubscriptions(Surroundings(sources, stats, log))
    ready = asyncio.Event()
    parts = DynamicParts(
        options=options,
        context=prepared.dynamic.context,
        workers=workers,
        subscriptions=subscriptions,
        stats=stats,
        summary=prepared.summary,
        log=log,
        later=_later,
        runtime=runtime,
    )
    dynamic = Dynamic(parts, prepared.config.bootstrap, prepared.dynamic.listeners, ready.set)
    questions = Questions(workers.core, dynamic.on_demand.ask)
    return OpenDynamic(dynamic, subscriptions, questions, ready)


def open_load_reporter(
    prepared: Prepared,
    workers: Workers,
    stats: MainThreadStats,
    log: Log,
    clusters: ClusterManager | None,
) -> LoadReporter:
    """Begins to report load as `cluster_manager.load_stats_config` says.

    Raises:
        SourceError: the server cannot be reached as configured.
    """
    from lateen.proxy.load_observation import LoadObserver
    from lateen.proxy.xds.load_stats import LoadReporter

    sources = BootstrapSources(prepared.config.bootstrap)
    assert sources.load_stats is not None
    observe = LoadObserver(workers, prepared.blocks, prepared.summary, sources, clusters)
    return LoadReporter(sources.load_stats, Surroundings(sources, stats, log), observe)


def _later(seconds: float, call: Callable[[], None]) -> Callable[[], None]:
    return asyncio.get_running_loop().call_later(seconds, call).cancel
