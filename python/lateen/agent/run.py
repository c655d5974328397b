"""A sidecar as a process: the agent, its proxy and the application, until one of them ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from http import HTTPStatus
from signal import SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2

from lateen.agent.agent import Agent
from lateen.agent.child import Child
from lateen.agent.options import Options
from lateen.agent.orphans import bury
from lateen.agent.proxy import Proxy
from lateen.agent.state import State
from lateen.agent.status import DRAIN, QUIT, Status

Say = Callable[[str], None]
_FOR_THE_APPLICATION = (SIGHUP, SIGUSR1, SIGUSR2)
_POLL_S = 0.1
# How long something must be missing before it is told.
_QUIET_S = 5.0


class Sidecar:
    """A sidecar.

    Args:
        options: how it runs.
        say: is told what happens, a line each.
    """

    def __init__(self, options: Options, say: Say) -> None:
        self._options = options
        self._say = say
        # What it is told to end by: numbers of signals.
        self._signals: asyncio.Queue[int] = asyncio.Queue()
        self._proxy: Proxy | None = None
        self._application: Child | None = None
        self._children: set[int] = set()
        self._draining = False

    async def run(self) -> int:
        """Run to the end; returns the exit code.

        Raises:
            StateError: the state directory cannot be used.
            StatusError: the port of readiness is taken.
            NameServerError: the port of DNS is.
            ChildError: proxy or application cannot be started.
        """
        loop = asyncio.get_running_loop()
        for number in (SIGTERM, SIGINT):
            loop.add_signal_handler(number, self._signals.put_nowait, number)
        for number in _FOR_THE_APPLICATION:
            loop.add_signal_handler(number, self._pass_on, number)
        told = asyncio.ensure_future(self._signals.get())
        async with AsyncExitStack() as stack:
            state = State(self._options.directory)
            stack.callback(state.close)
            self._agent = Agent(self._options, state, self._say)
            dns_port = await self._agent.start(stack)
            status = Status(self._is_ready, {DRAIN: self._drain, QUIT: self._quit})
            port = await status.listen(self._options.ready_port)
            stack.callback(status.close)
            self._say(f"ready port {port}, DNS port {dns_port}, state in {state.directory}")
            certified = asyncio.ensure_future(self._agent.certified())
            await _first(told, certified, self._agent.broken)
            if not certified.done():
                certified.cancel()
                self._raise_if_broken()
                return 0
            stack.callback(asyncio.ensure_future(bury(lambda: self._children)).cancel)
            self._proxy = await Proxy.start(self._options, state)
            self._children.add(self._proxy.pid)
            stack.push_async_callback(self._proxy.end)
            code = await self._beside(self._proxy, told)
            self._raise_if_broken()
            return code

    async def _beside(self, proxy: Proxy, told: asyncio.Future[int]) -> int:
        """Start the application once the proxy is ready; when something ends, end the rest."""
        broken = self._agent.broken
        gone = asyncio.ensure_future(proxy.wait())
        ready = asyncio.ensure_future(self._until_ready())
        await _first(gone, told, broken, ready)
        if ready.done():
            self._say("ready")
            if self._options.command:
                self._application = await Child.start(self._options.command)
                self._children.add(self._application.pid)
            ended = [self._application.ended] if self._application else []
            await _first(gone, told, broken, *ended)
        ready.cancel()
        if gone.done():
            self._say(f"the proxy ended by itself (exit code {gone.result()})")
        else:
            await self._drain_until_told(proxy)
        code = 1 if gone.done() or broken.done() else 0
        if self._application is not None:
            number = told.result() if told.done() else SIGTERM
            code = await self._end(self._application, number) or code
        return code

    def _raise_if_broken(self) -> None:
        if self._agent.broken.done():
            self._agent.broken.result()

    def _pass_on(self, number: int) -> None:
        if self._application is not None:
            self._application.signal(number)

    async def _until_ready(self) -> None:
        loop = asyncio.get_running_loop()
        begin, last = loop.time(), ""
        while why := await self._missing():
            if why != last and loop.time() - begin > _QUIET_S:
                self._say(f"not ready: {why}")
                last = why
            await asyncio.sleep(_POLL_S)

    async def _drain_until_told(self, proxy: Proxy) -> None:
        """Drain; a second signal has no time for it."""
        self._draining = True
        drain = asyncio.ensure_future(proxy.drain(self._options.drain_s))
        again = asyncio.ensure_future(self._signals.get())
        await _first(drain, again)
        drain.cancel()
        if again.done():
            self._signals.put_nowait(again.result())
        again.cancel()

    async def _end(self, application: Child, number: int) -> int:
        """Pass signals on until the application has ended; its exit code."""
        application.signal(number)
        while not application.ended.done():
            again = asyncio.ensure_future(self._signals.get())
            await _first(application.ended, again)
            if again.done():
                application.signal(again.result())
            again.cancel()
        return await application.wait()

    async def _missing(self) -> str:
        """Why traffic should not come yet; empty: it may."""
        if self._draining:
            return "draining"
        if self._proxy is None:
            return self._agent.problem or "the proxy has not been started"
        return await self._proxy.missing()

    async def _is_ready(self) -> tuple[HTTPStatus, str]:
        missing = await self._missing()
        return (HTTPStatus.SERVICE_UNAVAILABLE, missing) if missing else (HTTPStatus.OK, "ready")

    async def _drain(self) -> tuple[HTTPStatus, str]:
        self._draining = True
        if self._proxy is not None:
            await self._proxy.drain(self._options.drain_s)
        return HTTPStatus.OK, "drained"

    async def _quit(self) -> tuple[HTTPStatus, str]:
        self._signals.put_nowait(SIGTERM)
        return HTTPStatus.OK, "ending"


async def _first(*futures: asyncio.Future[None] | asyncio.Future[int]) -> None:
    await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
