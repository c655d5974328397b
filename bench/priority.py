"""Keeps other work on the machine from taking the measured processes' cores."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from bench.errors import BenchError

NICE = -19


def prefer(pid: int) -> None:
    """Raise the priority of a process and of its session's scheduling group, where permitted.

    The kernel may schedule by session first (sched(7), autogroup), within which a nice value
    means nothing to other sessions: so the group gets one too.
    """
    with suppress(PermissionError, ProcessLookupError):
        os.setpriority(os.PRIO_PROCESS, pid, NICE)
    with suppress(OSError):
        Path(f"/proc/{pid}/autogroup").write_text(f"{NICE}\n")


def realtime() -> None:
    """Give the bench and everything it starts from now on a real-time priority (sched(7)).

    Other work then gets what the kernel reserves for it, usually a twentieth of each core.

    Raises:
        BenchError: not permitted.
    """
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except PermissionError as error:
        raise BenchError("--realtime needs root, or CAP_SYS_NICE") from error


def busy_ns(core: int) -> int:
    """Return how long a CPU has been busy since boot, time stolen by the hypervisor included.

    From `/proc/stat` (proc(5)), in ticks of usually 10 ms: use it over seconds.
    """
    tick = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
    for line in Path("/proc/stat").read_text().splitlines():
        name, *fields = line.split()
        if name == f"cpu{core}":
            user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, fields[:8])
            return (user + nice + system + irq + softirq + steal) * tick
    return 0
