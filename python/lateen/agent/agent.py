"""The agent: what a proxy and its application ask for, from one place."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta

import grpc.aio

from lateen.agent.certificates import Certificates, Wanted
from lateen.agent.credentials import Credentials
from lateen.agent.names.forward import RESOLV_CONF, Forwarder, Resolving, read_resolv_conf
from lateen.agent.names.server import NameServer
from lateen.agent.names.table import NamesError, Viewpoint, names_of
from lateen.agent.options import Options
from lateen.agent.relay import Relay
from lateen.agent.secrets.service import SecretService
from lateen.agent.service import Service
from lateen.agent.state import State
from lateen.agent.upstream import Upstream
from lateen.xds.messages import Response


class Agent:
    """Keeps the workload's identity, passes configuration on, and answers names.

    Args:
        options: of the sidecar.
        state: its directory.
        say: is told what happens, a line each.

    Attributes:
        broken: has the error of a part that cannot go on, once there is one.
    """

    def __init__(self, options: Options, state: State, say: Callable[[str], None]) -> None:
        self.broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._options = options
        self._socket = state.socket
        self._upstream = Upstream(options.discovery, None if options.plaintext else options.ca_root)
        life = timedelta(seconds=options.certificate_life_s) or None
        wanted = Wanted(options.identity, options.token_file, life, options.grace_ratio)
        self._certificates = Certificates(wanted, self._upstream, state, say)
        self._certified = asyncio.Event()
        self._secrets = SecretService(say)
        self._relay = Relay(self._open_channel, self._take_names, say)
        resolving = _resolving(options)
        search = resolving.search[0] if resolving.search else ""
        self._viewpoint = Viewpoint(options.namespace, options.domain, search)
        self._names = NameServer(Forwarder(resolving.resolvers))

    async def start(self, stack: AsyncExitStack) -> int:
        """Serve until the stack is left; returns the port of DNS.

        Raises:
            NameServerError: that port is taken.
        """
        port = await self._names.listen(self._options.dns_port)
        stack.callback(self._names.close)
        service = Service(self._socket, (self._relay.handler(), self._secrets.handler()))
        await service.start()
        stack.push_async_callback(service.stop)
        self._begin(stack, self._secrets.watch_files())
        if self._options.plaintext:
            self._certified.set()
        else:
            self._begin(stack, self._certificates.keep(self._put))
        return port

    async def certified(self) -> None:
        """Wait until the workload has a certificate, if it is to have one."""
        await self._certified.wait()

    @property
    def problem(self) -> str:
        """Why the workload has no certificate, or none that is newer; empty: all is well."""
        return "" if self._options.plaintext else self._certificates.problem

    def _begin(self, stack: AsyncExitStack, work: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(work)
        task.add_done_callback(self._over)
        stack.callback(task.cancel)

    def _over(self, task: asyncio.Future[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None and not self.broken.done():
            self.broken.set_exception(error)

    def _put(self, credentials: Credentials) -> None:
        self._secrets.put(credentials)
        self._certified.set()

    def _open_channel(self) -> grpc.aio.Channel:
        return self._upstream.open(self._certificates.current)

    def _take_names(self, response: Response) -> str | None:
        try:
            self._names.names = names_of(response, self._viewpoint)
        except NamesError as error:
            return str(error)
        return None


def _resolving(options: Options) -> Resolving:
    """How the machine looks names up, unless the options say otherwise."""
    try:
        found = read_resolv_conf(RESOLV_CONF.read_text())
    except OSError:
        found = Resolving()
    return replace(found, resolvers=options.resolvers) if options.resolvers else found
