"""`lateen up`: runs a whole mesh on this machine."""

from __future__ import annotations

import asyncio
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from lateen.mesh.claim import ClaimError
from lateen.mesh.namespaces import NamespaceError
from lateen.mesh.plan import Mode
from lateen.mesh.ports import PortsError
from lateen.mesh.reading import MeshFileError
from lateen.mesh.run import Options, up
from lateen.mesh.state import StateError


class Wanted(StrEnum):
    """How instances are kept apart."""

    auto = "auto"
    namespaces = "namespaces"
    loopback = "loopback"


def run(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="names the services (docs/up.md)")],
    mode: Annotated[
        Wanted,
        typer.Option(help="a network namespace each (as root), or an address of the loopback each"),
    ] = Wanted.auto,
    envoy: Annotated[
        Path | None, typer.Option(metavar="BINARY", help="an Envoy in place of Lateen's proxy")
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="keeps keys and manifests; else they are removed"),
    ] = None,
) -> int:
    """Run the services of a file as a mesh, each with a sidecar, and restart what dies."""
    wanted = None if mode is Wanted.auto else Mode(mode)
    try:
        asyncio.run(up(Options(file, wanted, envoy, state)))
    except MeshFileError as error:
        print(error, file=sys.stderr)
        return 1
    except (ClaimError, NamespaceError, PortsError, StateError) as error:
        print(f"lateen up: {error}", file=sys.stderr)
        return 1
    return 0
