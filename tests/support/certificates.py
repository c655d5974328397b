"""Certificates for tests, made with the openssl command."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Certificate:
    """Files in PEM."""

    certificate: Path
    key: Path


def openssl_exists() -> bool:
    """Whether certificates can be made here."""
    return shutil.which("openssl") is not None


def make_authority(directory: Path, name: str = "ca") -> Certificate:
    """A certificate authority."""
    made = Certificate(directory / f"{name}.pem", directory / f"{name}.key")
    _openssl(
        "req", "-x509", *_new_key(made.key), "-out", str(made.certificate), "-days", "30",
        "-subj", f"/CN={name}", "-addext", "basicConstraints=critical,CA:TRUE",
    )  # fmt: skip
    return made


def make_certificate(
    directory: Path, name: str, names: Sequence[str], authority: Certificate | None
) -> Certificate:
    """A certificate with subject alternative names such as `DNS:a.test`; self-signed for None."""
    made = Certificate(directory / f"{name}.pem", directory / f"{name}.key")
    issuer = []
    if authority is not None:
        issuer = ["-CA", str(authority.certificate), "-CAkey", str(authority.key)]
    _openssl(
        "req", "-x509", *_new_key(made.key), "-out", str(made.certificate), "-days", "30",
        "-subj", f"/CN={name}", "-addext", f"subjectAltName={','.join(names)}",
        "-addext", "basicConstraints=CA:FALSE", *issuer,
    )  # fmt: skip
    return made


def _new_key(path: Path) -> list[str]:
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    return [*curve, "-nodes", "-keyout", str(path)]


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=30)
