"""The proxies that are connected, and the mesh that they are to have.

A change of the mesh wakes every stream. Each sends what its proxy lacks, at its own pace: what
changes meanwhile goes into the next push, so a slow proxy holds up no other, and none is sent what
is old. How many streams generate at once is limited.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from lateen.control.mesh import Mesh
from lateen.control.model.proxy import Proxy
from lateen.control.push.generated import Generated
from lateen.control.push.session import Session
from lateen.xds.messages import DeltaRequest, Response, SotwRequest

PARALLEL_PUSHES = 100

Request = DeltaRequest | SotwRequest


@dataclass(eq=False)
class Connection:
    """One stream of a proxy.

    Attributes:
        proxy: who it is.
        session: what it wants and has.
        generation: of the mesh that it was last sent.
    """

    proxy: Proxy
    session: Session = field(default_factory=Session)
    generation: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class Plane:
    """What is to be in force, and who is told."""

    def __init__(self, mesh: Mesh, parallel_pushes: int = PARALLEL_PUSHES) -> None:
        self.generation = 1
        self.connections: set[Connection] = set()
        self._generated = Generated(mesh)
        self._pushes = asyncio.Semaphore(parallel_pushes)

    @property
    def mesh(self) -> Mesh:
        """The mesh that is in force."""
        return self._generated.mesh

    def update(self, mesh: Mesh) -> None:
        """Put another mesh in force."""
        self.generation += 1
        self._generated = Generated(mesh)
        for connection in self.connections:
            connection.changed.set()

    async def serve(
        self, proxy: Proxy, requests: asyncio.Queue[Request | None]
    ) -> AsyncIterator[Response]:
        """What a proxy is sent, until None comes in place of a request."""
        connection = Connection(proxy)
        self.connections.add(connection)
        try:
            async for response in self._serve(connection, requests):
                yield response
        finally:
            self.connections.discard(connection)

    async def _serve(
        self, connection: Connection, requests: asyncio.Queue[Request | None]
    ) -> AsyncIterator[Response]:
        asked = asyncio.ensure_future(requests.get())
        try:
            while True:
                changed = asyncio.ensure_future(connection.changed.wait())
                await asyncio.wait((asked, changed), return_when=asyncio.FIRST_COMPLETED)
                changed.cancel()
                if asked.done():
                    request = asked.result()
                    if request is None:
                        return
                    asked = asyncio.ensure_future(requests.get())
                    for response in await self._answer(connection, request):
                        yield response
                if connection.changed.is_set():
                    connection.changed.clear()
                    for response in await self._push(connection):
                        yield response
        finally:
            asked.cancel()

    async def _answer(self, connection: Connection, request: Request) -> list[Response]:
        session = connection.session
        if isinstance(request, DeltaRequest):
            wanted = session.on_delta(request)
        else:
            wanted = session.on_sotw(request)
        if not wanted:
            return []
        async with self._pushes:
            found = session.answer_to(request.type_url, self._generated.of(connection.proxy))
        return [found] if found is not None else []

    async def _push(self, connection: Connection) -> list[Response]:
        async with self._pushes:
            connection.generation = self.generation
            return connection.session.push(self._generated.of(connection.proxy))
