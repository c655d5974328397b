"""Reading PEM: the DER inside, by label (RFC 7468)."""

from __future__ import annotations

import base64
import binascii
import re
from typing import NamedTuple

_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
_CERTIFICATES = ("CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE")
_CRLS = ("X509 CRL",)
_ENCRYPTED = "ENCRYPTED PRIVATE KEY"


class PemError(Exception):
    """What is wrong with a text, in a few words."""


class _Block(NamedTuple):
    label: str
    body: bytes


def certificates(text: bytes) -> list[bytes]:
    """The certificates in a text, in order.

    Raises:
        PemError: a block is not what it says.
    """
    return [_decode(block) for block in _blocks(text) if block.label in _CERTIFICATES]


def crls(text: bytes) -> list[bytes]:
    """The certificate revocation lists in a text.

    Raises:
        PemError: a block is not what it says.
    """
    return [_decode(block) for block in _blocks(text) if block.label in _CRLS]


def private_key(text: bytes) -> bytes:
    """The first private key in a text, as PKCS#8, PKCS#1 or SEC1.

    Raises:
        PemError: there is none, or it is encrypted.
    """
    block = _key_block(text)
    if _is_encrypted(block):
        raise PemError("the key is encrypted: give its password")
    return _decode(block)


def is_encrypted(text: bytes) -> bool:
    """Whether the first private key in a text has a password (RFC 5958, or OpenSSL's older form).

    Raises:
        PemError: there is no key.
    """
    return _is_encrypted(_key_block(text))


def _key_block(text: bytes) -> _Block:
    for block in _blocks(text):
        if block.label.endswith("PRIVATE KEY"):
            return block
    raise PemError("no private key in PEM is in it")


def _is_encrypted(block: _Block) -> bool:
    return block.label == _ENCRYPTED or b"Proc-Type: 4,ENCRYPTED" in block.body


def _blocks(text: bytes) -> list[_Block]:
    return [_Block(label.decode(), body) for label, body in _BLOCK.findall(text)]


def _decode(block: _Block) -> bytes:
    try:
        return base64.b64decode(b"".join(block.body.split()), validate=True)
    except binascii.Error as error:
        raise PemError(f"{block.label}: {error}") from None
