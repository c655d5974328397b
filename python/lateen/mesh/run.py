"""A whole mesh on this machine, from a mesh file until it is told to end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from lateen.mesh import manifests, namespaces
from lateen.mesh.children import adopt_orphans, end_descendants
from lateen.mesh.claim import claimed_number
from lateen.mesh.commands import Folders
from lateen.mesh.console import screen
from lateen.mesh.namespaces import NamespaceError, Namespaces
from lateen.mesh.plan import Mode, Network, Plan, plan
from lateen.mesh.ports import free_ports
from lateen.mesh.programs import CONTROL, Programs
from lateen.mesh.reading import read_mesh_file
from lateen.mesh.state import state_directory
from lateen.mesh.supervisor import Supervisor


@dataclass(frozen=True)
class Options:
    """How a mesh runs.

    Attributes:
        file: the mesh file.
        mode: how instances are kept apart; None: in namespaces where they can be made.
        envoy: a program that runs in place of Lateen's proxy.
        state: the directory of what the mesh makes; None: one that is removed at the end.
    """

    file: Path
    mode: Mode | None = None
    envoy: Path | None = None
    state: Path | None = None


async def up(options: Options) -> None:
    """Run a mesh until SIGINT, SIGTERM or SIGHUP comes; nothing of it is left then.

    Raises:
        MeshFileError: the mesh file cannot be used.
        ClaimError: too many meshes run on this machine.
        NamespaceError: namespaces are asked for, and cannot be made.
        PortsError: no port is free.
        StateError: the state directory cannot be used.
    """
    file = read_mesh_file(options.file)
    base = options.file.absolute().parent
    mode, why = _mode(options.mode)
    with ExitStack() as stack:
        number = stack.enter_context(claimed_number())
        ports = free_ports(number)
        made = plan(file, Network(mode, number), lambda: next(ports))
        folders = Folders(stack.enter_context(state_directory(options.state, number)))
        _write_manifests(made, folders)
        adopt_orphans()
        apart = stack.enter_context(_namespaces(made)) if mode is Mode.namespaces else None
        stack.callback(end_descendants)
        programs = Programs(
            made.network,
            folders,
            base,
            base / file.resources if file.resources else None,
            apart,
            options.envoy.absolute() if options.envoy else None,
        )
        addresses = {CONTROL: made.network.control}
        addresses |= {one.name: one.address for one in made.instances}
        shown = stack.enter_context(screen(addresses))
        if why:
            shown.say(f"without network namespaces: {why}")
        await Supervisor(made, programs, folders, shown).run()


def _mode(wanted: Mode | None) -> tuple[Mode, str]:
    """The mode, and why it is not that of namespaces when nobody asked for another.

    Raises:
        NamespaceError: namespaces are asked for, and cannot be made.
    """
    if wanted is Mode.loopback:
        return Mode.loopback, ""
    why = namespaces.missing()
    if why and wanted is Mode.namespaces:
        raise NamespaceError(f"no network namespace can be made: {why}")
    return (Mode.loopback, why) if why else (Mode.namespaces, "")


def _write_manifests(made: Plan, folders: Folders) -> None:
    folders.manifests.mkdir(mode=0o700, exist_ok=True)
    (folders.manifests / "mesh.yaml").write_text(manifests.text_of(manifests.fixed(made)))


@contextmanager
def _namespaces(made: Plan) -> Iterator[Namespaces]:
    found = Namespaces(made.network)
    try:
        found.make(made.instances)
        yield found
    finally:
        found.remove()
