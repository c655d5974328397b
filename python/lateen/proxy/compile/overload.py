"""The overload manager: what is watched, and what is done when resources are short.

Source: envoy/config/overload/v3/overload.proto, Envoy docs "Overload manager"; errors as in Envoy
1.40.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.protos.worker_pb2 import Overload
from lateen.proxy.compile.overload_plan import (
    DEFAULT_REFRESH_S,
    DEFAULT_SHRINK_S,
    REDUCE_TIMEOUTS,
    SHRINK_HEAP,
    STOP_CONNECTIONS,
    Action,
    OverloadPlan,
    Trigger,
)
from lateen.proxy.compile.resource_monitors import SUPPORT as MONITORS
from lateen.proxy.compile.resource_monitors import Monitor, compile_monitor
from lateen.proxy.compile.stats_blocks import BlockKind

if TYPE_CHECKING:
    from envoy.config.overload.v3 import overload_pb2 as envoy

    from lateen.proxy.compile.context import CompileContext

_PACKAGE = "envoy.config.overload.v3"
_ACTION = "envoy.overload_actions."
_POINT = "envoy.load_shed_points."
_ONLY_HTTP3 = f"{_ACTION}close_idle_http_connections"
_RESET_STREAMS = f"{_ACTION}reset_high_memory_stream"
# The share of what passes them that is shed.
_SHARES = ("stop_accepting_requests", "disable_http_keepalive", "reject_incoming_connections")
_ACTIONS = (
    *(f"{_ACTION}{name}" for name in _SHARES),
    *(STOP_CONNECTIONS, REDUCE_TIMEOUTS, SHRINK_HEAP, _ONLY_HTTP3, _RESET_STREAMS),
)
_POINTS = frozenset(name for name, _ in Overload.Point.items())
_TIMER_KINDS = frozenset(name for name, _ in Overload.TimerKind.items())
_TIMERS = f"{_PACKAGE}.ScaleTimersOverloadActionConfig"
_SHRINK = f"{_PACKAGE}.ShrinkHeapConfig"
# Of the actions that have one.
_CONFIGS = {REDUCE_TIMEOUTS: _TIMERS, SHRINK_HEAP: _SHRINK}

SUPPORT = (
    Fields(
        f"{_PACKAGE}.OverloadManager",
        implemented="refresh_interval resource_monitors actions loadshed_points",
        harmless={"buffer_factory_config": "no stream is reset for the memory that it uses"},
    ),
    whole(f"{_PACKAGE}.ResourceMonitor"),
    whole(f"{_PACKAGE}.OverloadAction"),
    whole(f"{_PACKAGE}.LoadShedPoint"),
    whole(f"{_PACKAGE}.Trigger"),
    whole(f"{_PACKAGE}.ThresholdTrigger"),
    whole(f"{_PACKAGE}.ScaledTrigger"),
    whole(_TIMERS, category="envoy.overload_actions"),
    whole(f"{_TIMERS}.ScaleTimer"),
    Fields(
        _SHRINK,
        implemented="timer_interval",
        harmless={"max_unfreed_memory_bytes": "all free memory is given back"},
        category="envoy.overload_actions",
    ),
    *MONITORS,
)


def compile_overload(
    ctx: CompileContext, source: envoy.OverloadManager, at: str
) -> OverloadPlan | None:
    """What the overload manager does; None: it has nothing to watch."""
    monitors = _monitors(ctx, source, at)
    names = {monitor.name for monitor in monitors}
    compiler = _Compiler(ctx, names)
    for index, action in enumerate(source.actions):
        compiler.action(action, f"{at}.actions[{index}]")
    for index, point in enumerate(source.loadshed_points):
        compiler.point(point, f"{at}.loadshed_points[{index}]")
    if not monitors:
        return None
    refresh = source.refresh_interval
    refresh_s = refresh.seconds + refresh.nanos / 1e9
    return OverloadPlan(
        refresh_s if source.HasField("refresh_interval") else DEFAULT_REFRESH_S,
        monitors,
        compiler.actions,
        compiler.timers,
        compiler.shrink_s,
    )


def _monitors(ctx: CompileContext, source: envoy.OverloadManager, at: str) -> list[Monitor]:
    found: dict[str, Monitor] = {}
    for index, monitor in enumerate(source.resource_monitors):
        where = f"{at}.resource_monitors[{index}]"
        if monitor.name in found:
            ctx.error(f"{where}.name", f"Duplicate resource monitor {monitor.name}")
        compiled = compile_monitor(ctx, monitor, f"{where}.typed_config")
        if compiled is not None:
            found[monitor.name] = compiled
    return list(found.values())


class _Compiler:
    """Compiles actions and points, and what belongs to some actions alone."""

    def __init__(self, ctx: CompileContext, resources: set[str]) -> None:
        self.actions: list[Action] = []
        self.timers: list[Overload.Timer] = []
        self.shrink_s = DEFAULT_SHRINK_S
        self._ctx = ctx
        self._resources = resources
        self._seen: set[str] = set()

    def action(self, source: envoy.OverloadAction, at: str) -> None:
        name = source.name
        if name not in _ACTIONS:
            known = "known: " + ", ".join(_ACTIONS)
            self._ctx.error(f"{at}.name", f"Unknown Overload Manager Action {name}", known)
        self._once(name, f"Duplicate overload action {name}", f"{at}.name")
        triggers = self._triggers(
            source.triggers,
            f"for overload action {name}",
            f"Duplicate trigger resource for overload action {name}",
            at,
        )
        self._config(source, at)
        if name == _RESET_STREAMS:
            buffers = "a stream holds no more than per_connection_buffer_limit_bytes"
            self._ctx.error(f"{at}.name", f"{name} is not implemented", buffers)
        if name == _ONLY_HTTP3:
            self._ctx.warning(f"{at}.name", f"{name} is for HTTP/3, which is not implemented yet")
        short = name.removeprefix(_ACTION)
        self.actions.append(Action(name, triggers, short.upper() if short in _SHARES else ""))

    def point(self, source: envoy.LoadShedPoint, at: str) -> None:
        name = source.name
        self._once(name, f"Duplicate loadshed point {name}", f"{at}.name")
        triggers = self._triggers(
            source.triggers,
            f"for loadshed point {name}",
            f"Duplicate trigger resource for LoadShedPoint {name}",
            at,
        )
        short = name.removeprefix(_POINT)
        if short == name or short in _SHARES or short.upper() not in _POINTS:
            self._ctx.warning(f"{at}.name", f"nothing asks for the load shed point {name}")
            return
        block = self._ctx.blocks.allot(BlockKind.LOAD_SHED, f"overload.{name}")
        self.actions.append(Action(name, triggers, short.upper(), block))

    def _once(self, name: str, reason: str, at: str) -> None:
        if name in self._seen:
            self._ctx.error(at, reason)
        self._seen.add(name)

    def _triggers(
        self, sources: Sequence[envoy.Trigger], whose: str, twice: str, at: str
    ) -> list[Trigger]:
        found: dict[str, Trigger] = {}
        for index, source in enumerate(sources):
            where = f"{at}.triggers[{index}]"
            if source.name not in self._resources:
                known = "known: " + ", ".join(sorted(self._resources))
                reason = f"Unknown trigger resource {source.name} {whose}"
                self._ctx.error(f"{where}.name", reason, known)
            if source.name in found:
                self._ctx.error(f"{where}.name", twice)
            found[source.name] = self._trigger(source, where)
        return list(found.values())

    def _trigger(self, source: envoy.Trigger, at: str) -> Trigger:
        if source.WhichOneof("trigger_oneof") != "scaled":
            value = source.threshold.value
            return Trigger(source.name, value, value)
        start, full = source.scaled.scaling_threshold, source.scaled.saturation_threshold
        if start >= full:
            reason = "scaling_threshold must be less than saturation_threshold"
            self._ctx.error(f"{at}.scaled", reason)
        return Trigger(source.name, start, full)

    def _config(self, source: envoy.OverloadAction, at: str) -> None:
        name = source.name
        if not source.HasField("typed_config"):
            if name == REDUCE_TIMEOUTS:
                self._ctx.error(at, f'Overload action "{name}" requires typed_config')
            return
        if name not in _CONFIGS:
            reason = f'Overload action name "{name}" conflicts with its typed config'
            self._ctx.error(f"{at}.typed_config", reason)
            return
        message = self._ctx.unpack(source.typed_config)
        if message is None:
            return
        if message.DESCRIPTOR.full_name != _CONFIGS[name]:
            reason = f"Unable to unpack as {_CONFIGS[name]}"
            self._ctx.error(f"{at}.typed_config", reason)
        elif name == SHRINK_HEAP:
            shrink: envoy.ShrinkHeapConfig = message  # type: ignore[assignment]
            if shrink.HasField("timer_interval"):
                self.shrink_s = shrink.timer_interval.ToMilliseconds() / 1000
        else:
            self._reduce(message, f"{at}.typed_config")  # type: ignore[arg-type]

    def _reduce(self, config: envoy.ScaleTimersOverloadActionConfig, at: str) -> None:
        seen: set[str] = set()
        kinds = type(config).TimerType
        for index, source in enumerate(config.timer_scale_factors):
            name = kinds.Name(source.timer)
            if name in seen:
                reason = f"Found duplicate entry for timer type {name}"
                self._ctx.error(f"{at}.timer_scale_factors[{index}].timer", reason)
            seen.add(name)
            if name not in _TIMER_KINDS:
                continue
            timer = Overload.Timer(kind=name)
            if source.HasField("min_scale"):
                timer.share = min(source.min_scale.value / 100, 1)
            else:
                timer.ms = max(source.min_timeout.ToMilliseconds(), 0)
            self.timers.append(timer)
