"""What runs a mesh: the control plane, and an instance's sidecar with its application."""

from __future__ import annotations

import os
from asyncio.subprocess import DEVNULL, PIPE, create_subprocess_exec
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lateen.agent.launch import LATEEN
from lateen.control.ca.tokens import TokenError, Tokens
from lateen.mesh import commands
from lateen.mesh.commands import Folders
from lateen.mesh.namespaces import SIDECAR_GROUP, Namespaces
from lateen.mesh.plan import Instance, Network
from lateen.mesh.process import Program, StartError
from lateen.mesh.ready import answers, listens
from lateen.mesh.workloads import Role

CONTROL = "control"
_TOKEN_LIFE_S = 600.0
_READY = "/healthz/ready"


@dataclass(frozen=True)
class Programs:
    """Makes the programs of a mesh.

    Attributes:
        network: the addresses.
        folders: what the mesh keeps.
        base: the directory of the mesh file.
        resources: the directory with Istio's resources; None: there is none.
        namespaces: of the instances; None: they share the machine's.
        envoy: runs in place of Lateen's proxy.
    """

    network: Network
    folders: Folders
    base: Path
    resources: Path | None
    namespaces: Namespaces | None
    envoy: Path | None

    def control(self) -> Program:
        """The control plane."""
        argv = [*LATEEN, *commands.control(self.network, self.folders, self.resources)]

        async def command() -> Sequence[str]:
            return argv

        async def is_ready(_: int) -> bool:
            return await answers(self.network.monitoring, commands.MONITORING_PORT, "/ready")

        return Program(CONTROL, command, is_ready, self.base, _environment({}))

    async def in_force(self) -> str:
        """Wait until every sidecar knows who takes requests; returns what is missing in the end."""
        argv = [*LATEEN, *commands.wait(self.network, self.folders)]
        waiting = await create_subprocess_exec(*argv, stdout=DEVNULL, stderr=PIPE)
        _, told = await waiting.communicate()
        return told.decode("utf-8", "replace").strip() if waiting.returncode else ""

    def instance(self, one: Instance) -> Program:
        """An instance."""
        outside = one.workload.role is Role.OUTSIDE

        async def command() -> Sequence[str]:
            argv = one.workload.command if outside else self._sidecar(one)
            return argv if self.namespaces is None else self.namespaces.inside(one, argv)

        async def is_ready(pid: int) -> bool:
            if not outside and not await answers(one.address, one.ready_port, _READY):
                return False
            # A gateway is sent its ports when a resource tells them.
            return one.workload.role is Role.GATEWAY or listens(
                pid, one.host, [served.bound for served in one.ports]
            )

        directory = self.base / one.workload.directory
        group = SIDECAR_GROUP if self.namespaces is not None and not outside else None
        environment = _environment(one.environment)
        return Program(one.name, command, is_ready, directory, environment, group)

    def _sidecar(self, one: Instance) -> Sequence[str]:
        """Its command; with a new token, since each can be used once.

        Raises:
            StartError: no token can be made.
        """
        workload = one.workload
        tokens = Tokens(self.folders.authority)
        try:
            token = tokens.create(workload.namespace, workload.service_account, _TOKEN_LIFE_S)
            self.folders.of(one).mkdir(mode=0o700, parents=True, exist_ok=True)
            file = self.folders.token(one)
            file.unlink(missing_ok=True)
            with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
                opened.write(token)
        except (OSError, TokenError) as error:
            raise StartError(str(error)) from None
        return [*LATEEN, *commands.sidecar(one, self.network, self.folders, self.envoy)]


def _environment(own: Mapping[str, str]) -> Mapping[str, str]:
    """That of this process and what is given; the machine's HTTP proxy is none for a mesh."""
    taken = {
        name: value
        for name, value in os.environ.items()
        if name.lower() not in ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
    }
    return {"PYTHONUNBUFFERED": "1", **taken, **own}
