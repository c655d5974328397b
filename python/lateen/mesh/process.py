"""One program that is kept running: started, watched, started again when it ends."""

from __future__ import annotations

import asyncio
import random
import signal
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process, create_subprocess_exec
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from lateen.agent.launch import launcher
from lateen.mesh.children import end_session
from lateen.xds.backoff import Backoff

_LONGEST_LINE = 64 << 10
_POLL_S = 0.1
_LONGEST_WAIT_S = 10.0
# What has run for so long did not fail to start.
_SETTLED_S = 10.0
# What still holds the output once the session is killed is a process that left it.
_LAST_OUTPUT_S = 1.0


class State(StrEnum):
    """How a program is."""

    waiting = "waiting"
    starting = "starting"
    ready = "ready"
    ending = "ending"
    ended = "ended"


@dataclass(frozen=True)
class Program:
    """What is to run.

    Attributes:
        name: in logs and the table.
        command: the program and its arguments, made anew for each start.
        is_ready: whether the process of this id serves.
        directory: where it runs.
        env: its environment.
        group: whose rights it has beside its own; None: those of this process.
    """

    name: str
    command: Callable[[], Awaitable[Sequence[str]]]
    is_ready: Callable[[int], Awaitable[bool]]
    directory: Path
    env: Mapping[str, str]
    group: int | None = None


@dataclass
class Status:
    """How a program is at the moment.

    Attributes:
        state: in one word.
        pid: of its process; 0: none.
        restarts: how often it was started again.
        detail: what happened to it.
    """

    state: State = State.waiting
    pid: int = 0
    restarts: int = 0
    detail: str = ""


@dataclass
class Supervised:
    """A program and its process.

    Attributes:
        program: what runs.
        say: is told each line that it prints.
        changed: is called after each change of the status.
        backoff: how long to wait before it is started again.
        was_ready: set once it has been ready.
        status: how it is.
    """

    program: Program
    say: Callable[[str], None]
    changed: Callable[[Supervised], None]
    backoff: Backoff = field(
        default_factory=lambda: Backoff(random.Random(), max_s=_LONGEST_WAIT_S)
    )

    def __post_init__(self) -> None:
        self.status = Status()
        self.was_ready = asyncio.Event()
        self._process: Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._told_to_end = asyncio.Event()

    def begin(self) -> None:
        """Start it, and from now on again whenever it ends."""
        self._task = asyncio.create_task(self._run())

    async def end(self, grace_s: float) -> None:
        """Tell it to end, and kill it after a while."""
        if self._task is None:
            return
        self._told_to_end.set()
        self._terminate()
        ended, _ = await asyncio.wait([self._task], timeout=grace_s)
        if not ended:
            self.kill()
        await self._task

    def kill(self) -> None:
        """End its process at once, with all that it started."""
        if self._process is not None:
            end_session(self._process.pid)

    async def _run(self) -> None:
        clock = asyncio.get_running_loop().time
        while not self._told_to_end.is_set():
            started = clock()
            detail = await self._once()
            if self._told_to_end.is_set():
                break
            if clock() - started >= _SETTLED_S:
                self.backoff.reset()
            wait_s = self.backoff.next()
            self._set(State.waiting, f"{detail}; again in {wait_s:.1f} s")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._told_to_end.wait(), wait_s)
            self.status.restarts += 1
        self._set(State.ended)

    def _terminate(self) -> None:
        if self._process is not None:
            self._set(State.ending)
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)

    async def _once(self) -> str:
        """Run it once; returns how it ended."""
        self._set(State.starting)
        try:
            self._process = await self._start()
        except (OSError, StartError) as error:
            return f"cannot be started: {error}"
        self.status.pid = self._process.pid
        tasks = [asyncio.create_task(self._watch()), asyncio.create_task(self._read())]
        try:
            if self._told_to_end.is_set():
                self._terminate()
            code = await self._process.wait()
            end_session(self._process.pid)
            await asyncio.wait(tasks[1:], timeout=_LAST_OUTPUT_S)
        finally:
            for task in tasks:
                task.cancel()
            self._process, self.status.pid = None, 0
        return _ending(code)

    async def _start(self) -> Process:
        command = await self.program.command()
        return await create_subprocess_exec(
            *launcher(),
            *command,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            cwd=self.program.directory,
            env=dict(self.program.env),
            group=self.program.group,
            extra_groups=None if self.program.group is None else (),
            start_new_session=True,
        )

    async def _watch(self) -> None:
        while not await self.program.is_ready(self.status.pid):
            await asyncio.sleep(_POLL_S)
        if not self._told_to_end.is_set():
            self._set(State.ready)
            self.was_ready.set()

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        rest = b""
        while data := await self._process.stdout.read(_LONGEST_LINE):
            *lines, rest = (rest + data).split(b"\n")
            if len(rest) > _LONGEST_LINE:
                lines, rest = [*lines, rest], b""
            for line in lines:
                self.say(line.decode("utf-8", "replace").rstrip("\r"))
        if rest:
            self.say(rest.decode("utf-8", "replace"))

    def _set(self, state: State, detail: str = "") -> None:
        self.status.state, self.status.detail = state, detail
        self.changed(self)


class StartError(Exception):
    """A program's command cannot be made; the message says why."""


def _ending(code: int) -> str:
    if code >= 0:
        return f"ended with {code}"
    known = signal.Signals.__members__
    names = [name for name, number in known.items() if number == -code]
    return f"killed by {names[0] if names else f'signal {-code}'}"
