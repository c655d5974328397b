"""`lateen translate`: prints what a proxy would be sent, from a directory of manifests."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from lateen.control.model.proxy import Interception, NodeError, parse_node
from lateen.control.offline import KINDS, load, translate


def run(
    directories: Annotated[list[Path], typer.Argument(metavar="DIR...", help="with manifests")],
    proxy: Annotated[
        str, typer.Option(metavar="ID", help="TYPE~ADDRESS~NAME.NAMESPACE~NAMESPACE.svc.DOMAIN")
    ],
    label: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="of the proxy's workload")
    ] = None,
    interception: Annotated[
        str, typer.Option(metavar="MODE", help=f"of traffic: {', '.join(Interception.__members__)}")
    ] = "REDIRECT",
    locality: Annotated[
        str, typer.Option(metavar="REGION/ZONE/SUBZONE", help="where the proxy runs")
    ] = "",
    dns_capture: Annotated[
        bool, typer.Option("--dns-capture", help="the application looks names up with the proxy")
    ] = False,
    only: Annotated[
        str, typer.Option(metavar="KIND", help=f"one of {', '.join(KINDS)}; default: all")
    ] = "",
    private_keys: Annotated[
        bool, typer.Option("--private-keys", help="show the private keys of secrets")
    ] = False,
) -> int:
    """Print the xDS that a proxy would get, as JSON.

    What is wrong in the directories is told on standard error; the rest is translated.
    """
    try:
        node = parse_node(
            proxy,
            labels=_labels(label or []),
            locality=locality,
            interception=_interception(interception),
            dns_capture=dns_capture,
        )
        if only and only not in KINDS:
            raise NodeError(f"{only!r} is none of {', '.join(KINDS)}")
        mesh, problems = load(directories, node.cluster_domain)
    except (NodeError, FileNotFoundError) as error:
        print(f"lateen translate: {error}", file=sys.stderr)
        return 1
    for problem in problems:
        print(problem, file=sys.stderr)
    made = translate(mesh, node, private_keys=private_keys)
    print(json.dumps({kind: made[kind] for kind in KINDS if only in ("", kind)}, indent=2))
    return 1 if any(problem.severity == "error" for problem in problems) else 0


def _interception(name: str) -> Interception:
    """The mode of a name.

    Raises:
        NodeError: there is none of this name.
    """
    modes = Interception.__members__
    if name not in modes:
        raise NodeError(f"--interception: {name!r} is none of {', '.join(modes)}")
    return modes[name]


def _labels(written: list[str]) -> dict[str, str]:
    """Labels by name.

    Raises:
        NodeError: one has no value.
    """
    for one in written:
        if "=" not in one:
            raise NodeError(f"--label: {one!r} is not NAME=VALUE")
    return {name: value for name, _, value in (one.partition("=") for one in written)}
