"""Keys with a password, and PKCS#12 (RFC 7292), by the `cryptography` package.

It is loaded when a configuration has either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.proxy.compile.transport_sockets.pem import PemError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes


def decrypt_key(text: bytes, password: bytes) -> bytes:
    """The first private key of an encrypted PEM text, PKCS#8 or of OpenSSL's older form, as PKCS#8.

    Raises:
        PemError: the password is not that of the key, or the key is no such text.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(text, password)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise PemError(f"the key cannot be decrypted with its password: {error}") from None
    return _pkcs8(key)


def pkcs12(data: bytes, password: bytes) -> tuple[list[bytes], bytes]:
    """The certificates, the leaf first, and the private key of PKCS#12: DER, and PKCS#8.

    Either is empty when there is none.

    Raises:
        PemError: it is no PKCS#12, or has another password.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

    try:
        found = load_pkcs12(data, password or None)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise PemError(f"it cannot be read with its password: {error}") from None
    if found.cert is None or found.key is None:
        return [], b""
    chain = [found.cert, *found.additional_certs]
    return [each.certificate.public_bytes(Encoding.DER) for each in chain], _pkcs8(found.key)


def _pkcs8(key: PrivateKeyTypes) -> bytes:
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
