"""What signs the certificates of a mesh.

Certificates name an identity that the caller was authenticated as; what a request asks for itself
is not looked at.

Source: Istio, security/pkg/pki/ca, security/pkg/pki/util.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lateen.identity.keys import PrivateKey, PublicKey, new_key
from lateen.identity.spiffe import Identity

_ROOT_LIFE = timedelta(days=3650)
LONGEST_LIFE = timedelta(days=90)
DEFAULT_LIFE = timedelta(hours=24)
# Clocks of other machines may be behind.
_SKEW = timedelta(minutes=2)


class CaError(Exception):
    """A certificate cannot be made; the message says whose fault that is and what to do."""


@dataclass(frozen=True)
class Authority:
    """What signs certificates.

    Attributes:
        roots: whom peers trust; the last is the one above `certificate`, or is it.
        certificate: of the key that signs.
        key: that signs.
        chain: the certificates between that one and the root, in this order.
    """

    roots: tuple[x509.Certificate, ...]
    certificate: x509.Certificate
    key: PrivateKey
    chain: tuple[x509.Certificate, ...] = ()

    @property
    def root(self) -> x509.Certificate:
        """The root that what is signed leads to."""
        return self.roots[-1]

    def sign(
        self,
        key: PublicKey,
        identity: Identity,
        life: timedelta = DEFAULT_LIFE,
        names: Sequence[x509.GeneralName] = (),
    ) -> list[x509.Certificate]:
        """A certificate for a key, and those above it, without the root.

        Args:
            identity: of the authenticated caller.
            life: how long it is valid; more than 90 days is 90 days.
            names: of the host, for a server that is called by name.

        Raises:
            CaError: the authority's own certificate has expired.
        """
        now = datetime.now(UTC)
        end = min(now + min(life, LONGEST_LIFE), self.certificate.not_valid_after_utc)
        if end <= now:
            raise CaError("the authority's own certificate has expired: replace it")
        uri = x509.UniformResourceIdentifier(str(identity))
        purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        made = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self.certificate.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(max(now - _SKEW, self.certificate.not_valid_before_utc))
            .not_valid_after(end)
            .add_extension(x509.SubjectAlternativeName([uri, *names]), critical=True)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
            .add_extension(self._signed_by(), critical=False)
        )
        leaf = made.sign(self.key, hashes.SHA256())
        above = [] if self.certificate == self.root else [self.certificate, *self.chain]
        return [leaf, *above]

    def _signed_by(self) -> x509.AuthorityKeyIdentifier:
        """Tells roots of one name apart, as there are while one follows another."""
        try:
            own = self.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
        except x509.ExtensionNotFound:
            return x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own.value)


def root_name(trust_domain: str) -> x509.Name:
    """What a mesh's own root is called."""
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, trust_domain)])


def new_authority(name: x509.Name) -> Authority:
    """An authority with a root of its own, valid for ten years."""
    key = new_key()
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
    return Authority((made,), made, key)


def is_signed_by(lower: x509.Certificate, upper: x509.Certificate) -> bool:
    """Whether one certificate was signed with the key of another."""
    try:
        lower.verify_directly_issued_by(upper)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


def pem(certificate: x509.Certificate) -> str:
    """A certificate as PEM."""
    return certificate.public_bytes(Encoding.PEM).decode()


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
