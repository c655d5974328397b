"""What the rest of the main thread knows of hot restart."""

from __future__ import annotations

from dataclasses import dataclass


class RestartError(Exception):
    """The process cannot start; the message says why, in one line."""


@dataclass
class RestartStatus:
    """Facts for /server_info and the stats.

    Attributes:
        version: of the messages between the processes, or `disabled`.
        epoch: --restart-epoch.
        initializing: until the process has taken over.
        age_before_s: seconds from the start of the first epoch to that of this one.
        generation: how many processes have been (server.hot_restart_generation).
    """

    version: str = "disabled"
    epoch: int = 0
    initializing: bool = False
    age_before_s: int = 0
    generation: int = 0
