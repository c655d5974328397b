"""Tells who started this process how the start went: errors line by line, or that it is live.

`lateen reload` gives the process a pipe in an environment variable.
"""

from __future__ import annotations

import contextlib
import os
import sys

REPORT_VARIABLE = "LATEEN_REPORT_FD"
# The line that ends a good start.
LIVE = "live"


class Reporter:
    """Where lines about the start go: standard error, and the pipe if there is one."""

    def __init__(self, descriptor: int | None = None) -> None:
        self._descriptor = descriptor

    @classmethod
    def from_environment(cls) -> Reporter:
        """Takes the pipe out of the environment, so that no process started later has it."""
        given = os.environ.pop(REPORT_VARIABLE, "")
        if not given.isdigit():
            return cls()
        with contextlib.suppress(OSError):
            os.set_inheritable(int(given), False)
            return cls(int(given))
        return cls()

    def complain(self, line: str) -> None:
        """Says what stands in the way of the start."""
        print(line, file=sys.stderr)
        self._write(line)

    def live(self) -> None:
        """Says that the process serves, and is done with reporting."""
        self._write(LIVE)
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _write(self, line: str) -> None:
        if self._descriptor is not None:
            # Who asked may be gone.
            with contextlib.suppress(OSError):
                os.write(self._descriptor, line.encode() + b"\n")
