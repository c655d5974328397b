import json

import pytest

from lateen.protos.worker_pb2 import Overload
from lateen.proxy.compile.overload import compile_overload
from lateen.proxy.compile.overload_plan import Trigger
from lateen.proxy.compile.resource_monitors.fixed_heap import FixedHeap
from lateen.proxy.compile.resource_monitors.injected_resource import InjectedResource
from tests.support.messages import context, errors, message, unsupported, warnings

PREFIX = "type.googleapis.com/envoy.extensions.resource_monitors"
TIMERS = "type.googleapis.com/envoy.config.overload.v3.ScaleTimersOverloadActionConfig"
SHRINK = "type.googleapis.com/envoy.config.overload.v3.ShrinkHeapConfig"
INJECTED = f"{PREFIX}.injected_resource.v3.InjectedResourceConfig"
HEAP = f"{PREFIX}.fixed_heap.v3.FixedHeapConfig"
CONNECTIONS = f"{PREFIX}.downstream_connections.v3.DownstreamConnectionsConfig"
FULL = [{"name": "m", "threshold": {"value": 0.9}}]


def monitor(name="m", kind=INJECTED, **fields):
    fields = fields or {"filename": "/pressure"}
    return {"name": name, "typed_config": {"@type": kind, **fields}}


def action(name, triggers=FULL, **more):
    return {"name": f"envoy.overload_actions.{name}", "triggers": triggers, **more}


def point(name, triggers=FULL):
    return {"name": f"envoy.load_shed_points.{name}", "triggers": triggers}


def compiled(ctx=None, monitors=None, **fields):
    ctx = ctx or context()
    monitors = [monitor()] if monitors is None else list(monitors)
    source = {"resource_monitors": monitors, **fields}
    made = message("config.overload.v3.OverloadManager", json.dumps(source))
    assert unsupported(made) == []
    return compile_overload(ctx, made, "o")


def refused(**fields):
    ctx = context()
    compiled(ctx, **fields)
    return errors(ctx)


def test_without_monitors_there_is_nothing_to_do():
    assert compiled(monitors=()) is None


def test_a_limit_of_connections():
    limit = monitor("m", CONNECTIONS, max_active_downstream_connections=9)
    plan = compiled(monitors=[limit])
    assert plan.max_connections == 9
    assert compiled().max_connections == 0


def test_what_is_watched_and_how_often():
    heap = monitor("heap", HEAP, max_heap_size_bytes=5)
    plan = compiled(monitors=[monitor(), heap], refresh_interval="0.25s")
    assert plan.refresh_s == 0.25
    assert [each.kind for each in plan.monitors] == [
        InjectedResource("/pressure"),
        FixedHeap(5, ""),
    ]
    assert compiled().refresh_s == 1


def test_a_share_of_requests_is_shed():
    scaled = [{"name": "m", "scaled": {"scaling_threshold": 0.5, "saturation_threshold": 0.75}}]
    (made,) = compiled(actions=[action("stop_accepting_requests", scaled)]).actions
    assert made.point == "STOP_ACCEPTING_REQUESTS"
    assert made.triggers == [Trigger("m", 0.5, 0.75)]
    assert made.stats_block == 0


def test_a_load_shed_point_counts():
    ctx = context()
    (made,) = compiled(ctx, loadshed_points=[point("tcp_listener_accept")]).actions
    assert made.point == "TCP_LISTENER_ACCEPT"
    assert made.triggers == [Trigger("m", 0.9, 0.9)]
    (block,) = (each for each in ctx.blocks if each.number == made.stats_block)
    assert block.prefix == "overload.envoy.load_shed_points.tcp_listener_accept"


def test_the_shortest_timeouts():
    factors = [
        {"timer": "HTTP_DOWNSTREAM_CONNECTION_IDLE", "min_timeout": "2s"},
        {"timer": "TRANSPORT_SOCKET_CONNECT", "min_scale": {"value": 10}},
    ]
    config = {"@type": TIMERS, "timer_scale_factors": factors}
    plan = compiled(actions=[action("reduce_timeouts", typed_config=config)])
    idle, connect = plan.timers
    assert idle == Overload.Timer(kind="HTTP_DOWNSTREAM_CONNECTION_IDLE", ms=2000)
    assert connect == Overload.Timer(kind="TRANSPORT_SOCKET_CONNECT", share=0.1)


def test_how_often_the_heap_shrinks():
    config = {"@type": SHRINK, "timer_interval": "0.5s"}
    assert compiled(actions=[action("shrink_heap", typed_config=config)]).shrink_s == 0.5
    assert compiled(actions=[action("shrink_heap")]).shrink_s == 10


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"monitors": [monitor(), monitor()]}, "o.resource_monitors[1].name: Duplicate resource"),
        (
            {"monitors": [monitor("m", HEAP, max_heap_size_bytes=0)]},
            "o.resource_monitors[0].typed_config.max_heap_size_bytes: fixed_heap: max heap size",
        ),
        ({"actions": [action("none")]}, "o.actions[0].name: Unknown Overload Manager Action"),
        (
            {"actions": [action("shrink_heap"), action("shrink_heap")]},
            "o.actions[1].name: Duplicate overload action",
        ),
        (
            {"actions": [action("shrink_heap", [{"name": "x", "threshold": {}}])]},
            "o.actions[0].triggers[0].name: Unknown trigger resource x for overload action",
        ),
        (
            {"loadshed_points": [point("tcp_listener_accept", FULL * 2)]},
            "o.loadshed_points[0].triggers[1].name: Duplicate trigger resource for LoadShedPoint",
        ),
        (
            {"loadshed_points": [point("tcp_listener_accept")] * 2},
            "o.loadshed_points[1].name: Duplicate loadshed point",
        ),
        (
            {
                "actions": [
                    action(
                        "shrink_heap",
                        [
                            {
                                "name": "m",
                                "scaled": {"scaling_threshold": 0.5, "saturation_threshold": 0.5},
                            }
                        ],
                    )
                ]
            },
            "o.actions[0].triggers[0].scaled: scaling_threshold must be less than",
        ),
        ({"actions": [action("reduce_timeouts")]}, "o.actions[0]: Overload action"),
        (
            {"actions": [action("shrink_heap", typed_config={"@type": TIMERS})]},
            "o.actions[0].typed_config: Unable to unpack as envoy.config.overload.v3.ShrinkHeap",
        ),
        (
            {"actions": [action("stop_accepting_requests", typed_config={"@type": SHRINK})]},
            'o.actions[0].typed_config: Overload action name "envoy.overload_actions.stop_acc',
        ),
        (
            {"actions": [action("reset_high_memory_stream")]},
            "o.actions[0].name: envoy.overload_actions.reset_high_memory_stream is not impl",
        ),
    ],
)
def test_what_is_refused(fields, reason):
    (error,) = refused(**fields)
    assert error.startswith(reason)


def test_a_timer_twice():
    factors = [{"timer": "HTTP_DOWNSTREAM_CONNECTION_IDLE", "min_timeout": "2s"}] * 2
    config = {"@type": TIMERS, "timer_scale_factors": factors}
    (error,) = refused(actions=[action("reduce_timeouts", typed_config=config)])
    assert "Found duplicate entry for timer type HTTP_DOWNSTREAM_CONNECTION_IDLE" in error


@pytest.mark.parametrize("name", ["unknown", "stop_accepting_requests"])
def test_a_point_that_nothing_passes(name):
    ctx = context()
    assert compiled(ctx, loadshed_points=[point(name)]).actions == []
    (warning,) = warnings(ctx)
    assert warning.startswith("o.loadshed_points[0].name: nothing asks for the load shed point")
