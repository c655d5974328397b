"""A serving proxy as its successor sees it."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lateen.proxy.hot_restart.channel import close_all
from lateen.proxy.hot_restart.hello import Hello
from lateen.proxy.hot_restart.restart import HotRestart, own_hello
from lateen.proxy.hot_restart.stats import Counted, export
from lateen.proxy.memory import memory_use

if TYPE_CHECKING:
    from lateen.proxy.admin.listener import AdminListener
    from lateen.proxy.hot_restart.wire import Message
    from lateen.proxy.lifecycle import Lifecycle
    from lateen.proxy.log.logger import Log
    from lateen.proxy.stats.source import StatsSource
    from lateen.proxy.workers import Workers


@dataclass
class ProxyProcess:
    """What `parent.Replaceable` asks for, done by the parts of a running proxy.

    Attributes:
        admin: the admin listener, once there is one.
    """

    restart: HotRestart
    lifecycle: Lifecycle
    workers: Workers
    stats: StatsSource
    log: Log
    admin: AdminListener | None = None

    def hello(self) -> Hello:
        """Who this is, and in which state."""
        status = self.restart.status
        return own_hello("parent", status.epoch)._replace(
            state=self.lifecycle.stage.name, age_s=status.age_before_s + self.lifecycle.uptime_s
        )

    def command(self) -> Message:
        """How this process was started."""
        return {
            "type": "command",
            "argv": [sys.executable, *sys.orig_argv[1:]],
            "cwd": os.getcwd(),
            "environment": dict(os.environ),
            "base_id": self.restart.options.base_id,
        }

    @property
    def generation(self) -> int:
        """The stat server.hot_restart_generation."""
        return self.restart.status.generation

    def sockets(self) -> list[int]:
        """The listening sockets of all workers.

        Raises:
            WorkersError: a worker does not answer, or there are no descriptors left.
        """
        return self.workers.listening_sockets()

    def counted(self) -> Counted:
        """All stats, with those of former processes."""
        inherited = self.restart.inherited
        return export(
            self.stats.snapshot(),
            self.workers.core.active_connections() + inherited.connections,
            memory_use().anonymous + inherited.memory,
        )

    async def give_up_admin(self) -> None:
        """The child binds the admin address next."""
        if self.admin is not None:
            self.admin.stop_listening()

    async def reopen_admin(self) -> None:
        """There is no child after all."""
        from lateen.proxy.admin.listener import AdminBindError

        if self.admin is None:
            return
        try:
            await self.admin.listen()
        except AdminBindError as error:
            self.log.error("admin", str(error))

    async def begin_drain(self, drain_s: int, gradual: bool) -> None:
        """Stops accepting; returns when no worker accepts any more."""
        self.lifecycle.hand_over(drain_s * 1000 if gradual else 0)
        if self.admin is not None:
            await self.admin.close()
        # Workers answer in the order in which they are told, so none of them accepts after this.
        close_all(self.workers.listening_sockets())

    def is_idle(self) -> bool:
        """Nothing is left to do here, nor for a parent, which tells its counts to this process."""
        return self.workers.core.active_connections() == 0 and not self.restart.has_parent

    async def close_connections(self) -> None:
        """Ends the own parent first: what it has counted is counted here."""
        await self.restart.end_parent()
        await asyncio.to_thread(self.workers.core.shutdown)

    def end(self) -> None:
        """Lets the process end."""
        self.lifecycle.end()
