"""Certificates with OCSP responses for tests, made once a process."""

from __future__ import annotations

import atexit
import datetime
import functools
import shutil
import tempfile
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp
from cryptography.x509.oid import NameOID

_DAY = datetime.timedelta(days=1)


@functools.cache
def ocsp_files() -> Path:
    """The directory of the set.

    Certificates (NAME.pem, NAME.key): `plain`, and `must`, which demands a staple. Responses: for
    `plain` `good.ocsp`, `expired.ocsp`, `revoked.ocsp` and `endless.ocsp`, which names no time of
    the next; for `must` `must.ocsp` and `late.ocsp`, which has expired; `failed.ocsp`, which is
    none.
    """
    directory = Path(tempfile.mkdtemp(prefix="lateen-ocsp-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = _certificate("ca", authority_key, authority_key, serial=1)
    leaves = {
        name: _leaf(directory, name, authority_key, serial, must)
        for name, serial, must in (("plain", 100, False), ("must", 101, True))
    }
    good, revoked = ocsp.OCSPCertStatus.GOOD, ocsp.OCSPCertStatus.REVOKED
    now = datetime.datetime.now(datetime.UTC)
    for name, leaf, status, end in (
        ("good", "plain", good, now + _DAY),
        ("expired", "plain", good, now - _DAY),
        ("revoked", "plain", revoked, now + _DAY),
        ("endless", "plain", good, None),
        ("must", "must", good, now + _DAY),
        ("late", "must", good, now - _DAY),
    ):
        response = (
            ocsp.OCSPResponseBuilder()
            .add_response(
                leaves[leaf],
                authority,
                hashes.SHA256(),
                status,
                now - 2 * _DAY,
                end,
                now if status is revoked else None,
                None,
            )
            .responder_id(ocsp.OCSPResponderEncoding.NAME, authority)
            .sign(authority_key, hashes.SHA256())
        )
        _write(directory, f"{name}.ocsp", response.public_bytes(serialization.Encoding.DER))
    later = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER)
    _write(directory, "failed.ocsp", later.public_bytes(serialization.Encoding.DER))
    return directory


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    authority_key: ec.EllipticCurvePrivateKey,
    serial: int,
    must: bool = False,
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name("ca"))
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(now - 3 * _DAY)
        .not_valid_after(now + 30 * _DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("a.test")]), critical=False)
    )
    if must:
        feature = x509.TLSFeature([x509.TLSFeatureType.status_request])
        builder = builder.add_extension(feature, critical=False)
    return builder.sign(authority_key, hashes.SHA256())


def _leaf(
    directory: Path,
    name: str,
    authority_key: ec.EllipticCurvePrivateKey,
    serial: int,
    must: bool,
) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = _certificate(name, key, authority_key, serial, must)
    _write(directory, f"{name}.pem", leaf.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    _write(directory, f"{name}.key", private)
    return leaf


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _write(directory: Path, name: str, content: bytes) -> None:
    (directory / name).write_bytes(content)
    (directory / name).chmod(0o600)
