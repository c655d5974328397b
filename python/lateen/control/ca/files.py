"""An authority's files: a root of its own, or a given intermediate.

They have the names of Istio's `cacerts`: `root-cert.pem`, which may have several roots,
`ca-cert.pem`, `ca-key.pem` (0600) and `cert-chain.pem`. Who changes them holds the lock of the
directory, and replaces each file in one step; who reads them waits for nobody, and finds out
whether they belong together.

Source: Istio, "Plug in CA Certificates".
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from lateen.control.ca.authority import (
    Authority,
    CaError,
    is_signed_by,
    new_authority,
    pem,
    root_name,
)
from lateen.identity.keys import PrivateKey, key_pem

ROOT, CERTIFICATE, KEY, CHAIN = "root-cert.pem", "ca-cert.pem", "ca-key.pem", "cert-chain.pem"
_LOCK = ".lock"
Stamps = tuple[tuple[int, int, int] | None, ...]


def load_or_create(directory: Path, trust_domain: str) -> Authority:
    """The authority of a directory; one with a new root when it has none.

    Raises:
        CaError: the files cannot be read or written, or do not belong together.
    """
    if not (directory / KEY).exists():
        with locked(directory):
            # Another control plane may have been faster.
            if not (directory / KEY).exists():
                write_signer(directory, new_authority(root_name(trust_domain)))
    return load(directory)


def load(directory: Path) -> Authority:
    """The authority of a directory: a root, or an intermediate under one.

    Raises:
        CaError: a file is missing or malformed, or the files do not belong together.
    """
    certificate = certificates(directory / CERTIFICATE)[0]
    roots = certificates(directory / ROOT)
    chain_file = directory / CHAIN
    chain = certificates(chain_file) if chain_file.exists() else []
    key = read_key(directory / KEY)
    try:
        certified = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        told = f"{directory / CERTIFICATE} has a key that cannot be read: {error}"
        raise CaError(told) from None
    if certified != key.public_key():
        raise CaError(f"{directory / KEY} is not the key of {directory / CERTIFICATE}")
    between = tuple(one for one in chain if one != certificate and one not in roots)
    line = (certificate, *between)
    for lower, upper in pairwise(line):
        if not is_signed_by(lower, upper):
            name = lower.subject.rfc4514_string()
            raise CaError(f"{directory / CHAIN}: {name} is not signed by the next one")
    above = [root for root in roots if is_signed_by(line[-1], root)]
    if not above:
        name = line[-1].subject.rfc4514_string()
        raise CaError(f"{directory / ROOT}: no root in it signed {name}")
    others = tuple(root for root in roots if root != above[0])
    return Authority((*others, above[0]), certificate, key, between)


def write_signer(directory: Path, authority: Authority) -> None:
    """Make an authority that of a directory, whose lock is held.

    Raises:
        CaError: a file cannot be written.
    """
    above = (authority.certificate, *authority.chain, authority.root)
    chain = dict.fromkeys(above)
    write(directory / ROOT, "".join(map(pem, authority.roots)).encode())
    write(directory / CHAIN, "".join(map(pem, chain)).encode())
    write(directory / CERTIFICATE, pem(authority.certificate).encode())
    # Last: without a key the directory is one without an authority.
    write(directory / KEY, key_pem(authority.key), mode=0o600)


def write(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Replace a file in one step.

    Raises:
        CaError: it cannot be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            os.fsync(descriptor)
        part.replace(path)
    except OSError as error:
        raise CaError(f"cannot write {path}: {error.strerror}") from None


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Nobody else changes the files of a directory, which is made when there is none.

    Raises:
        CaError: the directory cannot be written to.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(directory / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise CaError(f"cannot write the authority to {directory}: {error.strerror}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def stamps(directory: Path) -> Stamps:
    """What changes when one of the files does."""
    return tuple(_stamp(directory / name) for name in (ROOT, CERTIFICATE, KEY, CHAIN))


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        told = path.stat()
    except OSError:
        return None
    return told.st_ino, told.st_mtime_ns, told.st_size


def certificates(path: Path) -> list[x509.Certificate]:
    """All certificates of a file.

    Raises:
        CaError: it cannot be read, or has none.
    """
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except OSError as error:
        raise CaError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, x509.InvalidVersion) as error:
        raise CaError(f"{path} has no certificate: {error}") from None


def read_key(path: Path) -> PrivateKey:
    """The key of a file.

    Raises:
        CaError: it cannot be read, or has none that can sign.
    """
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise CaError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise CaError(f"{path} is no private key: {error}") from None
    if isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        return key
    raise CaError(f"{path}: the key must be an elliptic curve's or RSA")
