"""The running process's half of hot restart: it hands over when a child asks for it."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING, Protocol

from lateen.proxy.hot_restart.channel import MOST_DESCRIPTORS, close_all, peer_user
from lateen.proxy.hot_restart.hello import CHILD, QUERY, Hello, VersionError, read_hello, refusal
from lateen.proxy.hot_restart.stream import Stream, StreamEndedError
from lateen.proxy.hot_restart.wire import Message, WireError, number_of
from lateen.proxy.workers import WorkersError

if TYPE_CHECKING:
    import socket

    from lateen.proxy.hot_restart.claim import Claim
    from lateen.proxy.hot_restart.stats import Counted
    from lateen.proxy.log.logger import Log

# How long a connection may take to say who it is.
_HELLO_LIMIT_S = 5.0
_IDLE_PAUSE_S = 0.1
_ACCEPT_PAUSE_S = 0.2
_COMPONENT = "main"


class Replaceable(Protocol):
    """What a process must be able to do to be replaced."""

    def hello(self) -> Hello:
        """What it says of itself; `child` is filled in here."""

    def command(self) -> Message:
        """How it was started: argv, cwd, environment."""

    @property
    def generation(self) -> int:
        """The stat server.hot_restart_generation."""

    def sockets(self) -> list[int]:
        """Descriptors of its listening sockets, which are the caller's.

        Raises:
            WorkersError: they cannot be had.
        """

    def counted(self) -> Counted:
        """Its stats."""

    async def give_up_admin(self) -> None:
        """Closes the admin listener."""

    async def reopen_admin(self) -> None:
        """Opens the admin listener again."""

    async def begin_drain(self, drain_s: int, gradual: bool) -> None:
        """Stops accepting; connections end over a time."""

    def is_idle(self) -> bool:
        """Whether it has no connections, and no parent of its own."""

    async def close_connections(self) -> None:
        """Ends every connection."""

    def end(self) -> None:
        """Lets the process end."""


class ParentServer:
    """Answers the process that takes over, and those that only ask who is here."""

    def __init__(self, claim: Claim, process: Replaceable, log: Log) -> None:
        self._claim = claim
        self._process = process
        self._log = log
        self._child: Hello | None = None
        self._admin_given = False
        self._shutdown_at: float | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._accepting = self._spawn(self._accept())

    async def close(self) -> None:
        """Stops answering and gives the name up."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._claim.release()

    def _spawn(self, work: object) -> asyncio.Task[None]:
        assert asyncio.iscoroutine(work)
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connected, _ = await loop.sock_accept(self._claim.socket)
            except OSError as error:
                self._log.warning(_COMPONENT, f"hot restart: {error}")
                await asyncio.sleep(_ACCEPT_PAUSE_S)
                continue
            self._spawn(self._serve(connected))

    async def _serve(self, connected: socket.socket) -> None:
        stream = Stream(connected)
        try:
            await self._converse(stream)
        except (StreamEndedError, TimeoutError):
            return
        except (WireError, VersionError) as error:
            self._log.warning(_COMPONENT, f"hot restart: refused a process: {error}")
        finally:
            stream.close()

    async def _converse(self, stream: Stream) -> None:
        if self._claim.name.startswith("@"):
            user = peer_user(stream.socket)
            if user not in (os.getuid(), 0):
                raise WireError(f"it is of user {user}")
        message = await asyncio.wait_for(stream.receive(), _HELLO_LIMIT_S)
        try:
            hello = read_hello(message)
        finally:
            # Also to one of another version, which finds out by it.
            if message["type"] == "hello":
                await stream.send(self._hello().message())
        if hello.role == QUERY:
            await self._tell(stream)
        elif hello.role == CHILD:
            await self._hand_over(stream, hello)

    def _hello(self) -> Hello:
        child = self._child.pid if self._child else 0
        return self._process.hello()._replace(child=child)

    async def _tell(self, stream: Stream) -> None:
        """Says how this process was started, with where its output goes."""
        while (await stream.receive())["type"] == "command":
            await stream.send(self._process.command(), (1, 2))

    async def _hand_over(self, stream: Stream, child: Hello) -> None:
        reason = refusal(self._hello())
        if reason:
            await stream.receive()
            await stream.send({"type": "refused", "reason": reason})
            return
        self._child = child
        try:
            while True:
                await self._answer(stream, await stream.receive())
        except (StreamEndedError, WireError) as error:
            if isinstance(error, WireError):
                self._log.warning(_COMPONENT, f"hot restart: {error}")
            if self._shutdown_at is None:
                await self._take_back(child)
            else:
                await self._outlive()

    async def _answer(self, stream: Stream, request: Message) -> None:
        match request["type"]:
            case "sockets":
                await self._send_sockets(stream, number_of(request, "from"))
            case "admin":
                self._admin_given = True
                await self._process.give_up_admin()
                await stream.send({"type": "done"})
            case "drain":
                await self._drain(request)
                await stream.send(self._counts())
            case "stats":
                await stream.send(self._counts())
            case "terminate":
                self._log.info(_COMPONENT, "shutting down due to child request")
                await self._process.close_connections()
                await stream.send(self._counts())
                self._process.end()
            case unknown:
                raise WireError(f"it asks for {unknown!r}")

    async def _send_sockets(self, stream: Stream, start: int) -> None:
        try:
            sockets = self._process.sockets()
        except WorkersError as error:
            await stream.send({"type": "refused", "reason": f"no listening sockets: {error}"})
            return
        try:
            part = sockets[start : start + MOST_DESCRIPTORS]
            more = start + len(part) < len(sockets)
            generation = self._process.generation
            await stream.send({"type": "sockets", "more": more, "generation": generation}, part)
        finally:
            close_all(sockets)

    async def _drain(self, request: Message) -> None:
        self._shutdown_at = time.monotonic() + number_of(request, "shutdown_s")
        assert self._child is not None
        who = f"epoch {self._child.epoch} (pid {self._child.pid})"
        self._log.info(_COMPONENT, f"{who} has taken over: draining")
        # The name is free for the child of the child of the child.
        self._accepting.cancel()
        await asyncio.gather(self._accepting, return_exceptions=True)
        self._claim.release()
        await self._process.begin_drain(
            number_of(request, "drain_s"), request.get("gradual") is True
        )

    def _counts(self) -> Message:
        counted = self._process.counted()
        return {"type": "stats", "idle": self._process.is_idle(), **counted._asdict()}

    async def _take_back(self, child: Hello) -> None:
        """The child went before it took over: this process goes on as if there had been none."""
        self._child = None
        self._log.warning(
            _COMPONENT,
            f"epoch {child.epoch} (pid {child.pid}) went before it took over: going on",
        )
        if self._admin_given:
            self._admin_given = False
            await self._process.reopen_admin()

    async def _outlive(self) -> None:
        """The child is gone after it took over: this process ends by itself, when it is time."""
        assert self._shutdown_at is not None
        while time.monotonic() < self._shutdown_at and not self._process.is_idle():
            await asyncio.sleep(_IDLE_PAUSE_S)
        self._process.end()
