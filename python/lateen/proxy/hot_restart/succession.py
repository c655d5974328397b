"""The one-command form of hot restart: finds a running proxy and starts its next epoch."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from lateen.proxy.hot_restart.channel import ChannelError, NoProcessError, close_all
from lateen.proxy.hot_restart.child import greet
from lateen.proxy.hot_restart.hello import QUERY, Hello, VersionError, refusal
from lateen.proxy.hot_restart.names import EPOCHS, socket_name
from lateen.proxy.hot_restart.report import LIVE, REPORT_VARIABLE
from lateen.proxy.hot_restart.restart import own_hello
from lateen.proxy.hot_restart.wire import (
    Message,
    WireError,
    number_of,
    text_of,
    texts_of,
)

_END_LIMIT_S = 5.0


class SuccessionError(Exception):
    """There is no next epoch; the message says why."""


class Running(NamedTuple):
    """A proxy that can be replaced.

    Attributes:
        hello: what it says of itself.
        argv: its command line, the Python interpreter first.
        cwd: its working directory.
        environment: as it was started.
        base_id: its base id, also if it was chosen dynamically.
        output: descriptors of its standard output and standard error.
    """

    hello: Hello
    argv: Sequence[str]
    cwd: str
    environment: dict[str, str]
    base_id: int
    output: tuple[int, int]


def find_running(socket_path: str, base_id: int) -> Running:
    """The proxy of a base id.

    Raises:
        SuccessionError: there is none, or it cannot be replaced now.
    """
    problem = ""
    for epoch in range(EPOCHS):
        name = socket_name(socket_path, base_id, epoch)
        try:
            found = _ask(name)
        except NoProcessError:
            continue
        except (ChannelError, VersionError, WireError) as error:
            problem = f"{name}: {error}"
            continue
        if not (reason := refusal(found.hello)):
            return found
        close_all(found.output)
        # A process that is being replaced says more than the one that replaces it.
        problem = reason if found.hello.child or not problem else problem
    raise SuccessionError(problem or f"no proxy with base id {base_id} is running here")


def _ask(name: str) -> Running:
    channel, hello = greet(name, own_hello(QUERY, 0))
    with channel:
        if refusal(hello):
            return Running(hello, (), "", {}, 0, (-1, -1))
        answer, output = channel.ask({"type": "command"})
        if len(output) != 2:
            close_all(output)
            raise WireError("its output did not come with the answer")
        return Running(
            hello,
            texts_of(answer, "argv"),
            text_of(answer, "cwd"),
            _environment(answer),
            number_of(answer, "base_id"),
            (output[0], output[1]),
        )


def _environment(answer: Message) -> dict[str, str]:
    found = answer.get("environment")
    if not isinstance(found, dict):
        raise WireError("its environment is none")
    return {str(name): str(value) for name, value in found.items()}


class Outcome(NamedTuple):
    """How the start of the next epoch went.

    Attributes:
        pid: of the new process.
        lines: what it said before it was live, or ended.
        is_live: whether it has taken over.
        reason: why it has not; "" when it has.
    """

    pid: int
    lines: Sequence[str]
    is_live: bool
    reason: str = ""


def start_next(
    running: Running, argv: Sequence[str], limit_s: float, say: Callable[[str], None]
) -> Outcome:
    """Starts a process in the place of another and waits until it is live.

    Args:
        running: the process that is to be replaced; its output is the new one's.
        argv: the new command line.
        limit_s: how long the start may take; then the new process is ended.
        say: is told each line that the new process reports.

    Raises:
        SuccessionError: the program cannot be run.
    """
    reading, writing = os.pipe()
    try:
        process = subprocess.Popen(
            argv,
            cwd=running.cwd,
            env={**running.environment, REPORT_VARIABLE: str(writing)},
            stdin=subprocess.DEVNULL,
            stdout=running.output[0],
            stderr=running.output[1],
            pass_fds=(writing,),
            start_new_session=True,
        )
    except OSError as error:
        os.close(reading)
        raise SuccessionError(f"cannot run {argv[0]}: {error.strerror}") from None
    finally:
        os.close(writing)
        close_all(running.output)
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        lines, is_live = _read_report(pipe.fileno(), time.monotonic() + limit_s, say)
    if is_live:
        return Outcome(process.pid, lines, True)
    if is_live is None:
        _end(process)
        return Outcome(process.pid, lines, False, f"it was not live after {limit_s:g} s")
    return Outcome(process.pid, lines, False, f"it ended with exit code {process.wait()}")


def _read_report(
    pipe: int, deadline: float, say: Callable[[str], None]
) -> tuple[list[str], bool | None]:
    """Lines up to the one that says live (True), the end (False) or the deadline (None)."""
    lines: list[str] = []
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while (left := deadline - time.monotonic()) > 0:
            if not selector.select(left):
                continue
            data = os.read(pipe, 65536)
            if not data:
                return lines, False
            *complete, rest = (rest + data).split(b"\n")
            for raw in complete:
                line = raw.decode(errors="replace")
                if line == LIVE:
                    return lines, True
                lines.append(line)
                say(line)
    return lines, None


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_END_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
