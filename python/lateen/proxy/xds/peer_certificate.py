"""Asks a TLS server for its certificate."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from lateen.identity.tls import load_pair
from lateen.proxy.xds.target import TargetError

if TYPE_CHECKING:
    import ssl

    from lateen.proxy.xds.endpoints import Endpoint

_TIMEOUT_S = 5.0
# X509_V_FLAG_PARTIAL_CHAIN; `ssl` names it from Python 3.10 on only where OpenSSL has it.
_PARTIAL_CHAIN = 0x80000


@dataclass(frozen=True)
class PeerQuestion:
    """Whom to ask, and as whom.

    Attributes:
        endpoint: the server.
        sni: the name to ask for; "": none.
        roots: PEM of those who may vouch for the server; b"": nobody has to.
        key: PEM of the client's key; b"": the client has no certificate.
        chain: PEM of the client's certificate.
    """

    endpoint: Endpoint
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

    try:
        certificate = question.roots or _unverified(question).encode()
        context = client_context(replace(question, roots=certificate))
        with _connected(question, context) as secured:
            names = names_in(secured)
    except (OSError, ValueError) as error:
        where = question.endpoint.grpc_address
        raise TargetError(f"{where}: {error}") from None
    return Peer(names, certificate)


def names_in(secured: ssl.SSLSocket) -> Sequence[tuple[str, str]]:
    """The names in a verified certificate: kind and value."""
    found = secured.getpeercert() or {}
    return cast("Sequence[tuple[str, str]]", found.get("subjectAltName", ()))


def _unverified(question: PeerQuestion) -> str:
    import ssl

    with _connected(question, client_context(replace(question, roots=b""))) as secured:
        return ssl.DER_cert_to_PEM_cert(secured.getpeercert(binary_form=True) or b"")


def _connected(question: PeerQuestion, context: ssl.SSLContext) -> ssl.SSLSocket:
    plain = connect(question.endpoint, _TIMEOUT_S)
    try:
        return context.wrap_socket(plain, server_hostname=question.sni or None)
    except BaseException:
        plain.close()
        raise


def connect(endpoint: Endpoint, timeout_s: float) -> socket.socket:
    """A connected socket; blocks.

    Raises:
        OSError: the server is not reached in time.
    """
    if not endpoint.pipe:
        return socket.create_connection((endpoint.host, endpoint.port), timeout_s)
    plain = socket.socket(socket.AF_UNIX)
    try:
        plain.settimeout(timeout_s)
        plain.connect(
            endpoint.pipe.replace("@", "\0", 1) if endpoint.pipe[0] == "@" else endpoint.pipe
        )
    except BaseException:
        plain.close()
        raise
    return plain


def client_context(question: PeerQuestion, protocol: str = "h2") -> ssl.SSLContext:
    """TLS as a client that verifies the server's chain if there are roots, and no name.

    Raises:
        ssl.SSLError: a certificate or key is none.
    """
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols([protocol])
    if question.roots:
        context.verify_mode = ssl.CERT_REQUIRED
        # A certificate that is trusted for itself needs nobody above it.
        context.verify_flags |= _PARTIAL_CHAIN
        context.load_verify_locations(cadata=question.roots.decode())
    if question.key:
        load_pair(context, question.key, question.chain)
    return context
