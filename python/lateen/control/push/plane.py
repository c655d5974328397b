"""The proxies that are connected, and the mesh that they are to have.

A change of the mesh marks, for each proxy, the resources that may not be the same, and wakes its
stream. Each stream sends what its proxy lacks of them, at its own pace: what changes meanwhile goes
into the next push, so a slow proxy holds up no other, and none is sent what is old. Whatever takes
long is made in one other thread, so that streams go on.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from lateen.control.mesh import Mesh
from lateen.control.metrics import Metrics, short_name
from lateen.control.model.proxy import Proxy
from lateen.control.push.connection import Connection, Request
from lateen.control.push.generated import Generated, Scoped
from lateen.control.push.parts import Names
from lateen.control.push.watch import Push
from lateen.xds.messages import DeltaRequest

Made = TypeVar("Made")


@dataclass(frozen=True)
class Generation:
    """A state of the mesh; every change of what is in force makes another.

    Attributes:
        number: of changes, counted by this process.
        digest: of all resources; the same in every process that has the same.
    """

    number: int
    digest: str

    def __str__(self) -> str:
        return f"{self.number}/{self.digest}"


class Plane:
    """What is to be in force, and who is told."""

    def __init__(self, mesh: Mesh, digest: str = "", metrics: Metrics | None = None) -> None:
        self.generation = Generation(1, digest)
        self.connections: set[Connection] = set()
        self.metrics = metrics or Metrics()
        self.generated = Generated(mesh)
        self.metrics.of_mesh(mesh)
        self._numbers = itertools.count(1)
        # One thread: what is made from the same parts is made one after the other.
        self._maker = ThreadPoolExecutor(1, thread_name_prefix="generate")

    @property
    def mesh(self) -> Mesh:
        """The mesh that is in force."""
        return self.generated.mesh

    def close(self) -> None:
        """End the thread, once it has made what it makes."""
        self._maker.shutdown(wait=False, cancel_futures=True)

    async def make(self, make: Callable[[], Made]) -> Made:
        """The result of what takes long, made beside the loop."""
        return await asyncio.get_running_loop().run_in_executor(self._maker, make)

    async def update(
        self,
        mesh: Mesh,
        digest: str = "",
        since: float | None = None,
        *,
        endpoints_alone: bool = False,
    ) -> None:
        """Put another mesh in force; one caller at a time.

        Args:
            digest: of its resources.
            since: when the change came, as the monotonic clock told; None: now.
            endpoints_alone: it differs in endpoints that decide nothing but where traffic goes.
        """
        began = time.monotonic()
        proxies = [connection.proxy for connection in self.connections]
        if endpoints_alone:
            make = functools.partial(self.generated.with_endpoints, mesh)
        else:
            make = functools.partial(self.generated.after, mesh, proxies)
        self.generated, changed = await self.make(make)
        self.generation = Generation(self.generation.number + 1, digest)
        self.metrics.of_mesh(mesh)
        self.metrics.context_init.observe(time.monotonic() - began)
        for connection in self.connections:
            before = connection.scopes
            if not endpoints_alone:
                connection.scopes = self.generated.scopes.of(connection.proxy)
            same = connection.scopes == before
            self._mark(connection, changed.of(before) if same else None, since or began)

    def _mark(self, connection: Connection, changed: Names | None, at: float) -> None:
        """Tell a stream what may have changed; where nothing has, it is done."""
        connection.session.mark(changed)
        if connection.session.wants_nothing_new:
            connection.sent = self.generation.number
            connection.settle()
        else:
            connection.changed_at = connection.changed_at or at
            connection.wake.set()

    def connect(self, proxy: Proxy, peer: str = "") -> Connection:
        """A stream begins."""
        connection = Connection(next(self._numbers), proxy, self.generated.scopes.of(proxy), peer)
        connection.sent = self.generation.number
        self.connections.add(connection)
        self.metrics.clients.set(len(self.connections))
        return connection

    def disconnect(self, connection: Connection) -> None:
        """A stream has ended."""
        self.connections.discard(connection)
        connection.end()
        self.metrics.clients.set(len(self.connections))

    async def pushes(self, connection: Connection) -> AsyncIterator[Push]:
        """What a proxy is sent, one after the other, until None comes in place of a request."""
        while True:
            await connection.wake.wait()
            connection.wake.clear()
            while connection.requests:
                request = connection.requests.popleft()
                if request is None:
                    return
                found = await self._answer(connection, request)
                if found is not None:
                    yield found
            if connection.changed_at:
                async for push in self._push(connection):
                    yield push

    async def _answer(self, connection: Connection, request: Request) -> Push | None:
        session = connection.session
        stale, refusals = session.stale, session.refusals
        if isinstance(request, DeltaRequest):
            wanted = session.on_delta(request)
        else:
            wanted = session.on_sotw(request)
        if session.stale > stale:
            self.metrics.expired_nonce.add(label=short_name(request.type_url))
        if session.refusals > refusals:
            self.metrics.rejects.add(label=short_name(request.type_url))
        found = None
        if wanted:
            scoped = await self._scoped(connection, request.type_url)
            found = session.answer_to(request.type_url, scoped, str(self.generation))
            if not session.wants_nothing_new:
                connection.changed_at = connection.changed_at or time.monotonic()
        connection.settle()
        return found

    async def _push(self, connection: Connection) -> AsyncIterator[Push]:
        """Everything that was marked, type by type, each as it is when its turn comes."""
        began, connection.changed_at = connection.changed_at, 0.0
        self.metrics.queue_time.observe(time.monotonic() - began)
        generation = self.generation.number
        for type_url in connection.session.order():
            if connection.session.watches[type_url].pending != set():
                scoped = await self._scoped(connection, type_url)
                found = connection.session.answer_to(type_url, scoped, str(self.generation))
                if found is not None:
                    yield found
        connection.sent = max(connection.sent, generation)
        connection.settle()
        self.metrics.convergence.observe(time.monotonic() - began)

    async def _scoped(self, connection: Connection, type_url: str) -> Scoped:
        """The resources of a proxy as they are now, with those that it wants of a type made."""
        watch = connection.session.watches[type_url]
        while True:
            generated = self.generated
            if watch.pending is not None:
                there = generated.find(connection.scopes)
                if there is not None and there.has(type_url, watch.pending):
                    return there
            names = set(watch.names if watch.pending is None else watch.pending)
            make = functools.partial(generated.prepared, connection.proxy, type_url, names)
            scoped = await self.make(make)
            if generated is self.generated:
                return scoped
