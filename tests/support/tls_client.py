"""TLS of test clients."""

from __future__ import annotations

import hashlib
import ssl
from typing import TYPE_CHECKING

from tests.support.tls_files import tls_files

if TYPE_CHECKING:
    from tests.interop.model import Secure


def client_context(step: Secure) -> ssl.SSLContext:
    """A context that takes every server, with what a step asks for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion[step.lowest]
    context.maximum_version = ssl.TLSVersion[step.highest]
    if step.ciphers:
        context.set_ciphers(step.ciphers)
    if step.alpn:
        context.set_alpn_protocols(list(step.alpn))
    if step.certificate:
        files = tls_files()
        key = step.certificate.removesuffix("_chain")
        context.load_cert_chain(files / f"{step.certificate}.pem", files / f"{key}.key")
    return context


def fingerprint_of(secured: ssl.SSLSocket) -> str:
    """Which certificate of the set a server showed."""
    shown = secured.getpeercert(binary_form=True)
    if shown is None:
        return "none"
    for path in sorted(tls_files().glob("*.pem")):
        text = path.read_text()
        if "BEGIN CERTIFICATE" in text and ssl.PEM_cert_to_DER_cert(_first(text)) == shown:
            return path.stem
    return hashlib.sha256(shown).hexdigest()


def _first(text: str) -> str:
    return text[: text.index("-----END CERTIFICATE-----")] + "-----END CERTIFICATE-----\n"
