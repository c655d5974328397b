"""`lateen token`: tokens that let machines join a mesh."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from lateen.control.ca.tokens import Known, TokenError, Tokens
from lateen.control.resources.scalars import Duration
from lateen.identity.spiffe import Identity, IdentityError
from lateen.proxy_config.table import Table

app = typer.Typer(
    no_args_is_help=True, help="Make, list and revoke the tokens that let machines join a mesh."
)
Authority = Annotated[Path, typer.Option("--ca", metavar="DIR", help="of the authority")]


@app.command()
def create(
    ca: Authority,
    namespace: Annotated[str, typer.Option(help="of the workload")],
    service_account: Annotated[str, typer.Option(help="of the workload")],
    ttl: Annotated[str, typer.Option(metavar="DURATION", help="how long it can be used")] = "1h",
) -> None:
    """Print a token that gets a machine the certificate of a service account, once."""
    try:
        # The trust domain is the mesh's; here it only has to be one.
        Identity("cluster.local", namespace, service_account)
        life = Duration.parse(ttl)
        if life <= 0:
            raise TokenError(f"--ttl: {ttl} is not longer than nothing")
        print(Tokens(ca).create(namespace, service_account, life))
    except (TokenError, IdentityError, ValueError) as error:
        _fail(error)


@app.command("list")
def show(ca: Authority) -> None:
    """List the tokens that are known, without their secrets."""
    try:
        found = Tokens(ca).known()
    except TokenError as error:
        _fail(error)
    columns = ("ID", "NAMESPACE", "SERVICE ACCOUNT", "STATE", "EXPIRES")
    print("\n".join(Table(columns, [_row(known) for known in found]).lines()))


@app.command()
def revoke(
    ca: Authority,
    token: Annotated[str, typer.Argument(metavar="ID", help="as `lateen token list` shows it")],
) -> None:
    """Take a token back that was not used."""
    try:
        Tokens(ca).revoke(token)
    except TokenError as error:
        _fail(error)


def _row(known: Known) -> tuple[str, ...]:
    grant = known.grant
    expires = datetime.fromtimestamp(grant.expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return known.id, grant.namespace, grant.service_account, known.state, expires


def _fail(error: Exception) -> NoReturn:
    print(f"lateen token: {error}", file=sys.stderr)
    sys.exit(1)
