"""The control plane as a process: directories in, proxies served, until it is told to end."""

from __future__ import annotations

import asyncio
import functools
import gc
import signal
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from lateen.config.diagnostics import Diagnostic
from lateen.control.follow import Follower
from lateen.control.mesh import Mesh
from lateen.control.mesh_settings import mesh_config
from lateen.control.monitoring.http import Pages
from lateen.control.monitoring.pages import Shown
from lateen.control.push.plane import Plane
from lateen.control.registry.changes import digest
from lateen.control.registry.files import Reading
from lateen.control.registry.registry import Registry
from lateen.control.secure.run import SecureOptions, secured
from lateen.control.server import Server
from lateen.control.translate.problems import problems
from lateen.control.watch import Directories

_GRACE_S = 1.0
_COLLECT_AFTER = 50_000
Say = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """How the control plane runs.

    Attributes:
        directories: with manifests, which are one mesh.
        address: `HOST:PORT` where proxies connect without TLS.
        domain: of the cluster.
        insecure: serve without TLS to others than this machine, too.
        secure: how it serves with TLS; None: it does not.
        scope_gateways: Gateways are for proxies of their own namespace alone.
        monitoring: `HOST:PORT` of metrics and debug pages.
    """

    directories: tuple[Path, ...]
    address: str = "127.0.0.1:15010"
    domain: str = "cluster.local"
    insecure: bool = False
    secure: SecureOptions | None = None
    scope_gateways: bool = False
    monitoring: str = "127.0.0.1:15014"


async def serve(options: Options, say: Say) -> None:
    """Serve until SIGTERM or SIGINT comes.

    Args:
        say: is told what happens, a line each.

    Raises:
        FileNotFoundError: there is no such directory.
        ServeError: an address cannot be listened to.
        CaError: there is no authority, and none can be made.
    """
    registry: Registry = Directories(options.directories)
    reading = registry.read()
    plane = Plane(_first_mesh(reading, options), digest(reading.resources))
    _tell((*reading.problems, *problems(plane.mesh)), say)
    server = Server(plane)
    port = server.listen_plain(options.address, insecure=options.insecure)
    async with AsyncExitStack() as stack:
        vital: list[asyncio.Task[None]] = []
        where = f"on port {port}"
        if options.secure is not None:
            opened = await stack.enter_async_context(secured(plane, options.secure, say))
            vital.append(opened.watching)
            where += f" and, with TLS, on port {opened.port}"
        follower = Follower(plane, reading, functools.partial(_told, plane, say))
        pages = Pages(Shown(plane, follower, options.directories).pages())
        stack.callback(plane.close)
        stack.callback(pages.close)
        monitoring = await pages.listen(options.monitoring)
        await server.start()
        _spare_collections()
        read = ", ".join(str(one) for one in options.directories)
        say(f"serving {len(reading.resources)} resources of {read} {where}")
        say(f"monitoring on port {monitoring}")
        vital.append(asyncio.create_task(follower.follow(registry.changes(reading))))
        told = asyncio.create_task(_told_to_end())
        try:
            # Whoever can follow no more must not look as if nothing changed.
            await asyncio.wait((*vital, told), return_when=asyncio.FIRST_COMPLETED)
            for ended in filter(asyncio.Task.done, vital):
                ended.result()
        finally:
            for task in (*vital, told):
                task.cancel()
            await server.stop(_GRACE_S)


def _first_mesh(reading: Reading, options: Options) -> Mesh:
    resources = tuple(reading.resources.values())
    return Mesh(mesh_config(resources), options.domain, resources, options.scope_gateways)


def _told(plane: Plane, say: Say, reading: Reading) -> None:
    """Say what is in force, and what is wrong."""
    _tell((*reading.problems, *problems(plane.mesh)), say)
    told = f"{len(reading.resources)} resources, {len(plane.connections)} proxies connected"
    say(f"generation {plane.generation.number}: {told}")


def _spare_collections() -> None:
    """Keep the collector of cycles from what stays: to walk it stops everything, for long."""
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 10, 1000)


def _tell(problems: Iterable[Diagnostic], say: Say) -> None:
    for problem in problems:
        say(str(problem))


async def _told_to_end() -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    await told.wait()
