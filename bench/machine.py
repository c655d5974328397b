"""What the numbers were measured on, and which cores do what."""

from __future__ import annotations

import os
import platform
import re
import resource
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cores:
    """The CPUs of a run: one for the proxy, the others for load and upstream."""

    proxy: int
    load: int
    available: tuple[int, ...]


def cores() -> Cores:
    """Return the first usable CPU for the proxy and the last for load and upstream."""
    usable = tuple(sorted(os.sched_getaffinity(0)))
    return Cores(proxy=usable[0], load=usable[-1], available=usable)


def cpu_model() -> str:
    """Return the CPU's model name as the kernel gives it."""
    text = Path("/proc/cpuinfo").read_text()
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found.group(1) if found else platform.machine()


def kernel() -> str:
    """Return the kernel's name and release."""
    return f"{platform.system()} {platform.release()}"


def raise_file_limit() -> int:
    """Raise the soft limit of open files to the hard one and return it; children inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
