import os

import pytest

from lateen.proxy.compile.resource_monitors.cgroup_memory import CgroupMemory
from lateen.proxy.compile.resource_monitors.cpu_utilization import CpuUtilization
from lateen.proxy.compile.resource_monitors.downstream_connections import DownstreamConnections
from lateen.proxy.compile.resource_monitors.fixed_heap import FixedHeap
from lateen.proxy.compile.resource_monitors.injected_resource import InjectedResource
from lateen.proxy.memory import memory_use
from lateen.proxy.overload.monitors import (
    CgroupPressure,
    ContainerCpuPressure,
    HostCpuPressure,
    MonitorError,
    monitor_of,
)


def test_a_limit_has_no_pressure():
    assert monitor_of(DownstreamConnections(5), dict) is None


def test_the_number_in_a_file(tmp_path):
    path = tmp_path / "pressure"
    monitor = monitor_of(InjectedResource(str(path)), dict)
    path.write_text(" 0.25\n")
    assert monitor.pressure() == 0.25
    for text, reason in (("x", "failed to parse"), ("1.5", "out of range"), ("nan", "out of")):
        path.write_text(text)
        with pytest.raises(MonitorError, match=reason):
            monitor.pressure()
    path.unlink()
    with pytest.raises(MonitorError, match="failed to parse"):
        monitor.pressure()


def test_a_file_in_no_directory(tmp_path):
    with pytest.raises(MonitorError, match="unable to add filesystem watch for file "):
        monitor_of(InjectedResource(str(tmp_path / "none" / "p")), dict)


def test_the_heap_of_its_limit():
    runtime = {}
    monitor = monitor_of(FixedHeap(1 << 30, "heap.max"), lambda: runtime)
    used = memory_use().anonymous
    assert monitor.pressure() == pytest.approx(used / (1 << 30), rel=0.2)
    runtime["heap.max"] = str(1 << 20)
    assert monitor.pressure() > 1


def test_the_memory_of_a_cgroup(tmp_path):
    own = tmp_path / "own"
    own.write_text("0::/a\n")
    folder = tmp_path / "a"
    folder.mkdir()
    (folder / "memory.current").write_text("600\n")
    (folder / "memory.max").write_text("1000\n")
    assert CgroupPressure(0, tmp_path, own).pressure() == 0.6
    assert CgroupPressure(800, tmp_path, own).pressure() == 0.75
    assert CgroupPressure(2000, tmp_path, own).pressure() == 0.6
    (folder / "memory.max").write_text("max\n")
    assert CgroupPressure(0, tmp_path, own).pressure() == 0
    assert CgroupPressure(2400, tmp_path, own).pressure() == 0.25


def test_the_memory_of_a_cgroup_of_v1(tmp_path):
    own = tmp_path / "own"
    own.write_text("3:memory:/a\n2:cpu:/b\n")
    folder = tmp_path / "memory" / "a"
    folder.mkdir(parents=True)
    (folder / "memory.usage_in_bytes").write_text("600\n")
    (folder / "memory.limit_in_bytes").write_text("1200\n")
    assert CgroupPressure(0, tmp_path, own).pressure() == 0.5


def test_no_cgroup(tmp_path):
    with pytest.raises(MonitorError, match="No supported cgroup memory implementation found"):
        CgroupPressure(0, tmp_path, tmp_path / "own")


def test_the_use_of_all_cores_smoothed(tmp_path):
    stat = tmp_path / "stat"
    stat.write_text("cpu  10 0 10 80 5 0 0\ncpu0 1 2 3 4\n")
    monitor = HostCpuPressure(stat)
    stat.write_text("cpu  20 10 50 120 9 0 0\n")
    assert monitor.pressure() == pytest.approx(0.05 * 0.6)
    with pytest.raises(MonitorError, match="no CPU time has passed"):
        monitor.pressure()
    stat.write_text("cpu  30 10 50 120 9 0 0\n")
    assert monitor.pressure() == pytest.approx(0.05 + 0.95 * 0.03)


def test_the_use_of_what_a_cgroup_may_use(tmp_path, monkeypatch):
    own = tmp_path / "own"
    own.write_text("0::/a\n")
    folder = tmp_path / "a"
    folder.mkdir()
    (folder / "cpu.stat").write_text("usage_usec 1000000\nuser_usec 1\n")
    (folder / "cpu.max").write_text("50000 100000\n")
    clock = iter([10.0, 12.0])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    monitor = ContainerCpuPressure(tmp_path, own)
    (folder / "cpu.stat").write_text("usage_usec 1500000\n")
    assert monitor.pressure() == pytest.approx(0.05 * 0.5)


def test_this_machine_has_what_they_look_at():
    for kind in (CpuUtilization(container=False), CgroupMemory(1 << 50)):
        try:
            monitor = monitor_of(kind, dict)
        except MonitorError as error:
            pytest.skip(f"not on this machine: {error}")
        sum(range(3_000_000))
        assert 0 <= monitor.pressure() <= os.cpu_count()
