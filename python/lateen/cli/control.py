"""`lateen control`: serves directories of manifests to the proxies of a mesh."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from lateen.control.addresses import ServeError
from lateen.control.ca.authority import CaError
from lateen.control.run import Options, serve
from lateen.control.secure.run import SecureOptions


def run(
    directories: Annotated[
        list[Path], typer.Argument(metavar="DIR...", help="with manifests; they are watched")
    ],
    address: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="where proxies connect, without TLS")
    ] = Options.address,
    monitoring_address: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="where metrics and debug pages are")
    ] = Options.monitoring,
    domain: Annotated[str, typer.Option(help="of the cluster")] = Options.domain,
    insecure_plaintext: Annotated[
        bool, typer.Option("--insecure-plaintext", help="serve others than this machine, too")
    ] = False,
    ca: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="serve with TLS, too, by the authority of this directory; made if there is none",
        ),
    ] = None,
    secure_address: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="where proxies connect with TLS")
    ] = SecureOptions.address,
    san: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="a host or address that proxies call this server by"),
    ] = None,
    scope_gateways: Annotated[
        bool,
        typer.Option(
            "--scope-gateways",
            envvar="PILOT_SCOPE_GATEWAY_TO_NAMESPACE",
            help="Gateways are for proxies of their own namespace alone",
        ),
    ] = False,
) -> int:
    """Serve Istio's resources to proxies over xDS, and what changes in them as it changes."""
    if ca is None and (san or secure_address != SecureOptions.address):
        _say("lateen control: --secure-address and --san need --ca: the authority of the mesh")
        return 1
    secure = SecureOptions(ca, secure_address, tuple(san or ())) if ca is not None else None
    options = Options(
        tuple(directories),
        address,
        domain,
        insecure_plaintext,
        secure,
        scope_gateways,
        monitoring_address,
    )
    try:
        asyncio.run(serve(options, _say))
    except (ServeError, CaError, FileNotFoundError) as error:
        _say(f"lateen control: {error}")
        return 1
    return 0


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
