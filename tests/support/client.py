"""A raw HTTP/1.1 client: it sends the bytes it is given and keeps what comes back."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import struct
import time
from dataclasses import dataclass

from lateen.closing import Closing
from tests.support.http1 import Body, ConnectionEnded, Head, Reader


@dataclass(frozen=True)
class Response:
    """A final response, with the 1xx responses that came before it."""

    head: Head
    body: Body
    interim: tuple[Head, ...] = ()

    @property
    def status(self) -> int:
        """The status code."""
        return int(self.head.start.split(" ")[1])

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.data.decode("utf-8", "replace")

    def get(self, name: str) -> str | None:
        """The first value of header `name`."""
        return self.head.get(name)


class Client(Closing):
    """One connection to a proxy.

    `address` is (host, port) or the path of a unix socket; `timeout` (seconds) bounds each read;
    `source` is the address on this side.
    """

    def __init__(
        self,
        address: tuple[str, int] | str,
        timeout: float = 10.0,
        source: tuple[str, int] | None = None,
    ) -> None:
        if isinstance(address, str):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout)
            self.socket.connect(address)
        else:
            self.socket = _connect(address, timeout, source)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = Reader(self.socket, timeout)
        name = self.socket.getsockname()
        self.local_port: int = name[1] if isinstance(name, tuple) else 0

    def secure(
        self, context: ssl.SSLContext, name: str, session: ssl.SSLSession | None = None
    ) -> ssl.SSLSocket:
        """Begin TLS.

        Raises:
            OSError: the handshake failed.
        """
        timeout = self.reader.timeout
        secured = context.wrap_socket(
            self.socket, server_hostname=name or None, session=session,
            suppress_ragged_eofs=False,
        )  # fmt: skip
        self.socket = secured
        self.reader = Reader(secured, timeout)
        return secured

    def send(self, data: bytes) -> None:
        """Send all bytes; a peer that has gone away is found out by the next read."""
        self.socket.settimeout(self.reader.timeout)
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            self.socket.sendall(data)

    def send_slowly(self, data: bytes, piece: int, pause: float) -> None:
        """Send `piece` bytes at a time with `pause` seconds between."""
        for start in range(0, len(data), piece):
            self.send(data[start : start + piece])
            time.sleep(pause)

    def half_close(self) -> None:
        """End the sending side only."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """End the connection with a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def read_head(self, timeout: float | None = None) -> Head:
        """The next head alone: a 1xx, or a response whose body the test reads itself."""
        return self.reader.read_head(timeout)

    def read_response(self, method: str = "GET", timeout: float | None = None) -> Response:
        """The next final response to a `method` request, with its body."""
        interim = []
        head = self.reader.read_head(timeout)
        while re.match(r"HTTP/1\.[01] 1(?!01)\d\d( |$)", head.start):
            interim.append(head)
            head = self.reader.read_head(timeout)
        status = head.start.split(" ")[1]
        tunnel = status == "101" or (method == "CONNECT" and status.startswith("2"))
        bodiless = method == "HEAD" or tunnel or status in ("204", "304")
        body = Body() if bodiless else self.reader.read_body(head, until_close=True)
        return Response(head, body, tuple(interim))

    def request(self, data: bytes, method: str = "GET") -> Response:
        """Send `data` and read the response."""
        self.send(data)
        return self.read_response(method)

    def state_after(self, seconds: float) -> str:
        """`closed`, `reset` or `open`; waits up to `seconds` for the end, keeps what arrives."""
        deadline = time.monotonic() + seconds
        try:
            while time.monotonic() < deadline:
                self.reader.fill(deadline)
        except ConnectionEnded as end:
            return "reset" if end.reset else "closed"
        except TimeoutError:
            pass
        return "open"

    @property
    def leftover(self) -> bytes:
        """Bytes that came after the last message that was read."""
        return self.reader.buffer

    def close(self) -> None:
        """End the connection."""
        self.socket.close()


def _connect(
    address: tuple[str, int], timeout: float, source: tuple[str, int] | None
) -> socket.socket:
    if source is None:
        return socket.create_connection(address, timeout=timeout)
    connection = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
    try:
        connection.settimeout(timeout)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        connection.bind(source)
        connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection


def fetch(port: int, data: bytes, method: str = "GET", timeout: float = 10.0) -> Response:
    """One request on a connection of its own to 127.0.0.1:`port`."""
    with Client(("127.0.0.1", port), timeout) as client:
        return client.request(data, method)


def get(path: str = "/", host: str = "example.com", headers: str = "") -> bytes:
    """The bytes of a GET; `headers` holds further complete header lines."""
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n".encode("latin-1")


def post(path: str, body: bytes, host: str = "example.com", headers: str = "") -> bytes:
    """The bytes of a POST with a Content-Length."""
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    return head.encode("latin-1") + body
