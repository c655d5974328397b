"""Real WebSockets, and real clients of a CONNECT proxy."""

from __future__ import annotations

import hashlib
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Message,
    Ping,
    Pong,
    RejectConnection,
    Request,
    TextMessage,
)

from tests.e2e.conftest import Config, bootstrap
from tests.e2e.test_backpressure import ALLOWED_GROWTH, BIG, memory, wait_until_still
from tests.support.certificates import make_authority, make_certificate, openssl_exists
from tests.support.client import Client, get
from tests.support.proxies import Proxy
from tests.support.upstream import Script, Upstream, reply

COUNT = 1000
Start = Callable[[Config], Proxy]
WEBSOCKET = [{"upgrade_type": "websocket"}]
CONNECT = [{"upgrade_type": "CONNECT"}]


class Peer:
    """One end of a WebSocket."""

    def __init__(self, connection: socket.socket, kind: ConnectionType) -> None:
        self.socket = connection
        self.socket.settimeout(30)
        self.ws = WSConnection(kind)

    def send(self, *events: Event) -> None:
        """Write these events."""
        self.socket.sendall(b"".join(self.ws.send(event) for event in events))

    def events(self) -> Iterator[Event]:
        """What the peer says, until it ends the connection."""
        while True:
            yield from self.ws.events()
            data = self.socket.recv(65536)
            if not data:
                return
            self.ws.receive_data(data)

    def next(self) -> Event:
        """The next thing that the peer says."""
        return next(self.events())


def serve_echo(connection: socket.socket) -> None:
    """Send what comes of each message back; answer pings and the close."""
    peer = Peer(connection, ConnectionType.SERVER)
    for event in peer.events():
        match event:
            case Request(target="/no"):
                peer.send(RejectConnection(status_code=403))
                return
            case Request():
                peer.send(AcceptConnection(subprotocol="chat"))
            case TextMessage(data, message_finished=finished):
                peer.send(TextMessage(data, message_finished=finished))
            case BytesMessage(data, message_finished=finished):
                peer.send(BytesMessage(bytes(data), message_finished=finished))
            case Ping():
                peer.send(event.response())
            case CloseConnection():
                peer.send(event.response())
                return


@contextmanager
def server(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """Serve connections one after the other; yields the port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def accept() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    serve(connection)

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(30)


@contextmanager
def websocket(port: int, target: str = "/chat") -> Iterator[Peer]:
    """A client that has asked for a WebSocket."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        peer = Peer(connection, ConnectionType.CLIENT)
        peer.send(Request(host="example.com", target=target, subprotocols=["chat"]))
        yield peer


def test_a_websocket_echoes_a_thousand_messages(start: Start, lease: Callable[[], int]) -> None:
    port = lease()
    with server(serve_echo) as upstream:
        proxy = start(bootstrap(port, upstream, upgrade_configs=WEBSOCKET))
        with websocket(port) as peer:
            accepted = peer.next()
            assert isinstance(accepted, AcceptConnection)
            assert accepted.subprotocol == "chat"
            assert proxy.stats()["http.in.downstream_cx_upgrades_active"] == 1
            sent: list[str | bytes] = [f"message {n} " * (n % 50) for n in range(COUNT)]
            sent += [bytes(range(256)) * 1024]
            got = exchange(peer, sent)
            assert got == sent
            peer.send(Ping(b"are you there"))
            assert peer.next() == Pong(b"are you there")
            peer.send(CloseConnection(1000, "done"))
            assert peer.next() == CloseConnection(1000, "done")
            assert peer.ws.state is ConnectionState.CLOSED
            assert list(peer.events()) == []
        stats = proxy.stats("usedonly")
        assert stats["http.in.downstream_cx_upgrades_total"] == 1
        assert stats["cluster.be.upstream_rq_101"] == 1


def exchange(peer: Peer, messages: list[str | bytes]) -> list[str | bytes]:
    """Send all messages while their echoes come back."""

    def write() -> None:
        for message in messages:
            event: Message[str] | Message[bytes] = (
                TextMessage(message) if isinstance(message, str) else BytesMessage(message)
            )
            peer.send(event)

    writer = threading.Thread(target=write)
    writer.start()
    got: list[str | bytes] = []
    piece: list[str | bytes] = []
    for event in peer.events():
        assert isinstance(event, TextMessage | BytesMessage)
        piece.append(event.data if isinstance(event, TextMessage) else bytes(event.data))
        if event.message_finished:
            whole: str | bytes = (
                "".join(map(str, piece))
                if isinstance(event, TextMessage)
                else b"".join(part for part in piece if isinstance(part, bytes))
            )
            got.append(whole)
            piece.clear()
        if len(got) == len(messages):
            break
    writer.join(30)
    return got


def test_a_server_that_refuses_is_heard(start: Start, lease: Callable[[], int]) -> None:
    port = lease()
    with server(serve_echo) as upstream:
        start(bootstrap(port, upstream, upgrade_configs=WEBSOCKET))
        with websocket(port, "/no") as peer:
            refused = peer.next()
            assert isinstance(refused, RejectConnection)
            assert refused.status_code == 403


def test_what_comes_before_the_answer_waits_in_its_connection(
    start: Start, lease: Callable[[], int]
) -> None:
    port, may_agree, got = lease(), threading.Event(), hashlib.sha256()

    def agree_late(connection: socket.socket) -> None:
        connection.settimeout(30)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += connection.recv(65536)
        may_agree.wait(30)
        connection.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        )
        left = BIG
        while left and (data := connection.recv(1 << 20)):
            got.update(data)
            left -= len(data)
        connection.sendall(b"all")

    with server(agree_late) as upstream, ExitStack() as stack:
        proxy = start(bootstrap(port, upstream, upgrade_configs=WEBSOCKET))
        before = memory(proxy.process.pid)
        client = stack.enter_context(Client(("127.0.0.1", port), timeout=60))
        client.send(get("/", headers="Connection: Upgrade\r\nUpgrade: websocket\r\n"))
        piece, sent = bytes(range(256)) * 256, [0]

        def write() -> None:
            while sent[0] < BIG:
                client.socket.sendall(piece)
                sent[0] += len(piece)

        writer = threading.Thread(target=write)
        writer.start()
        assert wait_until_still(lambda: sent[0]) < BIG, "the proxy read all before the answer"
        assert memory(proxy.process.pid) - before < ALLOWED_GROWTH
        may_agree.set()
        assert client.read_head().start == "HTTP/1.1 101 Switching Protocols"
        assert client.reader.read_exactly(3, time.monotonic() + 60) == b"all"
        writer.join(30)
        assert got.digest() == hashlib.sha256(piece * (BIG // len(piece))).digest()


def connect_proxy(listener: int, upstream: int) -> Config:
    """A proxy that ends CONNECT and opens TCP to the upstream."""
    ends = {"upgrade_type": "CONNECT", "connect_config": {}}
    route = {
        "match": {"connect_matcher": {}},
        "route": {"cluster": "be", "upgrade_configs": [ends]},
    }
    hosts = [{"name": "vh", "domains": ["*"], "routes": [route]}]
    table = {"name": "local", "virtual_hosts": hosts}
    return bootstrap(listener, upstream, upgrade_configs=CONNECT, route_config=table)


def test_curl_gets_through(
    start: Start, lease: Callable[[], int], upstream: Callable[[Script], Upstream]
) -> None:
    port, behind = lease(), upstream(Script([reply(200, b"behind the proxy")]))
    start(connect_proxy(port, behind.port))
    done = subprocess.run(
        ["curl", "-sS", "--proxytunnel", "-x", f"http://127.0.0.1:{port}", "http://site.test/x"],
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, b"behind the proxy"), done.stderr
    assert [received.head.start for received in behind.requests] == ["GET /x HTTP/1.1"]


def test_curl_is_told_why_it_does_not_get_through(start: Start, lease: Callable[[], int]) -> None:
    port, nobody = lease(), lease()
    start(connect_proxy(port, nobody))
    done = subprocess.run(
        ["curl", "-sS", "--proxytunnel", "-x", f"http://127.0.0.1:{port}", "http://site.test/x"],
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode != 0
    assert b"503" in done.stderr


@pytest.mark.skipif(not openssl_exists(), reason="no openssl")
@pytest.mark.parametrize("size", [0, 1_000_000])
def test_tls_passes_through_a_tunnel(
    start: Start, lease: Callable[[], int], tmp_path: Path, size: int
) -> None:
    authority = make_authority(tmp_path)
    made = make_certificate(tmp_path, "server", ["DNS:localhost"], authority)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)

    def echo(connection: socket.socket) -> None:
        connection.settimeout(30)
        with closing(context.wrap_socket(connection, server_side=True)) as tls:
            left = size
            while left:
                data = tls.recv(65536)
                tls.sendall(data)
                left -= len(data)
            tls.sendall(b"the end")

    with server(echo) as upstream:
        port = lease()
        start(connect_proxy(port, upstream))
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            connection.sendall(b"CONNECT localhost:443 HTTP/1.1\r\nHost: localhost:443\r\n\r\n")
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += connection.recv(1)
            assert head.startswith(b"HTTP/1.1 200 OK\r\n")
            trusting = ssl.create_default_context(cafile=authority.certificate)
            with trusting.wrap_socket(connection, server_hostname="localhost") as tls:
                piece = bytes(range(250)) * 200
                for _ in range(size // len(piece)):
                    # One thread for both ways: OpenSSL's connections are not to be shared.
                    tls.sendall(piece)
                    got = b""
                    while len(got) < len(piece):
                        data = tls.recv(len(piece) - len(got))
                        assert data, "the tunnel has ended"
                        got += data
                    assert got == piece
                got = b""
                while data := tls.recv(65536):
                    got += data
                assert got == b"the end"
