"""`lateen control`: serves a directory of manifests to the proxies of a mesh."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from lateen.control.run import Options, serve
from lateen.control.server import ServeError


def run(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="with manifests; it is watched")],
    address: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="where proxies connect, without TLS")
    ] = Options.address,
    domain: Annotated[str, typer.Option(help="of the cluster")] = Options.domain,
    insecure_plaintext: Annotated[
        bool, typer.Option("--insecure-plaintext", help="serve others than this machine, too")
    ] = False,
) -> int:
    """Serve Istio's resources to proxies over xDS, and what changes in them as it changes."""
    options = Options(directory, address, domain, insecure_plaintext)
    try:
        asyncio.run(serve(options, _say))
    except (ServeError, FileNotFoundError) as error:
        _say(f"lateen control: {error}")
        return 1
    return 0


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
