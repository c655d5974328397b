"""`lateen ca`: shows a certificate authority, and replaces its root."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from lateen.control.ca.authority import CaError
from lateen.control.ca.files import load
from lateen.control.ca.rotation import Rotation, Step, rotate, rotation

app = typer.Typer(no_args_is_help=True, help="Show a certificate authority, and replace its root.")
Authority = Annotated[Path, typer.Option("--ca", metavar="DIR", help="of the authority")]
_DONE = {
    Step.PREPARED: "both roots are trusted; the next step has the new one sign",
    Step.SWITCHED: "the new root signs; the next step ends the trust in the old one",
    Step.FINISHED: "only the root that signs is trusted",
}


@app.command()
def show(ca: Authority) -> None:
    """Print whom the mesh trusts, who signs, and where the replacement of the root is."""
    try:
        authority, under_way = load(ca), rotation(ca)
    except CaError as error:
        _fail(error)
    for root in authority.roots:
        print(_described("root", root))
    print(_described("signs", authority.certificate))
    print(_told(under_way))


@app.command("rotate")
def replace(
    ca: Authority,
    now: Annotated[
        bool, typer.Option("--now", help="although not all workloads may have heard of the last")
    ] = False,
) -> None:
    """Do the next of three steps that replace the root, a day apart.

    The new root is trusted beside the old one; the new one signs; the old one is not trusted.
    """
    try:
        print(_told(rotate(ca, early=now)))
    except CaError as error:
        _fail(error)


def _described(what: str, certificate: x509.Certificate) -> str:
    digest = certificate.fingerprint(hashes.SHA256()).hex()
    expiry = certificate.not_valid_after_utc.strftime("%Y-%m-%d")
    name = certificate.subject.rfc4514_string()
    return f"{what:6}{name}, until {expiry}, SHA-256 {digest}"


def _told(done: Rotation) -> str:
    wait = f", in {done.wait_s / 3600:.1f} hours" if done.wait_s else ""
    return f"{done.step.value}: {_DONE[done.step]}{wait}"


def _fail(error: Exception) -> NoReturn:
    print(f"lateen ca: {error}", file=sys.stderr)
    sys.exit(1)
