"""What resource monitors look at: one class for each kind that has a pressure."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from lateen.proxy.cgroups import CGROUPS, OWN_CGROUP, cpu_quota, folders, text_of
from lateen.proxy.compile.resource_monitors import MonitorKind
from lateen.proxy.compile.resource_monitors.cgroup_memory import CgroupMemory
from lateen.proxy.compile.resource_monitors.cpu_utilization import CpuUtilization
from lateen.proxy.compile.resource_monitors.fixed_heap import FixedHeap
from lateen.proxy.compile.resource_monitors.injected_resource import InjectedResource
from lateen.proxy.memory import memory_use

# What the runtime says now, by key.
RuntimeValues = Callable[[], Mapping[str, str]]
# How much of a new measure of the CPU counts; the rest is what was before.
_NEW = 0.05
# A cgroup of v1 without a limit says a number near this.
_NO_LIMIT = 1 << 62


class MonitorError(Exception):
    """There is no pressure to tell; the message says why."""


class ResourceMonitor(Protocol):
    """Tells how short a resource is."""

    def pressure(self) -> float:
        """From 0 to 1, or more.

        Raises:
            MonitorError: it cannot be told now.
        """


def monitor_of(kind: MonitorKind, runtime: RuntimeValues) -> ResourceMonitor | None:
    """The monitor of a kind; None for one that has no pressure.

    Raises:
        MonitorError: there is nothing to watch.
    """
    match kind:
        case InjectedResource():
            return InjectedPressure(Path(kind.path))
        case FixedHeap():
            return HeapPressure(kind, runtime)
        case CgroupMemory():
            return CgroupPressure(kind.max_bytes)
        case CpuUtilization():
            return ContainerCpuPressure() if kind.container else HostCpuPressure()
        case _:
            return None


class InjectedPressure:
    """The number in a file."""

    def __init__(self, path: Path) -> None:
        if not path.parent.is_dir():
            raise MonitorError(
                f"unable to add filesystem watch for file {path}: No such file or directory"
            )
        self._path = path

    def pressure(self) -> float:
        """The number, from 0 to 1."""
        try:
            value = float(self._path.read_text())
        except (OSError, ValueError):
            raise MonitorError("failed to parse injected resource pressure") from None
        if not 0 <= value <= 1:
            raise MonitorError("pressure out of range")
        return value


class HeapPressure:
    """The memory that the process has taken, of what it may have."""

    def __init__(self, kind: FixedHeap, runtime: RuntimeValues) -> None:
        self._kind = kind
        self._runtime = runtime

    def pressure(self) -> float:
        """Memory in use by the limit of now."""
        text = self._runtime().get(self._kind.runtime_key, "") if self._kind.runtime_key else ""
        most = int(text) if text.isdigit() else self._kind.max_bytes
        return memory_use().anonymous / most if most else 1.0


class CgroupPressure:
    """The memory of the cgroup of the process, of its limit (v2, v1)."""

    def __init__(
        self, max_bytes: int, cgroups: Path = CGROUPS, own_cgroup: Path = OWN_CGROUP
    ) -> None:
        self._max_bytes = max_bytes
        self._files = [
            files
            for folder in folders("memory", cgroups, own_cgroup)
            for files in (
                (folder / "memory.current", folder / "memory.max"),
                (folder / "memory.usage_in_bytes", folder / "memory.limit_in_bytes"),
            )
            if files[0].exists()
        ]
        if not self._files:
            raise MonitorError("No supported cgroup memory implementation found")

    def pressure(self) -> float:
        """The highest one of the cgroups that the process is in."""
        return max(self._of(*files) for files in self._files)

    def _of(self, usage: Path, limit: Path) -> float:
        used, most = text_of(usage).strip(), text_of(limit).strip()
        if not used.isdigit():
            raise MonitorError(f"cannot read {usage}")
        limits = [int(most)] if most.isdigit() and int(most) < _NO_LIMIT else []
        limits += [self._max_bytes] if self._max_bytes else []
        lowest = min(limits, default=0)
        return int(used) / lowest if lowest else 0.0


class _Smoothed:
    """A pressure in which the past counts."""

    def __init__(self) -> None:
        self._pressure = 0.0

    def next(self, measured: float) -> float:
        self._pressure = measured * _NEW + self._pressure * (1 - _NEW)
        return self._pressure


class HostCpuPressure:
    """The use of all cores of the machine."""

    def __init__(self, stat: Path = Path("/proc/stat")) -> None:
        self._stat = stat
        self._before = self._times()
        self._smoothed = _Smoothed()

    def pressure(self) -> float:
        """Time in use since the last call by all time, smoothed."""
        now, before = self._times(), self._before
        work, total = now[0] - before[0], now[1] - before[1]
        if total <= 0:
            raise MonitorError("no CPU time has passed")
        self._before = now
        return self._smoothed.next(work / total)

    def _times(self) -> tuple[int, int]:
        """Ticks in use, and all ticks."""
        name, *ticks = (text_of(self._stat).partition("\n")[0] or "-").split()
        if name != "cpu" or len(ticks) < 4:
            raise MonitorError(f"cannot read {self._stat}")
        user, nice, system, idle = (int(tick) for tick in ticks[:4])
        return user + nice + system, user + nice + system + idle


class ContainerCpuPressure:
    """The use of the cores that the cgroup of the process may have."""

    def __init__(self, cgroups: Path = CGROUPS, own_cgroup: Path = OWN_CGROUP) -> None:
        self._folders = folders("cpu", cgroups, own_cgroup)
        self._usage = next((f for f in self._folders if self._used_s(f) is not None), None)
        if self._usage is None:
            raise MonitorError("there is no CPU time of a cgroup to read")
        self._before = (time.monotonic(), self._used_s(self._usage) or 0.0)
        self._smoothed = _Smoothed()

    def pressure(self) -> float:
        """CPU time since the last call by what there was, smoothed."""
        assert self._usage is not None
        now, used = time.monotonic(), self._used_s(self._usage)
        passed = now - self._before[0]
        if used is None or passed <= 0:
            raise MonitorError(f"cannot read {self._usage}")
        quotas = [quota for folder in self._folders if (quota := cpu_quota(folder))]
        cores = min(quotas) if quotas else os.cpu_count() or 1
        measured = (used - self._before[1]) / (passed * cores)
        self._before = (now, used)
        return self._smoothed.next(measured)

    @staticmethod
    def _used_s(folder: Path) -> float | None:
        for line in text_of(folder / "cpu.stat").splitlines():
            if line.startswith("usage_usec "):
                return int(line.split()[1]) / 1e6
        nanoseconds = text_of(folder / "cpuacct.usage").strip()
        return int(nanoseconds) / 1e9 if nanoseconds.isdigit() else None
