"""What process 1 of a container owes the others: to take in the ends of those without a parent."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Collection

_LOOK_S = 1.0


async def bury(own: Callable[[], Collection[int]]) -> None:
    """Wait for processes that nobody else waits for; never returns, unless this is not process 1.

    Args:
        own: those that somebody here waits for.
    """
    while os.getpid() == 1:
        await asyncio.sleep(_LOOK_S)
        while (ended := _ended()) and ended not in own():
            os.waitpid(ended, 0)


def _ended() -> int:
    """A child that has ended, and nobody has waited for; 0: there is none."""
    try:
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return 0
    return found.si_pid if found else 0
