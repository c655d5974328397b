"""The memory that this process uses, and giving back what it does not need."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from pathlib import Path

_STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class MemoryUse:
    """Bytes: pages in memory, those of them that no file has, and the size of the data segment."""

    resident: int
    anonymous: int
    heap: int


def memory_use(status: Path = _STATUS) -> MemoryUse:
    """What /proc says; zeros where there is none."""
    try:
        lines = status.read_text().splitlines()
    except OSError:
        lines = []
    fields = dict(line.split(":", 1) for line in lines if ":" in line)

    def kilobytes(name: str) -> int:
        return int(fields.get(name, "0").split()[0]) * 1024

    return MemoryUse(kilobytes("VmRSS"), kilobytes("RssAnon"), kilobytes("VmData"))


def give_back() -> None:
    """Collects garbage and returns free pages: a start needs more than a running proxy.

    What lives then lives long, so the collector need not look at it again.
    """
    gc.collect()
    gc.freeze()
    return_pages()


def return_pages() -> None:
    """Returns pages that nothing uses any more: the allocator keeps them for itself otherwise."""
    import ctypes

    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError):
        # Only glibc has it.
        return
