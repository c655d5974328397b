"""The control groups that limit this process (v1 and v2)."""

from __future__ import annotations

from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
OWN_CGROUP = Path("/proc/self/cgroup")


def folders(controller: str, cgroups: Path = CGROUPS, own_cgroup: Path = OWN_CGROUP) -> list[Path]:
    """The folders of the process's cgroup and those above it, which limit too.

    Args:
        controller: `cpu` or `memory`; it has a tree of its own in v1.
        cgroups: where the trees are.
        own_cgroup: says where in them the process is.
    """
    found = []
    for line in text_of(own_cgroup).splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        root = cgroups / controllers if controllers else cgroups
        if controllers and not root.is_dir():
            root = cgroups / controller
        folder = root / path.lstrip("/")
        while True:
            found.append(folder)
            if folder == root or root not in folder.parents:
                break
            folder = folder.parent
    return found


def text_of(path: Path) -> str:
    """What is in a file; nothing where there is none."""
    try:
        return path.read_text()
    except OSError:
        return ""


def cpu_quota(folder: Path) -> float | None:
    """Cores that the quota of one cgroup amounts to; None without a limit."""
    v2 = text_of(folder / "cpu.max").split()
    if len(v2) == 2 and v2[0].isdigit() and int(v2[1]) > 0:
        return int(v2[0]) / int(v2[1])
    quota = text_of(folder / "cpu.cfs_quota_us").strip()
    period = text_of(folder / "cpu.cfs_period_us").strip()
    if quota.isdigit() and period.isdigit() and int(quota) > 0 and int(period) > 0:
        return int(quota) / int(period)
    return None
