"""The overload manager: looks at resources, and tells the workers what to shed.

Source: Envoy docs, "Overload manager".
"""

from __future__ import annotations

import asyncio
import gc
import time
from typing import TYPE_CHECKING

from lateen.protos.worker_pb2 import Overload, Update
from lateen.proxy.compile.overload_plan import REDUCE_TIMEOUTS, SHRINK_HEAP, STOP_CONNECTIONS
from lateen.proxy.memory import return_pages
from lateen.proxy.overload.monitors import MonitorError, monitor_of
from lateen.proxy.overload.states import action_state
from lateen.proxy.stats.main_thread import StatNames

if TYPE_CHECKING:
    from lateen.proxy.compile.overload_plan import Action, OverloadPlan
    from lateen.proxy.log.logger import Log
    from lateen.proxy.overload.monitors import ResourceMonitor, RuntimeValues
    from lateen.proxy.stats.main_thread import MainThreadScope, MainThreadStats
    from lateen.proxy.workers import Workers

_COMPONENT = "main"
_RESOURCE = StatNames(counters=("failed_updates", "skipped_updates"), gauges=("pressure",))
_NO_PRESSURE = StatNames(counters=("failed_updates",), gauges=("pressure",))
_ACTION = StatNames(gauges=("active", "scale_percent"))
_SHRINKS = StatNames(counters=("shrink_count",))
_POINT = StatNames(gauges=("scale_percent",))
_OWN = StatNames(histograms=("refresh_interval_delay",))


class OverloadManager:
    """Watches from its start on until it is closed; made in a running event loop."""

    def __init__(
        self,
        plan: OverloadPlan,
        workers: Workers,
        stats: MainThreadStats,
        log: Log,
        runtime: RuntimeValues,
    ) -> None:
        """Opens the monitors.

        Raises:
            MonitorError: there is nothing to watch where a monitor is to look.
        """
        self._plan = plan
        self._workers = workers
        self._log = log
        self._own = stats.open("overload", _OWN)
        self._resources: list[tuple[str, ResourceMonitor, MainThreadScope]] = []
        for each in plan.monitors:
            monitor = monitor_of(each.kind, runtime)
            scope = stats.open(f"overload.{each.name}", _RESOURCE if monitor else _NO_PRESSURE)
            if monitor is not None:
                self._resources.append((each.name, monitor, scope))
        self._actions: list[tuple[Action, MainThreadScope]] = []
        for action in plan.actions:
            names = _POINT if action.stats_block else _ACTION
            self._actions.append((action, stats.open(f"overload.{action.name}", names)))
        self._shrinks = None
        if any(action.name == SHRINK_HEAP for action in plan.actions):
            self._shrinks = stats.open(f"overload.{SHRINK_HEAP}", _SHRINKS)
        self._pressures: dict[str, float] = {}
        self._states: dict[str, float] = {}
        self._told = Overload()
        self._shrunk_at = 0.0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to watch, if there is anything that has a pressure."""
        if self._resources:
            self._task = asyncio.create_task(self._run())

    def close(self) -> None:
        """Ends watching."""
        if self._task is not None:
            self._task.cancel()

    def refresh(self) -> None:
        """Looks at every resource once, and does what is to be done."""
        for name, monitor, scope in self._resources:
            try:
                pressure = monitor.pressure()
            except MonitorError as error:
                scope.add("failed_updates")
                self._log.info(_COMPONENT, f"Failed to update resource {name}: {error}")
                continue
            self._pressures[name] = pressure
            scope.set("pressure", max(int(pressure * 100), 0))
        for action, scope in self._actions:
            self._set(action, action_state(action, self._pressures), scope)
        self._tell()
        self._shrink()

    async def _run(self) -> None:
        before = time.monotonic()
        while True:
            await asyncio.sleep(self._plan.refresh_s)
            now = time.monotonic()
            self._own.record("refresh_interval_delay", round((now - before) * 1000))
            before = now
            self.refresh()

    def _set(self, action: Action, state: float, scope: MainThreadScope) -> None:
        before = self._states.get(action.name, 0.0)
        self._states[action.name] = state
        scope.set("scale_percent", int(state * 100))
        if action.stats_block:
            return
        scope.set("active", int(state == 1))
        if (state == 1) != (before == 1):
            word = "active" if state == 1 else "inactive"
            self._log.info(_COMPONENT, f"Overload action {action.name} became {word}")

    def _tell(self) -> None:
        """Tells the workers what to shed, when that is something else than before."""
        told = Overload(
            stop_accepting_connections=self._states.get(STOP_CONNECTIONS, 0) == 1,
            reduce_timeouts=self._states.get(REDUCE_TIMEOUTS, 0),
            timers=self._plan.timers,
        )
        for action in self._plan.actions:
            state = self._states[action.name]
            if action.point and state > 0:
                told.shares.add(point=action.point, share=state, stats_block=action.stats_block)
        if told.SerializeToString() == self._told.SerializeToString():
            return
        self._told = told
        self._workers.apply(Update(overload=told).SerializeToString())

    def _shrink(self) -> None:
        if self._shrinks is None or self._states[SHRINK_HEAP] != 1:
            return
        now = time.monotonic()
        if now - self._shrunk_at < self._plan.shrink_s:
            return
        self._shrunk_at = now
        gc.collect()
        return_pages()
        self._shrinks.add("shrink_count")
