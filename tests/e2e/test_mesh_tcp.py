"""The exchange of metadata on connections: between sidecars, and with peers that know nothing."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from google.protobuf.any_pb2 import Any as PackedAny
from google.protobuf.struct_pb2 import Struct

from tests.e2e.test_mesh_filters import of_side, sides
from tests.support import sidecars
from tests.support.certificates import openssl_exists
from tests.support.client import Client
from tests.support.proxies import Proxy
from tests.support.sidecars import OUTBOUND, PEER_EXCHANGE, SERVICE, Side, wait_sample
from tests.support.upstream import Close, Echo, Script, Upstream, tcp

pytestmark = pytest.mark.skipif(not openssl_exists(), reason="no openssl to make certificates with")

INBOUND = "inbound|9080||"
MAGIC = 0x3D230467
OPENED = "istio_tcp_connections_opened_total"
CLOSED = "istio_tcp_connections_closed_total"
SENT = "istio_tcp_sent_bytes_total"
RECEIVED = "istio_tcp_received_bytes_total"
STATS = sidecars.istio_stats(tcp_reporting_duration="0.1s")

__all__ = ["sides"]


def inbound(side: Side, port: int, server: int) -> sidecars.Config:
    """The sidecar of a server."""
    filters = [sidecars.exchange(), STATS, sidecars.tcp_proxy(INBOUND, side.files / "in.log")]
    protocols = [PEER_EXCHANGE, "h2", "http/1.1"]
    tls = side.tls("Downstream", alpn_protocols=protocols)
    listener = sidecars.listener("inbound", port, filters, transport_socket=tls)
    return sidecars.sidecar(side, listener, sidecars.cluster(INBOUND, server))


def outbound(side: Side, port: int, server: int) -> sidecars.Config:
    """The sidecar of a client."""
    tls = side.tls("Upstream", alpn_protocols=[PEER_EXCHANGE, "istio"])
    cluster = sidecars.cluster(
        OUTBOUND, server, transport_socket=tls, filters=[sidecars.exchange()]
    )
    filters = [STATS, sidecars.tcp_proxy(OUTBOUND)]
    return sidecars.sidecar(side, sidecars.listener("outbound", port, filters), cluster)


def of_connection(reporter: str, both: tuple[Side, Side], **more: str) -> dict[str, str]:
    """The labels of a connection."""
    return {
        "reporter": reporter,
        **of_side("source", both[0]),
        **of_side("destination", both[1]),
        "destination_service": SERVICE,
        "destination_service_name": "reviews",
        "destination_service_namespace": "shop",
        "request_protocol": "tcp",
        "response_flags": "-",
        "connection_security_policy": "mutual_tls" if reporter == "destination" else "unknown",
        **more,
    }


def test_sidecars_say_who_they_are(
    sides: tuple[Side, Side],
    start: Callable[..., Proxy],
    upstream: Callable[[Script], Upstream],
    lease: Callable[[], int],
) -> None:
    web, reviews = sides
    server, between, port = upstream(tcp(Echo())), lease(), lease()
    behind = start(inbound(reviews, between, server.port))
    before = start(outbound(web, port, between))
    with Client(("127.0.0.1", port), timeout=20) as client:
        client.send(b"hello")
        assert client.socket.recv(100) == b"hello"
        # Both tell of the connection while it lasts.
        assert wait_sample(before, OPENED, 1) == of_connection("source", sides)
        assert wait_sample(behind, OPENED, 1) == of_connection("destination", sides)
        wait_sample(before, RECEIVED, 5)
        wait_sample(behind, SENT, 5)
        client.send(b"again")
        assert client.socket.recv(100) == b"again"
        client.half_close()
        assert client.socket.recv(100) == b""
    for proxy, reporter in ((before, "source"), (behind, "destination")):
        expected = of_connection(reporter, sides)
        assert wait_sample(proxy, CLOSED, 1) == expected
        assert wait_sample(proxy, SENT, 10) == expected
        assert wait_sample(proxy, RECEIVED, 10) == expected
        stats = proxy.stats()
        assert stats["metadata_exchange.alpn_protocol_found"] == 1
        assert stats["metadata_exchange.metadata_added"] == 1
        assert stats["metadata_exchange.alpn_protocol_not_found"] == 0
    behind.close()
    web_said, _ = (web.files / "in.log").read_text().split(" ")
    assert '"workload":"web-v1"' in web_said


def test_a_server_that_speaks_first(
    sides: tuple[Side, Side],
    start: Callable[..., Proxy],
    upstream: Callable[[Script], Upstream],
    lease: Callable[[], int],
) -> None:
    web, reviews = sides
    server, between, port = upstream(tcp(b"220 ready\r\n", Close())), lease(), lease()
    start(inbound(reviews, between, server.port))
    before = start(outbound(web, port, between))
    with Client(("127.0.0.1", port), timeout=20) as client:
        assert client.socket.recv(100) == b"220 ready\r\n"
    assert wait_sample(before, OPENED, 1) == of_connection("source", sides)


def test_a_connection_that_was_not_made(
    sides: tuple[Side, Side], start: Callable[..., Proxy], lease: Callable[[], int]
) -> None:
    port = lease()
    before = start(outbound(sides[0], port, lease()))
    with Client(("127.0.0.1", port), timeout=20) as client:
        assert client.socket.recv(100) == b""
    labels = wait_sample(before, CLOSED, 1)
    assert labels["response_flags"] == "UF,URX"
    assert labels["destination_workload"] == "unknown"
    assert labels["destination_service"] == SERVICE


@contextmanager
def connection(port: int, side: Side, *protocols: str) -> Iterator[ssl.SSLSocket]:
    """A TLS connection of a client with the credentials of a workload."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(str(side.files / "ca.pem"))
    context.load_cert_chain(side.files / f"{side.name}.pem", side.files / f"{side.name}.key")
    context.set_alpn_protocols(list(protocols))
    with (
        socket.create_connection(("127.0.0.1", port), timeout=20) as plain,
        context.wrap_socket(plain) as secured,
    ):
        yield secured


def read_exactly(sock: socket.socket, count: int) -> bytes:
    """So many bytes."""
    got = b""
    while len(got) < count:
        data = sock.recv(count - len(got))
        assert data, f"the connection ended after {got!r}"
        got += data
    return got


def read_greeting(sock: socket.socket) -> Struct:
    """What the proxy says before its first byte."""
    magic, length = struct.unpack(">II", read_exactly(sock, 8))
    assert magic == MAGIC
    packed = PackedAny.FromString(read_exactly(sock, length))
    assert packed.type_url == "type.googleapis.com/google.protobuf.Struct"
    return Struct.FromString(packed.value)


@pytest.fixture
def server_side(
    sides: tuple[Side, Side],
    start: Callable[..., Proxy],
    upstream: Callable[[Script], Upstream],
    lease: Callable[[], int],
) -> tuple[Proxy, int]:
    """The sidecar of a server that repeats what it is told, and its port."""
    port = lease()
    return start(inbound(sides[1], port, upstream(tcp(Echo())).port)), port


def test_the_bytes_of_the_exchange(
    sides: tuple[Side, Side], server_side: tuple[Proxy, int]
) -> None:
    proxy, port = server_side
    said = Struct()
    said.update({"x-envoy-peer-metadata": {"WORKLOAD_NAME": "mine", "NAMESPACE": "own"}})
    url = "type.googleapis.com/google.protobuf.Struct"
    packed = PackedAny(type_url=url, value=said.SerializeToString()).SerializeToString()
    frame = struct.pack(">II", MAGIC, len(packed)) + packed
    with connection(port, sides[0], PEER_EXCHANGE) as client:
        for at in range(0, len(frame), 7):
            client.sendall(frame[at : at + 7])
        client.sendall(b"ping")
        greeting = read_greeting(client)
        assert read_exactly(client, 4) == b"ping"
    assert sorted(greeting.fields) == ["x-envoy-peer-metadata", "x-envoy-peer-metadata-id"]
    assert greeting["x-envoy-peer-metadata-id"] == sides[1].node()["id"]
    metadata = greeting["x-envoy-peer-metadata"]
    assert metadata["WORKLOAD_NAME"] == "reviews-v1"
    assert metadata["OWNER"].endswith("/deployments/reviews-v1")
    assert sorted(metadata["LABELS"]) == [
        "app",
        "service.istio.io/canonical-name",
        "service.istio.io/canonical-revision",
        "version",
    ]
    labels = wait_sample(proxy, OPENED, 1)
    assert labels["source_workload"] == "mine"
    # The identity is surer of the namespace than what the peer says.
    assert labels["source_workload_namespace"] == "front"


@pytest.mark.parametrize(
    ("sent", "passed_on", "counter"),
    [
        (b"plain bytes", b"plain bytes", "initial_header_not_found"),
        (struct.pack(">II", MAGIC, 3) + b"\xff\xff\xffrest", b"\xff\xff\xffrest",
         "header_not_found"),
        (struct.pack(">II", MAGIC, 1 << 30) + b"long", b"long", "header_not_found"),
    ],
    ids=["none", "broken", "too long"],
)  # fmt: skip
def test_peers_without_metadata(
    sides: tuple[Side, Side],
    server_side: tuple[Proxy, int],
    sent: bytes,
    passed_on: bytes,
    counter: str,
) -> None:
    proxy, port = server_side
    with connection(port, sides[0], PEER_EXCHANGE) as client:
        client.sendall(sent)
        read_greeting(client)
        assert read_exactly(client, len(passed_on)) == passed_on
        labels = wait_sample(proxy, OPENED, 1)
    assert labels["source_workload"] == "unknown"
    assert labels["source_canonical_revision"] == "latest"
    assert labels["source_principal"] == sides[0].principal
    assert proxy.stats()[f"metadata_exchange.{counter}"] == 1


def test_another_protocol_is_left_alone(
    sides: tuple[Side, Side], server_side: tuple[Proxy, int]
) -> None:
    proxy, port = server_side
    with connection(port, sides[0], "http/1.1") as client:
        client.sendall(b"ping")
        assert read_exactly(client, 4) == b"ping"
        assert wait_sample(proxy, OPENED, 1)["source_workload"] == "unknown"
    assert proxy.stats()["metadata_exchange.alpn_protocol_not_found"] == 1
