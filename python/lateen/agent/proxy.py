"""The proxy beside the agent: how it is started and asked."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
from collections.abc import Mapping, Sequence

from lateen.agent.bootstrap import bootstrap
from lateen.agent.child import Child
from lateen.agent.launch import LATEEN
from lateen.agent.options import Options
from lateen.agent.state import State

_ASK_LIMIT_S = 2.0
_UPDATES = ("cluster_manager.cds.update_success", "listener_manager.lds.update_success")
_OPEN_CONNECTIONS = re.compile(r"listener\.(?!admin\.).*\.downstream_cx_active")
# A proxy that drained ends at once; so long Lateen may still wait for what is in flight.
_END_LIMIT_S = 5.0


class Proxy:
    """A running proxy, Lateen or Envoy."""

    def __init__(self, child: Child, state: State) -> None:
        self._child = child
        self._state = state

    @classmethod
    async def start(cls, options: Options, state: State) -> Proxy:
        """Start it.

        Raises:
            ChildError: it cannot be started.
            StateError: its bootstrap cannot be written.
        """
        text = json.dumps(bootstrap(options, state.socket), indent=1)
        state.write(state.bootstrap, text.encode())
        return cls(await Child.start(_command(options, state)), state)

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._child.pid

    async def wait(self) -> int:
        """The exit code, once it has ended."""
        return await self._child.wait()

    async def end(self) -> None:
        """End it."""
        await self._child.end(_END_LIMIT_S)

    async def missing(self) -> str:
        """What it is not ready for want of; empty: it is.

        It must serve, with clusters and listeners of the control plane.
        """
        try:
            status, text = await self._ask("GET", "/ready")
            if status != http.HTTPStatus.OK:
                return f"the proxy is {text.strip() or status}"
            stats = await self._stats(r"update_success")
        except (OSError, ValueError, http.client.HTTPException):
            return "the proxy does not answer"
        for name in _UPDATES:
            if not stats.get(name):
                return f"no configuration of the control plane yet ({name} is 0)"
        return ""

    async def drain(self, limit_s: float) -> None:
        """Take no more from outside, and wait until connections have ended, or for a while."""
        try:
            await self._ask("POST", "/drain_listeners?inboundonly&graceful&skip_exit")
            async with asyncio.timeout(limit_s):
                while any((await self._open_connections()).values()):
                    await asyncio.sleep(0.1)
        except (OSError, ValueError, http.client.HTTPException):
            return

    async def _open_connections(self) -> Mapping[str, int]:
        stats = await self._stats("downstream_cx_active")
        return {name: n for name, n in stats.items() if _OPEN_CONNECTIONS.fullmatch(name)}

    async def _stats(self, pattern: str) -> Mapping[str, int]:
        _, text = await self._ask("GET", f"/stats?filter={pattern}")
        lines = (line.rpartition(": ") for line in text.splitlines())
        return {name: int(value) for name, _, value in lines if value.isdigit()}

    async def _ask(self, method: str, target: str) -> tuple[int, str]:
        return await asyncio.to_thread(self._exchange, method, target)

    def _exchange(self, method: str, target: str) -> tuple[int, str]:
        host, _, port = self._state.admin_address.read_text().strip().rpartition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=_ASK_LIMIT_S)
        try:
            connection.request(method, target)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()


def _command(options: Options, state: State) -> Sequence[str]:
    program = [*LATEEN, "proxy"] if options.envoy is None else [str(options.envoy)]
    return [
        *program,
        "-c", str(state.bootstrap),
        "--admin-address-path", str(state.admin_address),
        "--concurrency", str(options.concurrency),
        "--log-level", options.proxy_log_level,
        "--drain-strategy", "immediate",
        "--drain-time-s", str(max(1, round(options.drain_s))),
        "--disable-hot-restart",
    ]  # fmt: skip
