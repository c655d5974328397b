"""Programs that are kept running."""

import asyncio
import os
import random
import signal
import sys
import time
from pathlib import Path

import pytest

from lateen.mesh.process import Program, StartError, State, Supervised
from lateen.xds.backoff import Backoff

SECONDS = 20.0


class Watched:
    """A program of Python's text, and what became of it."""

    def __init__(self, text="", command=None):
        self.lines, self.states = [], []
        self.starts = 0
        self._command = command or [sys.executable, "-c", text]
        program = Program("one", self.command, self.is_ready, Path("/"), dict(os.environ))
        backoff = Backoff(random.Random(), base_s=0.01, max_s=0.02)
        self.supervised = Supervised(program, self.lines.append, self.changed, backoff)

    async def command(self):
        self.starts += 1
        if self._command == ["none"]:
            raise StartError("there is no token")
        return self._command

    async def is_ready(self, pid):
        return "ready" in self.lines

    def changed(self, one):
        status = one.status
        self.states.append((status.state, status.detail.partition(";")[0]))

    async def until(self, look):
        async with asyncio.timeout(SECONDS):
            while not look():
                await asyncio.sleep(0.01)


def run(scene):
    asyncio.run(asyncio.wait_for(scene, SECONDS))


def test_what_runs_is_ready_and_ends_when_it_is_told_to():
    watched = Watched("print('ready', flush=True)\nimport time\ntime.sleep(60)")

    async def scene():
        watched.supervised.begin()
        await watched.supervised.was_ready.wait()
        assert watched.supervised.status.pid
        await watched.supervised.end(SECONDS)

    run(scene())
    assert [state for state, _ in watched.states] == [
        State.starting,
        State.ready,
        State.ending,
        State.ended,
    ]
    assert watched.supervised.status.pid == 0


def test_what_ends_is_started_again():
    watched = Watched("print('here'); raise SystemExit(3)")

    async def scene():
        watched.supervised.begin()
        await watched.until(lambda: watched.starts >= 3)
        await watched.supervised.end(SECONDS)

    run(scene())
    assert watched.lines[:2] == ["here", "here"]
    assert (State.waiting, "ended with 3") in watched.states
    assert watched.supervised.status.restarts >= 2


def test_what_is_killed_is_started_again():
    watched = Watched("print('ready', flush=True)\nimport time\ntime.sleep(60)")

    async def scene():
        watched.supervised.begin()
        await watched.supervised.was_ready.wait()
        os.kill(watched.supervised.status.pid, signal.SIGKILL)
        await watched.until(lambda: watched.lines == ["ready", "ready"])
        await watched.supervised.end(SECONDS)

    run(scene())
    assert (State.waiting, "killed by SIGKILL") in watched.states


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["none"], "cannot be started: there is no token"),
        (["/no/such/program"], "ended with 127"),
    ],
)
def test_what_cannot_be_started_is_told_and_tried_again(command, told):
    watched = Watched(command=command)

    async def scene():
        watched.supervised.begin()
        await watched.until(lambda: watched.starts >= 2)
        await watched.supervised.end(SECONDS)

    run(scene())
    assert (State.waiting, told) in watched.states


def test_what_does_not_end_is_killed_with_all_that_it_started():
    text = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], process_group=0)
print(child.pid, flush=True)
print("ready", flush=True)
time.sleep(60)
"""
    watched = Watched(text)

    async def scene():
        watched.supervised.begin()
        await watched.supervised.was_ready.wait()
        await watched.supervised.end(0.1)

    run(scene())
    child = int(watched.lines[0])
    end = time.monotonic() + SECONDS
    while running(child):
        assert time.monotonic() < end
        time.sleep(0.01)


def running(pid):
    """Whether it runs: as an orphan it may wait for somebody to reap it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_long_lines_and_what_is_no_text_are_shown():
    text = """
import sys, time
sys.stdout.buffer.write(b"x" * 70000 + b"\\n\\xff\\r\\nlast")
"""
    watched = Watched(text)

    async def scene():
        watched.supervised.begin()
        await watched.until(lambda: "last" in watched.lines)
        await watched.supervised.end(SECONDS)

    run(scene())
    end = watched.lines.index("last") + 1
    assert "".join(watched.lines[: end - 2]) == "x" * 70000
    assert watched.lines[end - 2] == "�"
