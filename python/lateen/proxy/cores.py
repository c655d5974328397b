"""How many cores this process may use: its CPU affinity and the quota of its cgroup (v1 and v2)."""

from __future__ import annotations

import math
import os
from pathlib import Path

from lateen.proxy.cgroups import CGROUPS, OWN_CGROUP, cpu_quota, folders


def usable_cores(cgroups: Path = CGROUPS, own_cgroup: Path = OWN_CGROUP) -> int:
    """The smaller of the cores in the affinity mask and the CPU quota, rounded up; at least 1."""
    found = folders("cpu", cgroups, own_cgroup)
    quotas = [quota for folder in found if (quota := cpu_quota(folder))]
    cores = len(os.sched_getaffinity(0))
    return max(1, min([cores, *(math.ceil(quota) for quota in quotas)]))
