"""What Secrets hold as Envoy's messages: a certificate with its key, or roots.

Source: pilot/pkg/credentials/kube/secrets.go ExtractCertInfo, ExtractRoot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from lateen.control.resources.kubernetes.secret import Secret
from lateen.control.translate import api

if TYPE_CHECKING:
    from envoy.extensions.transport_sockets.tls.v3.common_pb2 import (
        CertificateValidationContext,
        TlsCertificate,
    )

# The entries of a generic Secret, and of one of type kubernetes.io/tls.
_CERTIFICATES = (("cert", "key"), ("tls.crt", "tls.key"))
_ROOTS = (("cacert", "crl"), ("ca.crt", "ca.crl"))
_STAPLE = "tls.ocsp-staple"


class SecretError(ValueError):
    """A Secret does not hold what is wanted; the message says what is wrong with it."""


def certificate_of(secret: Secret) -> TlsCertificate:
    """The certificate chain and its key.

    Raises:
        SecretError: they are missing, no PEM, or do not belong together.
    """
    for named, key_named in _CERTIFICATES:
        chain, key = secret.value(named), secret.value(key_named)
        if chain and key:
            _check_pair(named, chain, key_named, key)
            made = api.TlsCertificate()
            made.certificate_chain.inline_bytes = chain
            made.private_key.inline_bytes = key
            if secret.value(_STAPLE):
                made.ocsp_staple.inline_bytes = secret.value(_STAPLE)
            return made
    raise SecretError(f"it needs tls.crt and tls.key, or cert and key; {_has(secret)}")


def roots_of(secret: Secret) -> CertificateValidationContext:
    """The certificates of authorities, with their revocations.

    Raises:
        SecretError: they are missing, or no PEM.
    """
    for named, revoked in _ROOTS:
        roots = secret.value(named)
        if roots:
            _certificates(named, roots)
            made = api.CertificateValidationContext()
            made.trusted_ca.inline_bytes = roots
            if secret.value(revoked):
                made.crl.inline_bytes = secret.value(revoked)
            return made
    raise SecretError(f"it needs ca.crt or cacert; {_has(secret)}")


def _has(secret: Secret) -> str:
    return f"it has {', '.join(secret.names)}" if secret.names else "it is empty"


def _check_pair(named: str, chain: bytes, key_named: str, pem: bytes) -> None:
    leaf = _certificates(named, chain)[0]
    try:
        wanted = leaf.public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise SecretError(f"the first certificate of {named} has a key of no known kind") from None
    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise SecretError(f"{key_named} is no private key in PEM without a password") from None
    if key.public_key() != wanted:
        raise SecretError(f"{key_named} is not the key of the first certificate of {named}")


def _certificates(named: str, pem: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem)
    except (ValueError, x509.InvalidVersion):
        raise SecretError(f"{named} holds no certificates in PEM") from None
