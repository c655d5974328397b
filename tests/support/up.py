"""`lateen up` as a process of a test."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from lateen.mesh.namespaces import missing
from lateen.mesh.plan import Mode
from tests.support.waiting import SECONDS, until

LATEEN = str(Path(sys.executable).with_name("lateen"))
_WHERE = re.compile(r"up +\|   ([-a-z0-9]+): ([0-9.]+):[0-9]+")
_STATE = re.compile(r"up +\|   state in (\S+);")


class Up:
    """A mesh that runs.

    Attributes:
        lines: what was printed so far.
    """

    def __init__(self, file: Path, mode: Mode, *options: str) -> None:
        self.lines: list[str] = []
        self._process = subprocess.Popen(
            [LATEEN, "up", str(file), "--mode", mode, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line.rstrip())

    def says(self, part: str, times: int = 1) -> bool:
        """Whether enough lines have this in them."""
        return sum(part in line for line in self.lines) >= times

    def wait_ready(self) -> None:
        """Wait until all instances are ready; fails when the mesh ends, or takes too long."""

        def look() -> bool:
            assert self._process.poll() is None, "\n".join(self.lines)
            return any(_STATE.match(line) for line in self.lines)

        try:
            until(look)
        except AssertionError:
            raise AssertionError("\n".join(self.lines)) from None

    def address(self, instance: str) -> str:
        """Where an instance is reached."""
        return next(
            found[2]
            for line in self.lines
            if (found := _WHERE.match(line)) and found[1] == instance
        )

    @property
    def state(self) -> Path:
        """The directory of the mesh."""
        return Path(next(found[1] for line in self.lines if (found := _STATE.match(line))))

    @property
    def number(self) -> int:
        """Which of the machine's meshes it is."""
        return int(self.state.name.removeprefix("up-"))

    def signal(self, number: int) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def wait(self) -> int:
        """The exit code, once it has ended and all that it printed was read."""
        code = self._process.wait(SECONDS)
        self._reader.join(SECONDS)
        return code

    def end(self) -> int:
        """End it as a user does; the exit code."""
        if self._process.poll() is None:
            self.signal(signal.SIGINT)
        try:
            return self.wait()
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise


@contextmanager
def running(file: Path, mode: Mode, *options: str) -> Iterator[Up]:
    """A mesh for the block's length, ready; skips the test where namespaces cannot be made."""
    if mode is Mode.namespaces and (why := missing()):
        pytest.skip(f"no network namespaces: {why}")
    up = Up(file, mode, *options)
    try:
        up.wait_ready()
        yield up
    finally:
        up.end()


def processes(*words: str, without: str = "\n") -> list[int]:
    """The ids of processes with all these words, and not the other, in command or environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            text = (folder / "cmdline").read_bytes() + b"\0" + (folder / "environ").read_bytes()
        except OSError:
            continue
        named = all(word.encode() in text for word in words) and without.encode() not in text
        if named and int(folder.name) != os.getpid():
            found.append(int(folder.name))
    return found


def curl(url: str, *options: str) -> tuple[int, str]:
    """Status and body; status 0: no answer."""
    argv: Sequence[str] = ["curl", "-s", "-m", "10", "--noproxy", "*", "-w", "\n%{http_code}"]
    done = subprocess.run([*argv, *options, url], capture_output=True, text=True, check=False)
    body, _, status = done.stdout.rpartition("\n")
    return int(status), body.rstrip("\n")
