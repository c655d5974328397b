"""`lateen proxy-status`: whether the proxies of a mesh have what they were sent."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from lateen.control.inspect import AskError, ask
from lateen.control.proxy_status import STATUS, refusals, table
from lateen.control.run import Options
from lateen.control.waiting import PAGE, State


def run(
    name: Annotated[str, typer.Argument(metavar="[NAME.NAMESPACE]", help="only this one")] = "",
    monitoring: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="--monitoring-address of the control plane")
    ] = Options.monitoring,
) -> int:
    """Print for each proxy and type whether it has what it was sent: SYNCED, STALE or NOT SENT.

    With a name, what that proxy refused is told, too.
    """
    try:
        text = table(ask(monitoring, STATUS, list[dict[str, str]]), name)
        refused = refusals(ask(monitoring, PAGE, State), name) if name else ""
    except AskError as error:
        print(f"lateen proxy-status: {error}", file=sys.stderr)
        return 1
    if not text and name:
        print(f"lateen proxy-status: no proxy {name} is connected", file=sys.stderr)
        return 1
    print(text + refused or "no proxies are connected\n", end="")
    return 0
