"""Signing requests and authorities for tests."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from lateen.control.ca.authority import pem
from lateen.control.ca.files import CERTIFICATE, CHAIN, KEY, ROOT, load, load_or_create
from lateen.identity.keys import key_pem, new_key
from lateen.identity.spiffe import Identity

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
ADMIN = "spiffe://cluster.local/ns/kube-system/sa/admin"


def signing_request(key: Key | None = None, *names: x509.GeneralName) -> bytes:
    """A request that names an administrator, or what it is told to."""
    wanted = names or (x509.UniformResourceIdentifier(ADMIN),)
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    builder = builder.add_extension(x509.SubjectAlternativeName(wanted), critical=False)
    key = key or new_key()
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, digest).public_bytes(serialization.Encoding.PEM)


def of_unknown_curve(text: bytes) -> bytes:
    """A request, certificate or key of PEM, of a curve that nobody knows."""
    begin, *lines, end = text.splitlines()
    known, unknown = bytes.fromhex("2a8648ce3d030107"), bytes.fromhex("2a8648ce3d03017f")
    changed = base64.b64decode(b"".join(lines)).replace(known, unknown)
    return b"\n".join((begin, base64.encodebytes(changed).strip(), end, b""))


def intermediate(directory: Path) -> Path:
    """A folder with an authority under a root whose key is elsewhere."""
    root = load_or_create(directory / "root", "cluster.local")
    key = new_key()
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "intermediate")]))
        .issuer_name(root.root.subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(root.key, hashes.SHA256())
    )
    folder = directory / "ca"
    folder.mkdir()
    (folder / ROOT).write_text(pem(root.root))
    (folder / CERTIFICATE).write_text(pem(made))
    (folder / CHAIN).write_text(pem(made) + pem(root.root))
    (folder / KEY).write_bytes(key_pem(key))
    return folder


def self_signed(start: datetime, end: datetime, serial_number: int = 1) -> bytes:
    """A certificate that nobody vouches for, as PEM."""
    key = new_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(serial_number)
        .not_valid_before(start)
        .not_valid_after(end)
        .sign(key, hashes.SHA256())
    )
    return pem(made).encode()


def of_unknown_version(certificate: bytes) -> bytes:
    """A certificate in PEM, whose version X.509 does not have."""
    der = ssl.PEM_cert_to_DER_cert(certificate.decode())
    version = b"\xa0\x03\x02\x01"
    return ssl.DER_cert_to_PEM_cert(der.replace(version + b"\x02", version + b"\x07", 1)).encode()


def certified(
    directory: Path,
    identity: Identity,
    life: timedelta = timedelta(hours=1),
    names: Sequence[x509.GeneralName] = (),
) -> tuple[bytes, bytes]:
    """A key and its certificate by an authority that asks nobody who that is, as PEM."""
    key = new_key()
    chain = load(directory).sign(key.public_key(), identity, life, names)
    return key_pem(key), "".join(map(pem, chain)).encode()
