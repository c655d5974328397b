"""Asks a TLS server for its certificate."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from lateen.proxy.xds.target import TargetError

if TYPE_CHECKING:
    import ssl

_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class PeerQuestion:
    """Whom to ask, and as whom.

    Attributes:
        host: a name or an address.
        port: of the server.
        sni: the name to ask for; "": none.
        roots: PEM of those who may vouch for the server; b"": nobody has to.
        key: PEM of the client's key; b"": the client has no certificate.
        chain: PEM of the client's certificate.
    """

    host: str
    port: int
    sni: str
    roots: bytes
    key: bytes
    chain: bytes


@dataclass(frozen=True)
class Peer:
    """A server's certificate.

    Attributes:
        names: kind (`DNS`, `IP Address`, `URI`) and value.
        certificate: PEM.
    """

    names: Sequence[tuple[str, str]]
    certificate: bytes


def names_of_peer(question: PeerQuestion) -> Peer:
    """The names of a server's certificate, whose chain is verified; blocks.

    Raises:
        TargetError: the server is not reached, or its chain does not do.
    """
    import ssl

    try:
        certificate = question.roots or _unverified(question).encode()
        context = _context(question)
        context.verify_mode = ssl.CERT_REQUIRED
        # A certificate that is trusted for itself needs nobody above it.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.load_verify_locations(cadata=certificate.decode())
        with _connected(question, context) as secured:
            found = secured.getpeercert() or {}
    except (OSError, ValueError) as error:
        raise TargetError(f"{question.host}:{question.port}: {error}") from None
    pairs = cast("Sequence[tuple[str, str]]", found.get("subjectAltName", ()))
    names = tuple(pairs)
    return Peer(names, certificate)


def _unverified(question: PeerQuestion) -> str:
    import ssl

    with _connected(question, _context(question)) as secured:
        return ssl.DER_cert_to_PEM_cert(secured.getpeercert(binary_form=True) or b"")


def _connected(question: PeerQuestion, context: ssl.SSLContext) -> ssl.SSLSocket:
    plain = socket.create_connection((question.host, question.port), _TIMEOUT_S)
    try:
        return context.wrap_socket(plain, server_hostname=question.sni or None)
    except BaseException:
        plain.close()
        raise


def _context(question: PeerQuestion) -> ssl.SSLContext:
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    if question.key:
        _load_client_certificate(context, question)
    return context


def _load_client_certificate(context: ssl.SSLContext, question: PeerQuestion) -> None:
    """OpenSSL takes a key from a file only: one that has no name."""
    descriptor = os.memfd_create("certificate")
    try:
        os.write(descriptor, question.chain + b"\n" + question.key)
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
