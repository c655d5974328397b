"""Certificate signing requests, as they come from callers."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from lateen.identity.keys import PublicKey

_SMALLEST_RSA = 2048
# A request with the largest key that is in use has a tenth of it.
_LONGEST = 64 << 10
# What `cryptography` raises of a request that it cannot read.
_UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)


class RequestError(Exception):
    """A signing request cannot be granted, which is the caller's fault; the message says why."""


@dataclass(frozen=True)
class SigningRequest:
    """What a caller wants certified.

    Attributes:
        key: that the caller has.
        names: that the request names; they decide nothing, but say what the caller is after.
    """

    key: PublicKey
    names: tuple[str, ...]


def read_request(pem: bytes) -> SigningRequest:
    """A signing request of PEM.

    Raises:
        RequestError: it is malformed, not signed by its key, or the key is too weak.
    """
    if len(pem) > _LONGEST:
        raise RequestError(f"the request is longer than {_LONGEST} bytes")
    try:
        parsed = x509.load_pem_x509_csr(pem)
        signed = parsed.is_signature_valid
        names = _names(parsed)
        key = parsed.public_key()
    except _UNREADABLE as error:
        raise RequestError(f"the request is no certificate signing request: {error}") from None
    if not signed:
        raise RequestError("the request is not signed by its key")
    return SigningRequest(_strong(key), names)


def _names(request: x509.CertificateSigningRequest) -> tuple[str, ...]:
    try:
        found = request.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    return tuple(str(getattr(name, "value", name)) for name in found.value)


def _strong(key: object) -> PublicKey:
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= _SMALLEST_RSA:
        return key
    raise RequestError(
        f"the key must be an elliptic curve's, or RSA of {_SMALLEST_RSA} bits or more"
    )
