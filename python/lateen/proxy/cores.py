"""How many cores this process may use: its CPU affinity and the quota of its cgroup (v1 and v2)."""

from __future__ import annotations

import math
import os
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUP = Path("/proc/self/cgroup")


def usable_cores(cgroups: Path = _CGROUPS, own_cgroup: Path = _OWN_CGROUP) -> int:
    """The smaller of the cores in the affinity mask and the CPU quota, rounded up; at least 1."""
    quotas = [quota for folder in _folders(cgroups, own_cgroup) if (quota := _quota(folder))]
    cores = len(os.sched_getaffinity(0))
    return max(1, min([cores, *(math.ceil(quota) for quota in quotas)]))


def _folders(cgroups: Path, own_cgroup: Path) -> list[Path]:
    """The folders of the process's cgroup and those above it: each may limit."""
    found = []
    for line in _read(own_cgroup).splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        root = cgroups / controllers if controllers else cgroups
        if controllers and not root.is_dir():
            root = cgroups / "cpu"
        folder = root / path.lstrip("/")
        while True:
            found.append(folder)
            if folder == root or root not in folder.parents:
                break
            folder = folder.parent
    return found


def _quota(folder: Path) -> float | None:
    """Cores that the quota of one cgroup amounts to; None without a limit."""
    v2 = _read(folder / "cpu.max").split()
    if len(v2) == 2 and v2[0].isdigit() and int(v2[1]) > 0:
        return int(v2[0]) / int(v2[1])
    quota = _read(folder / "cpu.cfs_quota_us").strip()
    period = _read(folder / "cpu.cfs_period_us").strip()
    if quota.isdigit() and period.isdigit() and int(quota) > 0 and int(period) > 0:
        return int(quota) / int(period)
    return None


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
