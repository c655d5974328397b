"""A scripted HTTP/1.1 server: it keeps what it is asked, and answers as the test says."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer
from typing import NamedTuple, Self

from lateen.closing import Closing
from lateen.testing.messages import Headers

_END_S = 5.0


class Received(NamedTuple):
    """A request as the upstream saw it."""

    method: str
    path: str
    headers: Headers
    body: bytes


@dataclass(frozen=True)
class _Reply:
    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    delay_s: float = 0.0
    close: bool = False


class Upstream(Closing):
    """A server on a free port of 127.0.0.1, from the start until `close` or the end of its block.

    Attributes:
        port: where it listens.
        requests: what it was asked, in order.
    """

    def __init__(self) -> None:
        """Begins to serve: each request is answered with an empty 200.

        Raises:
            OSError: there is no free port.
        """
        self.requests: list[Received] = []
        self._next: deque[_Reply] = deque()
        self._last = _Reply()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._server = _Server(self)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="upstream", daemon=True
        )
        self._thread.start()

    def answers(
        self,
        status: int = 200,
        body: bytes | str = b"",
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        delay_s: float = 0.0,
        close: bool = False,
    ) -> Self:
        """Adds an answer: each serves one request, the last one all that follow.

        Args:
            status: of the answer.
            body: text is sent as UTF-8.
            headers: beside content-length.
            delay_s: how long the answer waits.
            close: the connection is closed in place of the answer.
        """
        data = body.encode() if isinstance(body, str) else body
        pairs = tuple(headers.items() if isinstance(headers, Mapping) else headers)
        with self._lock:
            self._next.append(_Reply(status, data, pairs, delay_s, close))
        return self

    def close(self) -> None:
        """Ends the server and its connections; a second call does nothing."""
        if self._closing.is_set():
            return
        self._server.shutdown()
        self._thread.join(_END_S)
        # Known before they are told to end: then all of them can be waited for.
        connections = self._server.connections()
        self._closing.set()
        self._server.server_close()
        for connection, thread in connections.items():
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join(_END_S)

    def _take(self, received: Received) -> _Reply | None:
        """The answer to a request, once it is due; None: the connection is to be closed."""
        with self._lock:
            self.requests.append(received)
            if self._next:
                self._last = self._next.popleft()
            reply = self._last
        ended = self._closing.wait(reply.delay_s) if reply.delay_s else self._closing.is_set()
        return None if ended or reply.close else reply


class _Server(TCPServer):
    """Serves each connection in a thread, and knows them, so that all end with it."""

    request_queue_size = 128

    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream
        self._open: dict[socket.socket, threading.Thread] = {}
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request(self, request: object, client_address: object) -> None:
        assert isinstance(request, socket.socket)
        thread = threading.Thread(
            target=self._serve, args=(request, client_address), name="upstream", daemon=True
        )
        with self._lock:
            self._open[request] = thread
        thread.start()

    def connections(self) -> dict[socket.socket, threading.Thread]:
        """What is open now, and who serves it."""
        with self._lock:
            return dict(self._open)

    def _serve(self, connection: socket.socket, address: tuple[str, int]) -> None:
        try:
            # A peer that goes away is nothing to tell of.
            with contextlib.suppress(OSError, ValueError):
                _Handler(connection, address, self)
        finally:
            with self._lock:
                del self._open[connection]
            connection.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body go out in two writes.
    disable_nagle_algorithm = True

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        assert isinstance(self.server, _Server)
        received = Received(self.command, self.path, Headers(self.headers.items()), self._body())
        reply = self.server.upstream._take(received)
        if reply is None:
            self.close_connection = True
            return
        self.send_response_only(reply.status)
        for name, value in (*reply.headers, ("Content-Length", str(len(reply.body)))):
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    def log_message(self, format: str, *args: object) -> None:
        return

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("transfer-encoding", ""):
            return self.rfile.read(int(self.headers.get("content-length", "0")))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            # Trailers.
            continue
        return body
