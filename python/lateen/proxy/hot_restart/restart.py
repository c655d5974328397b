"""Hot restart as the main thread uses it: a child that takes over, then a parent."""

from __future__ import annotations

import asyncio
import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING

from lateen.proxy.hot_restart.channel import close_all
from lateen.proxy.hot_restart.child import NoParentError, Parent, ParentError, ParentGoneError
from lateen.proxy.hot_restart.claim import Claim, ClaimError, claim, claim_dynamic
from lateen.proxy.hot_restart.hello import CHILD, Hello
from lateen.proxy.hot_restart.names import socket_name
from lateen.proxy.hot_restart.parent import ParentServer, Replaceable
from lateen.proxy.hot_restart.stats import Counted, InheritedStats
from lateen.proxy.hot_restart.status import RestartError, RestartStatus
from lateen.proxy.hot_restart.wire import HOT_RESTART_VERSION, PROTOCOL

if TYPE_CHECKING:
    from lateen.proxy.log.logger import Log
    from lateen.proxy.options import Options
    from lateen.proxy.workers import Workers

_COMPONENT = "main"


def own_hello(role: str, epoch: int) -> Hello:
    """What this process says of itself to others."""
    from lateen.proxy.version import package_version

    return Hello(role, PROTOCOL, f"lateen {package_version()}", os.getpid(), epoch)


class HotRestart:
    """The hot restart of one process.

    Attributes:
        options: with the base id that was chosen.
        status: for /server_info and the stats.
        inherited: what former processes have counted.
    """

    def __init__(self, options: Options, log: Log, held: Claim, parent: Parent | None) -> None:
        self.options = options
        self.status = RestartStatus(HOT_RESTART_VERSION, options.restart_epoch, True, 0, 1)
        self.inherited = InheritedStats()
        self._log = log
        self._claim = held
        self._parent = parent
        self._server: ParentServer | None = None
        self._following: asyncio.Task[None] | None = None
        if parent is not None:
            self.status.age_before_s = parent.hello.age_s

    @classmethod
    def begin(cls, options: Options, log: Log) -> HotRestart:
        """Takes this process's name, and finds the parent where there is to be one.

        Raises:
            RestartError: the name is taken, or there is no parent to take over from.
        """
        epoch, path = options.restart_epoch, options.socket_path
        try:
            if options.use_dynamic_base_id:
                held = claim_dynamic(path, options.socket_mode)
                options = dataclasses.replace(options, base_id=held.base_id)
            else:
                held = claim(path, options.base_id, epoch, options.socket_mode)
            if options.base_id_path:
                Path(options.base_id_path).write_text(str(held.base_id))
        except ClaimError as error:
            raise RestartError(str(error)) from None
        except OSError as error:
            held.release()
            where = options.base_id_path
            raise RestartError(f"cannot write {where}: {error.strerror}") from None
        parent = None
        try:
            if epoch:
                name = socket_name(path, options.base_id, epoch - 1)
                parent = Parent.connect(name, own_hello(CHILD, epoch))
        except ParentError as error:
            if not (isinstance(error, NoParentError) and options.skip_hot_restart_on_no_parent):
                held.release()
                raise RestartError(f"hot restart: {error}") from None
            log.warning(_COMPONENT, f"hot restart: no process of epoch {epoch - 1}: starting alone")
        log.info(
            _COMPONENT,
            f"initializing epoch {epoch} (base id={options.base_id},"
            f" hot restart version={HOT_RESTART_VERSION})",
        )
        return cls(options, log, held, parent)

    def adopt_sockets(self, workers: Workers) -> None:
        """Hands the parent's listening sockets to the workers, before they get listeners.

        Raises:
            RestartError: the parent does not hand them over.
        """
        if self._parent is None:
            return
        try:
            sockets = self._parent.sockets()
        except ParentGoneError as error:
            self._lose_parent(error)
            return
        except ParentError as error:
            raise RestartError(f"hot restart: {error}") from None
        self.status.generation = self._parent.generation + 1
        try:
            workers.adopt_sockets(sockets)
        finally:
            close_all(sockets)

    def serve(self, process: Replaceable) -> None:
        """Answers children from now on."""
        self._server = ParentServer(self._claim, process, self._log)

    async def take_admin(self) -> None:
        """Lets the parent close its admin listener; to be called before one is bound here.

        Raises:
            RestartError: the parent is there but does not answer.
        """
        if self._parent is None:
            return
        try:
            await asyncio.to_thread(self._parent.give_up_admin)
        except ParentGoneError as error:
            self._lose_parent(error)
        except ParentError as error:
            raise RestartError(f"hot restart: {error}") from None

    async def take_over(self, workers: Workers, stats_interval_s: float) -> None:
        """Lets the parent drain, once the workers here accept; then follows it to its end."""
        workers.core.release_sockets()
        self.status.initializing = False
        if self._parent is None:
            return
        counted = await self._drain(self._parent)
        if counted is None:
            return
        self._log.info(_COMPONENT, f"took over from {self._parent.who}")
        if not self.options.skip_hot_restart_parent_stats:
            self.inherited.take(counted)
        self._following = asyncio.create_task(self._follow(self._parent, stats_interval_s))

    async def _drain(self, parent: Parent) -> Counted | None:
        """Tells the parent to drain; what it has counted, None if it cannot be told."""
        options = self.options
        gradual = options.drain_strategy == "gradual"
        try:
            return await asyncio.to_thread(
                parent.drain, options.drain_time_s, options.parent_shutdown_time_s, gradual
            )
        except ParentGoneError as error:
            self._lose_parent(error)
        except ParentError as error:
            self._log.error(_COMPONENT, f"hot restart: {error}: end it, it was not told to drain")
            self._forget_parent()
        return None

    async def _follow(self, parent: Parent, interval_s: float) -> None:
        """Reads the parent's stats until it has nothing left to do or its time is over."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self.options.parent_shutdown_time_s
        keep = not self.options.skip_hot_restart_parent_stats
        try:
            idle = False
            while not idle and (left := end - loop.time()) > 0:
                await asyncio.sleep(min(interval_s, left))
                counted, idle = await asyncio.to_thread(parent.stats)
                if keep:
                    self.inherited.take(counted)
            await self.end_parent()
        except ParentError as error:
            self._lose_parent(error)

    async def end_parent(self) -> None:
        """Ends the parent, if it is still there, and keeps what it has counted."""
        if self._parent is None:
            return
        parent = self._parent
        if self._following not in (None, asyncio.current_task()):
            self._following.cancel()
        try:
            counted = await asyncio.to_thread(parent.terminate)
            if not self.options.skip_hot_restart_parent_stats:
                self.inherited.take(counted)
            self._log.info(_COMPONENT, f"shutting down parent after drain: {parent.who}")
            self._forget_parent()
        except ParentError as error:
            self._lose_parent(error)

    @property
    def has_parent(self) -> bool:
        """Whether a parent is still alive."""
        return self._parent is not None

    async def close(self) -> None:
        """Lets go of parent and child; the name is free. Idempotent."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)
        if self._server is not None:
            await self._server.close()
        self.release()

    def release(self) -> None:
        """As `close`, for a process whose loop never ran or has ended."""
        self._claim.release()
        self._forget_parent()

    def _lose_parent(self, error: ParentError) -> None:
        self._log.warning(_COMPONENT, f"hot restart: {error}: going on without it")
        self._forget_parent()

    def _forget_parent(self) -> None:
        if self._parent is not None:
            self._parent.close()
            self._parent = None
            self.inherited.parent_gone()
