"""The processes of a sidecar: its proxy, and the application."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence

from lateen.agent.launch import INTERPRETER, launcher


class ChildError(Exception):
    """A process cannot be started; the message says why."""


class Child:
    """A process in a group of its own: a Ctrl-C at the terminal is the agent's, who passes it on.

    It is told to end when the agent is gone, however the agent ended.

    Attributes:
        ended: done once it has.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.ended = asyncio.ensure_future(process.wait())

    @classmethod
    async def start(cls, argv: Sequence[str]) -> Child:
        """Start a program; where it cannot be, the exit code is 127, and standard error says why.

        Raises:
            ChildError: no process can be made.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                *launcher(), *argv, executable=INTERPRETER, process_group=0
            )
        except OSError as error:
            raise ChildError(f"cannot make a process: {error.strerror}") from None
        return cls(process)

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """As a shell tells it, 128 and the signal's number for a signal; None while it runs."""
        code = self._process.returncode
        return code if code is None or code >= 0 else 128 - code

    async def wait(self) -> int:
        """The exit code, once it has ended."""
        await asyncio.shield(self.ended)
        code = self.exit_code
        assert code is not None
        return code

    def signal(self, number: int) -> None:
        """Send a signal, if it still runs."""
        if self._process.returncode is None:
            self._process.send_signal(number)

    async def end(self, grace_s: float) -> int:
        """Tell it to end, kill it after a while; the exit code."""
        self.signal(signal.SIGTERM)
        try:
            return await asyncio.wait_for(self.wait(), grace_s)
        except TimeoutError:
            self.signal(signal.SIGKILL)
            return await self.wait()
