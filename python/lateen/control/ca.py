"""The mesh's certificate authority: a root of its own, kept in files, or a given intermediate.

The files have the names of Istio's `cacerts`: `root-cert.pem`, `ca-cert.pem`, `ca-key.pem` (0600)
and `cert-chain.pem`. Certificates name an identity that the caller was authenticated as; what a
request asks for itself is not looked at.

Source: Istio, "Plug in CA Certificates"; security/pkg/pki/ca, security/pkg/pki/util.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lateen.control.identity import Identity

ROOT, CERTIFICATE, KEY, CHAIN = "root-cert.pem", "ca-cert.pem", "ca-key.pem", "cert-chain.pem"
_ROOT_LIFE = timedelta(days=3650)
_LONGEST_LIFE = timedelta(days=90)
_DEFAULT_LIFE = timedelta(hours=24)
# Clocks of other machines may be behind.
_SKEW = timedelta(minutes=2)
_SMALLEST_RSA = 2048

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class CaError(Exception):
    """A certificate cannot be made; the message says whose fault that is and what to do."""


@dataclass(frozen=True)
class Authority:
    """What signs certificates.

    Attributes:
        root: what peers trust.
        certificate: of the key that signs.
        key: that signs.
        chain: the certificates between that one and the root, in this order.
    """

    root: x509.Certificate
    certificate: x509.Certificate
    key: PrivateKey
    chain: tuple[x509.Certificate, ...] = ()

    def sign(
        self, request: bytes, identity: Identity, life: timedelta = _DEFAULT_LIFE
    ) -> list[str]:
        """A certificate for the key of a signing request, and what is above it, as PEM.

        Args:
            request: PEM; only its key counts, and that the caller has it.
            identity: of the authenticated caller.
            life: how long it is valid; more than 90 days is 90 days.

        Raises:
            CaError: the request is malformed, not signed by its key, or the key is too weak.
        """
        key = _key_of(request)
        now = datetime.now(UTC)
        end = min(now + min(life, _LONGEST_LIFE), self.certificate.not_valid_after_utc)
        if end <= now:
            raise CaError("the authority's own certificate has expired: replace it")
        made = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self.certificate.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(max(now - _SKEW, self.certificate.not_valid_before_utc))
            .not_valid_after(end)
        )
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(str(identity))])
        purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        made = (
            made.add_extension(names, critical=True)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        )
        leaf = made.sign(self.key, hashes.SHA256())
        above = [] if self.certificate == self.root else [self.certificate, *self.chain]
        return [_pem(one) for one in (leaf, *above, self.root)]


def load_or_create(directory: Path, trust_domain: str) -> Authority:
    """The authority of a directory; one with a new root when it has none.

    Raises:
        CaError: the files cannot be read or written, or do not belong together.
    """
    if (directory / KEY).exists():
        return load(directory)
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = _create(trust_domain)
        key = made.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        for name in (ROOT, CERTIFICATE, CHAIN):
            (directory / name).write_text(_pem(made.certificate))
        # Last: without a key the directory is one without an authority.
        descriptor = os.open(directory / KEY, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(key)
    except OSError as error:
        raise CaError(f"cannot write the authority to {directory}: {error}") from None
    return made


def load(directory: Path) -> Authority:
    """The authority of a directory: a root, or an intermediate under one.

    Raises:
        CaError: a file is missing or malformed, or the files do not belong together.
    """
    certificate = _certificates(directory / CERTIFICATE)[0]
    root = _certificates(directory / ROOT)[-1]
    chain_file = directory / CHAIN
    chain = _certificates(chain_file) if chain_file.exists() else []
    key = _read_key(directory / KEY)
    if certificate.public_key() != key.public_key():
        raise CaError(f"{directory / KEY} is not the key of {directory / CERTIFICATE}")
    between = tuple(one for one in chain if one not in (certificate, root))
    made = Authority(root, certificate, key, between)
    for lower, upper in zip((certificate, *between), (*between, root), strict=True):
        try:
            lower.verify_directly_issued_by(upper)
        except (InvalidSignature, ValueError, TypeError):
            name = lower.subject.rfc4514_string()
            raise CaError(f"{directory / CHAIN}: {name} is not signed by the next one") from None
    return made


def _create(trust_domain: str) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, trust_domain)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + _ROOT_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Authority(made, made, key)


def _usage(*, signs: bool) -> x509.KeyUsage:
    """What a key is for: to sign certificates, or to speak TLS."""
    return x509.KeyUsage(
        digital_signature=not signs,
        key_encipherment=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _key_of(request: bytes) -> ec.EllipticCurvePublicKey | rsa.RSAPublicKey:
    try:
        parsed = x509.load_pem_x509_csr(request)
        signed = parsed.is_signature_valid
    except (ValueError, TypeError) as error:
        raise CaError(f"the request is no certificate signing request: {error}") from None
    if not signed:
        raise CaError("the request is not signed by its key")
    key = parsed.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= _SMALLEST_RSA:
        return key
    raise CaError(f"the key must be an elliptic curve's, or RSA of {_SMALLEST_RSA} bits or more")


def _certificates(path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except OSError as error:
        raise CaError(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        raise CaError(f"{path} has no certificate: {error}") from None


def _read_key(path: Path) -> PrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise CaError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, TypeError) as error:
        raise CaError(f"{path} is no private key: {error}") from None
    if isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        return key
    raise CaError(f"{path}: the key must be an elliptic curve's or RSA")


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
