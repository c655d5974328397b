"""Runs the programs of a mesh together: in order, until it is told to end."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Sequence

from lateen.mesh import manifests
from lateen.mesh.commands import Folders, monitoring
from lateen.mesh.console import Screen
from lateen.mesh.plan import Plan
from lateen.mesh.process import State, Supervised
from lateen.mesh.programs import Programs

# A sidecar drains, then its application ends.
_GRACE_S = 10.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Supervisor:
    """The programs of a mesh.

    Args:
        plan: what is to run.
        programs: makes what runs.
        folders: where the manifest of those that are ready is written.
        screen: where what happens is shown.
    """

    def __init__(self, plan: Plan, programs: Programs, folders: Folders, screen: Screen) -> None:
        self._plan, self._programs, self._folders = plan, programs, folders
        self._screen = screen
        control = programs.control()
        self._control = Supervised(control, screen.of(control.name), self._changed)
        self._instances: dict[str, Supervised] = {}
        for one in plan.instances:
            program = programs.instance(one)
            self._instances[one.name] = Supervised(program, screen.of(one.name), self._changed)
        self._told = asyncio.Event()
        self._written: frozenset[str] | None = None
        self._began = time.monotonic()

    async def run(self) -> None:
        """Run until a signal comes; a second one leaves no time to drain."""
        self._write_endpoints()
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._signalled)
        self._screen.show(self._all)
        self._control.begin()
        starting = asyncio.create_task(self._start())
        await self._told.wait()
        starting.cancel()
        self._screen.say("ending")
        await asyncio.gather(*(one.end(_GRACE_S) for one in self._instances.values()))
        await self._control.end(_GRACE_S)

    @property
    def _all(self) -> Sequence[Supervised]:
        return [self._control, *self._instances.values()]

    async def _start(self) -> None:
        await self._control.was_ready.wait()
        for one in self._instances.values():
            one.begin()
        for one in self._instances.values():
            await one.was_ready.wait()
        if missing := await self._programs.in_force():
            self._screen.say(missing)
        self._tell_where()

    def _signalled(self) -> None:
        if self._told.is_set():
            for one in self._all:
                one.kill()
        self._told.set()

    def _changed(self, one: Supervised) -> None:
        status = one.status
        if status.state is State.ready or status.detail:
            self._screen.say(f"{one.program.name}: {status.detail or status.state}")
        self._write_endpoints()

    def _write_endpoints(self) -> None:
        """Tell the control plane who takes requests."""
        ready = frozenset(
            name for name, one in self._instances.items() if one.status.state is State.ready
        )
        if ready == self._written:
            return
        self._written = ready
        text = manifests.text_of(manifests.changing(self._plan, ready))
        part = self._folders.manifests / ".endpoints.part"
        part.write_text(text)
        part.replace(self._folders.endpoints)

    def _tell_where(self) -> None:
        seconds = time.monotonic() - self._began
        say, network = self._screen.say, self._plan.network
        say(f"ready after {seconds:.1f} s: {len(self._instances)} instances")
        for one in self._plan.instances:
            say(f"  {one.name}: {', '.join(f'{one.address}:{p.target}' for p in one.ports)}")
        where = monitoring(network)
        say(f"  control plane: lateen proxy-status --monitoring {where}, http://{where}/metrics")
        if self._programs.resources is not None:
            say(f"  resources in {self._programs.resources}: what changes there is taken over")
        say(f"  state in {self._folders.state}; Ctrl-C ends all")
