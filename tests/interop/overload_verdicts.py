"""Verdicts of overload managers."""

from __future__ import annotations

import json

from tests.interop.verdicts import Verdict, whole

_PREFIX = "type.googleapis.com/envoy"
_MONITOR = f"{_PREFIX}.extensions.resource_monitors"
_TIMERS = f"{_PREFIX}.config.overload.v3.ScaleTimersOverloadActionConfig"
_RESOURCE = "envoy.resource_monitors.injected_resource"
_FULL = {"name": _RESOURCE, "threshold": {"value": 0.5}}
_IDLE = {"timer": "HTTP_DOWNSTREAM_CONNECTION_IDLE", "min_timeout": "1s"}
_STOP = "envoy.overload_actions.stop_accepting_requests"
_ACCEPT = "envoy.load_shed_points.tcp_listener_accept"


def _monitor(name: str, kind: str, **fields: object) -> dict[str, object]:
    return {"name": name, "typed_config": {"@type": f"{_MONITOR}.{kind}", **fields}}


_INJECTED = _monitor(
    _RESOURCE, "injected_resource.v3.InjectedResourceConfig", filename="/tmp/no-pressure"
)


def _given(name: str, *monitors: object, differs: str = "", **fields: object) -> Verdict:
    manager = {"resource_monitors": [_INJECTED, *monitors], **fields}
    more = f"\noverload_manager: {json.dumps(manager)}\n"
    return Verdict(f"overload_{name}", whole(more=more), differs)


def _action(name: str, *triggers: object, **fields: object) -> dict[str, object]:
    return {"name": name, "triggers": list(triggers) or [_FULL], **fields}


def _reduce(*factors: object) -> dict[str, object]:
    config = {"@type": _TIMERS, "timer_scale_factors": list(factors)}
    return _action("envoy.overload_actions.reduce_timeouts", typed_config=config)


def _scaled(start: float, full: float) -> dict[str, object]:
    thresholds = {"scaling_threshold": start, "saturation_threshold": full}
    return {"name": _RESOURCE, "scaled": thresholds}


VERDICTS = (
    _given("stop", actions=[_action(_STOP)]),
    _given("monitor_twice", _INJECTED),
    _given("action_unknown", actions=[_action("envoy.overload_actions.none")]),
    _given("action_twice", actions=[_action(_STOP), _action(_STOP)]),
    _given("action_without_trigger", actions=[{"name": _STOP}]),
    _given("trigger_unknown", actions=[_action(_STOP, {**_FULL, "name": "x"})]),
    _given("trigger_twice", actions=[_action(_STOP, _FULL, _FULL)]),
    _given("trigger_empty", actions=[_action(_STOP, {"name": _RESOURCE})]),
    _given("threshold_high", actions=[_action(_STOP, {**_FULL, "threshold": {"value": 2}})]),
    _given("scaled", actions=[_action(_STOP, _scaled(0.5, 0.6))]),
    _given("scaled_not", actions=[_action(_STOP, _scaled(0.5, 0.5))]),
    _given("stop_with_config", actions=[_action(_STOP, typed_config=_reduce()["typed_config"])]),
    _given("reduce", actions=[_reduce(_IDLE)]),
    _given("reduce_nothing", actions=[_reduce()]),
    _given("reduce_twice", actions=[_reduce(_IDLE, _IDLE)]),
    _given("reduce_bare", actions=[_action("envoy.overload_actions.reduce_timeouts")]),
    _given("reduce_unspecified", actions=[_reduce({**_IDLE, "timer": "UNSPECIFIED"})]),
    _given(
        "reduce_scale",
        actions=[_reduce({"timer": "TRANSPORT_SOCKET_CONNECT", "min_scale": {"value": 110}})],
    ),
    _given("point", loadshed_points=[_action(_ACCEPT)]),
    _given("point_unknown", loadshed_points=[_action("x")]),
    _given("point_twice", loadshed_points=[_action(_ACCEPT), _action(_ACCEPT)]),
    _given("point_trigger_unknown", loadshed_points=[_action(_ACCEPT, {**_FULL, "name": "x"})]),
    _given("heap", _monitor("heap", "fixed_heap.v3.FixedHeapConfig", max_heap_size_bytes=10)),
    _given("heap_without_size", _monitor("heap", "fixed_heap.v3.FixedHeapConfig")),
    _given("cpu", _monitor("cpu", "cpu_utilization.v3.CpuUtilizationConfig")),
    _given("injected_without_file", _monitor("i", "injected_resource.v3.InjectedResourceConfig")),
    _given("shrink", actions=[_action("envoy.overload_actions.shrink_heap")]),
    _given("refresh_at_once", refresh_interval="0s"),
    _given(
        "reset_streams",
        actions=[_action("envoy.overload_actions.reset_high_memory_stream")],
        buffer_factory_config={"minimum_account_to_track_power_of_two": 20},
        differs="no stream of Lateen uses much memory: buffers are bounded",
    ),
)
