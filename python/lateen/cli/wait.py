"""`lateen wait`: waits until proxies have acknowledged a change."""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import Annotated

import typer

from lateen.control.inspect import AskError, ask
from lateen.control.resources.scalars import Duration
from lateen.control.run import Options
from lateen.control.waiting import PAGE, State, WaitError, Wanted, wait


def run(
    monitoring: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="--monitoring-address of the control plane")
    ] = Options.monitoring,
    generation: Annotated[
        int, typer.Option(min=0, help="that proxies are to have; default: the current one")
    ] = 0,
    for_file: Annotated[
        Path | None, typer.Option("--for", metavar="FILE", help="wait until it is in force first")
    ] = None,
    proxy: Annotated[
        str, typer.Option(metavar="NAME.NAMESPACE", help="only this one; default: all connected")
    ] = "",
    timeout: Annotated[
        str, typer.Option(metavar="DURATION", help="how long, such as 30s or 1m")
    ] = "30s",
) -> int:
    """Wait until proxies have acknowledged what is in force.

    The exit code is 0 when they have, else 1: those that have not are told with the reason.
    """
    try:
        wanted = Wanted(generation, for_file, proxy, Duration.parse(timeout))
        outcome = wait(wanted, functools.partial(ask, monitoring, PAGE, State))
    except (AskError, WaitError, ValueError) as error:
        print(f"lateen wait: {error}", file=sys.stderr)
        return 1
    if outcome.complete:
        print(f"{len(outcome.had)} proxies have generation {outcome.generation}")
        return 0
    if not outcome.generation:
        print(f"lateen wait: {for_file} is not in force after {timeout}", file=sys.stderr)
    for name, reason in outcome.missing.items():
        print(f"lateen wait: {name} {reason}", file=sys.stderr)
    return 1
