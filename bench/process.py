"""One pinned child process: its CPU time, its memory, its end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from bench.errors import BenchError
from bench.priority import prefer


class Process:
    """A command that runs pinned to given cores, its output kept in a file.

    Use it as a context manager: leaving the block ends the whole process group.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        cores: Sequence[int],
        output: Path,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Start the command.

        Args:
            argv: the command and its arguments.
            cores: the CPUs that it and its children may use.
            output: the file that takes stdout and stderr.
            env: variables added to the bench's own environment.

        Raises:
            BenchError: the command does not exist or may not be run.
        """
        self.name = Path(argv[0]).name
        self.output = output
        with output.open("ab") as sink:
            try:
                self._child = subprocess.Popen(
                    ["taskset", "-c", ",".join(map(str, cores)), *argv],
                    stdin=subprocess.DEVNULL,
                    stdout=sink,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **(env or {})},
                    start_new_session=True,
                )
            except OSError as error:
                raise BenchError(f"cannot start {self.name}: {error.strerror}") from error
        prefer(self._child.pid)

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The process id; taskset has replaced itself with the command."""
        return self._child.pid

    def check_alive(self) -> None:
        """Raise BenchError, with the end of the output, when the process has exited."""
        code = self._child.poll()
        if code is not None:
            tail = "\n".join(self.output.read_text(errors="replace").splitlines()[-8:])
            raise BenchError(f"{self.name} exited with {code}:\n{tail}")

    def stop(self) -> None:
        """Kill the process group: nothing is in flight, and a drain may take minutes."""
        with suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)
        self._child.wait()

    def cpu_ns(self) -> int:
        """User and system time used so far by every thread of the process and its children.

        From `/proc/PID/task/*/schedstat`, whose first field is nanoseconds on a CPU (Linux
        Documentation/scheduler/sched-stats.rst); `/proc/PID/stat` counts in ticks of 10 ms.
        A thread that ends between two calls is lost, so measure in a steady state.
        """
        total = 0
        for pid in self.pids():
            for task in Path(f"/proc/{pid}/task").glob("*/schedstat"):
                try:
                    total += int(task.read_text().split()[0])
                except (FileNotFoundError, ProcessLookupError):
                    continue
        return total

    def pss_bytes(self) -> int:
        """Proportional set size of the process and its children, in bytes."""
        total = 0
        for pid in self.pids():
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            found = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
            total += int(found.group(1)) * 1024 if found else 0
        return total

    def pids(self) -> list[int]:
        """The process and all its descendants."""
        found, waiting = [], [self.pid]
        while waiting:
            pid = waiting.pop()
            found.append(pid)
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                waiting.extend(int(child) for child in task.read_text().split())
        return found


def settled_pss(process: Process, *, seconds: float = 1.0) -> int:
    """Return the PSS in bytes after a pause in which start-up or traffic has settled."""
    time.sleep(seconds)
    return process.pss_bytes()
