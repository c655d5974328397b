import pytest

from lateen.protos.worker_pb2 import Overload, Update
from lateen.proxy.compile.overload_plan import Action, OverloadPlan, Trigger
from lateen.proxy.compile.resource_monitors import Monitor
from lateen.proxy.compile.resource_monitors.injected_resource import InjectedResource
from lateen.proxy.overload.manager import OverloadManager
from lateen.proxy.stats.histograms import Histograms
from lateen.proxy.stats.main_thread import MainThreadStats

REQUESTS = "envoy.overload_actions.stop_accepting_requests"
CONNECTIONS = "envoy.overload_actions.stop_accepting_connections"
ACCEPT = "envoy.load_shed_points.tcp_listener_accept"
TIMEOUTS = "envoy.overload_actions.reduce_timeouts"
SHRINK = "envoy.overload_actions.shrink_heap"


class Workers:
    def __init__(self):
        self.told = []

    def apply(self, data):
        self.told.append(Update.FromString(data).overload)


class Log:
    def __init__(self):
        self.lines = []

    def info(self, component, text):
        self.lines.append(f"{component}: {text}")


class Watched:
    """A manager, its workers and stats, and a file with the pressure."""

    def __init__(self, directory, *actions, **plan):
        self.path = directory / "pressure"
        monitor = Monitor("m", InjectedResource(str(self.path)))
        self.workers = Workers()
        self.log = Log()
        self.stats = MainThreadStats(Histograms())
        plan = OverloadPlan(monitors=[monitor], actions=actions, **plan)
        self.manager = OverloadManager(plan, self.workers, self.stats, self.log, dict)

    def at(self, pressure):
        self.path.write_text(str(pressure))
        self.manager.refresh()
        return self.workers.told

    def stat(self, scope, name):
        (found,) = [
            each
            for each in self.stats.all()
            if each.prefix == f"overload.{scope}" and name in str(each.names)
        ]
        return found.value(name)


def full(name, point="", block=0):
    return Action(name, [Trigger("m", 0.9, 0.9)], point, block)


def scaled(name, point="", block=0):
    return Action(name, [Trigger("m", 0.5, 0.9)], point, block)


def test_workers_hear_what_changes_and_nothing_else(tmp_path):
    watched = Watched(tmp_path, scaled(REQUESTS, "STOP_ACCEPTING_REQUESTS"))
    assert watched.at(0.1) == []
    (half,) = watched.at(0.7)
    assert half.shares == [Overload.Share(point="STOP_ACCEPTING_REQUESTS", share=0.5)]
    assert watched.at(0.7) == [half]
    assert watched.at(0.95)[1].shares[0].share == 1
    assert watched.at(0.1)[2] == Overload()


def test_states_are_told_in_stats_and_log(tmp_path):
    watched = Watched(
        tmp_path,
        scaled(REQUESTS, "STOP_ACCEPTING_REQUESTS"),
        scaled(ACCEPT, "TCP_LISTENER_ACCEPT", 7),
    )
    watched.at(0.7)
    assert watched.stat("m", "pressure") == 70
    assert watched.stat(REQUESTS, "scale_percent") == 50
    assert watched.stat(REQUESTS, "active") == 0
    assert watched.stat(ACCEPT, "scale_percent") == 50
    told = watched.at(0.95)
    assert told[1].shares[1] == Overload.Share(point="TCP_LISTENER_ACCEPT", share=1, stats_block=7)
    assert watched.stat(REQUESTS, "active") == 1
    watched.at(0.2)
    assert watched.log.lines == [
        f"main: Overload action {REQUESTS} became active",
        f"main: Overload action {REQUESTS} became inactive",
    ]


def test_a_failed_look_changes_nothing(tmp_path):
    watched = Watched(tmp_path, full(REQUESTS, "STOP_ACCEPTING_REQUESTS"))
    watched.at(0.95)
    assert len(watched.at("nonsense")) == 1
    assert watched.stat("m", "failed_updates") == 1
    assert watched.stat("m", "pressure") == 95
    assert watched.log.lines[-1] == (
        "main: Failed to update resource m: failed to parse injected resource pressure"
    )


def test_connections_stop_and_timeouts_shrink(tmp_path):
    timer = Overload.Timer(kind="HTTP_DOWNSTREAM_STREAM_IDLE", ms=5)
    watched = Watched(tmp_path, full(CONNECTIONS), scaled(TIMEOUTS), timers=[timer])
    (half,) = watched.at(0.7)
    assert not half.stop_accepting_connections
    assert half.reduce_timeouts == 0.5
    assert list(half.timers) == [timer]
    assert watched.at(0.9)[1].stop_accepting_connections


@pytest.mark.parametrize(("every", "times"), [(0, 3), (1000, 1)])
def test_the_heap_shrinks_from_time_to_time(tmp_path, every, times):
    watched = Watched(tmp_path, full(SHRINK), shrink_s=every)
    watched.at(0.1)
    assert watched.stat(SHRINK, "shrink_count") == 0
    for _ in range(3):
        watched.at(0.95)
    assert watched.stat(SHRINK, "shrink_count") == times
