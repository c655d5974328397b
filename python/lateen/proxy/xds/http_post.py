"""One POST of the main thread's own; blocks, so it has a thread of its own."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from lateen.proxy.xds.peer_certificate import client_context, connect, names_in
from lateen.proxy.xds.target import TargetError

if TYPE_CHECKING:
    from lateen.proxy.xds.endpoints import Endpoint
    from lateen.proxy.xds.peer_certificate import PeerQuestion

_CHUNK = 1 << 16


class HttpPost(NamedTuple):
    """What to send where.

    Attributes:
        endpoint: the server.
        tls: as whom to speak TLS; None: plaintext.
        host: of the header.
        path: of the target.
        body: of the request.
        timeout_s: for all of it.
        headers: that say what it is.
    """

    endpoint: Endpoint
    tls: PeerQuestion | None
    host: str
    path: str
    body: bytes
    timeout_s: float
    headers: Sequence[tuple[str, str]] = (("content-type", "application/json"),)


class Posted(NamedTuple):
    """The answer.

    Attributes:
        status: of it.
        body: of it.
        names: in the server's certificate, kind and value; () for plaintext.
    """

    status: int
    body: bytes
    names: Sequence[tuple[str, str]]


def post(request: HttpPost) -> Posted:
    """Sends a request and reads the answer.

    Raises:
        TargetError: there is no answer, or not in time.
    """
    deadline = time.monotonic() + request.timeout_s
    try:
        with connect(request.endpoint, request.timeout_s) as plain:
            if request.tls is None:
                return _exchange(plain, request, deadline, ())
            context = client_context(request.tls, "http/1.1")
            name = request.tls.sni or None
            with context.wrap_socket(plain, server_hostname=name) as secured:
                names = names_in(secured)
                return _exchange(secured, request, deadline, names)
    except (OSError, ValueError, http.client.HTTPException) as error:
        where = request.endpoint.grpc_address
        raise TargetError(f"{where}: {error or type(error).__name__}") from None


def _exchange(
    connected: socket.socket,
    request: HttpPost,
    deadline: float,
    names: Sequence[tuple[str, str]],
) -> Posted:
    connection = http.client.HTTPConnection(request.host)
    connection.sock = connected
    headers = {**dict(request.headers), "connection": "close"}
    connection.request("POST", request.path, request.body, headers)
    response = connection.getresponse()
    parts = []
    while part := response.read(_CHUNK):
        parts.append(part)
        if time.monotonic() >= deadline:
            raise TimeoutError("timed out")
    return Posted(response.status, b"".join(parts), names)
