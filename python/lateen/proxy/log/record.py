"""One message of the log."""

from __future__ import annotations

from typing import NamedTuple

from lateen.proxy.log.levels import Level


class Record(NamedTuple):
    """A message and where it comes from.

    Attributes:
        time_s: seconds since the epoch.
        level: how much it matters.
        component: the logger's name.
        message: the text.
        thread: the number of the thread that logs.
        source: the file that logs, from the package on; "" when unknown.
        line: the line in it.
    """

    time_s: float
    level: Level
    component: str
    message: str
    thread: int
    source: str = ""
    line: int = 0
