"""`lateen token`: tokens that let machines join a mesh."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from lateen.control.ca.tokens import Known, TokenError, Tokens
from lateen.control.resources.scalars import Duration
from lateen.identity.spiffe import Identity, IdentityError

HELP = "Make, list and revoke the tokens that let machines join a mesh."
Authority = Annotated[Path, typer.Option("--ca", metavar="DIR", help="of the authority")]


def create(
    ca: Authority,
    namespace: Annotated[str, typer.Option(help="of the workload")],
    service_account: Annotated[str, typer.Option(help="of the workload")],
    ttl: Annotated[str, typer.Option(metavar="DURATION", help="how long it can be used")] = "1h",
) -> int:
    """Print a token that gets a machine the certificate of a service account, once."""
    try:
        # The trust domain is the mesh's; here it only has to be one.
        Identity("cluster.local", namespace, service_account)
        life = Duration.parse(ttl)
        if life <= 0:
            raise TokenError(f"--ttl: {ttl} is not longer than nothing")
        print(Tokens(ca).create(namespace, service_account, life))
    except (TokenError, IdentityError, ValueError) as error:
        return _failed(error)
    return 0


def show(ca: Authority) -> int:
    """List the tokens that are known, without their secrets."""
    try:
        found = Tokens(ca).known()
    except TokenError as error:
        return _failed(error)
    print(_row("ID", "NAMESPACE", "SERVICE ACCOUNT", "STATE", "EXPIRES"))
    for known in found:
        print(_described(known))
    return 0


def revoke(
    ca: Authority,
    token: Annotated[str, typer.Argument(metavar="ID", help="as `lateen token list` shows it")],
) -> int:
    """Take a token back that was not used."""
    try:
        Tokens(ca).revoke(token)
    except TokenError as error:
        return _failed(error)
    return 0


COMMANDS: dict[str, Callable[..., int]] = {"create": create, "list": show, "revoke": revoke}


def _described(known: Known) -> str:
    grant = known.grant
    expires = datetime.fromtimestamp(grant.expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return _row(known.id, grant.namespace, grant.service_account, known.state, expires)


def _row(*cells: str) -> str:
    widths = (18, 20, 20, 9)
    return "".join(f"{cell:{width}}" for cell, width in zip(cells, widths, strict=False)) + cells[4]


def _failed(error: Exception) -> int:
    print(f"lateen token: {error}", file=sys.stderr)
    return 1
