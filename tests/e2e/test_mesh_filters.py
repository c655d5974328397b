"""Istio's filters between two sidecars that talk mTLS, as Istio configures them."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest

from tests.support import sidecars
from tests.support.certificates import openssl_exists
from tests.support.client import Response, fetch, get
from tests.support.grpc_service import NAME, GrpcClient, GrpcService
from tests.support.proxies import Proxy
from tests.support.sidecars import OUTBOUND, REQUESTS, SERVICE, Config, Side, only, wait_sample
from tests.support.upstream import Script, TlsServer, Upstream, reply

pytestmark = pytest.mark.skipif(not openssl_exists(), reason="no openssl to make certificates with")

INBOUND = "inbound|9080||"


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Side, Side]:
    """The client's and the server's workload."""
    return sidecars.make_sides(tmp_path)


class HttpMesh:
    """A client's sidecar, a server's, and the server, for HTTP."""

    def __init__(
        self,
        sides: tuple[Side, Side],
        start: Callable[..., Proxy],
        server: Upstream | GrpcService,
        lease: Callable[[], int],
        **cluster: object,
    ) -> None:
        web, reviews = sides
        self.port, self.server_port = lease(), lease()
        self.logs = (web.files / "out.log", web.files / "in.log")
        manager = sidecars.manager(sidecars.inbound_filters(), INBOUND, self.logs[1])
        socket = reviews.tls("Downstream", alpn_protocols=["h2", "http/1.1"])
        chain = sidecars.listener("inbound", self.server_port, [sidecars.exchange(), manager],
                              transport_socket=socket)  # fmt: skip
        self.inbound = start(
            sidecars.sidecar(reviews, chain, sidecars.cluster(INBOUND, server.port, **cluster))
        )
        manager = sidecars.manager(sidecars.outbound_filters(), OUTBOUND, self.logs[0])
        socket = web.tls("Upstream", alpn_protocols=["istio-peer-exchange", "istio"])
        fields = {"transport_socket": socket, "filters": [sidecars.exchange()], **cluster}
        self.outbound = start(
            sidecars.sidecar(
                web,
                sidecars.listener("outbound", self.port, [manager]),
                sidecars.cluster(OUTBOUND, self.server_port, **fields),
            )
        )

    def get(self, headers: str = "") -> Response:
        """Asks for something through both."""
        return fetch(self.port, get("/", SERVICE, headers))


def of_side(end: str, side: Side) -> dict[str, str]:
    """The labels that tell of one end of a request."""
    return {
        f"{end}_workload": f"{side.name}-v1",
        f"{end}_workload_namespace": side.namespace,
        f"{end}_principal": side.principal,
        f"{end}_app": side.name,
        f"{end}_version": "v1",
        f"{end}_canonical_service": side.name,
        f"{end}_canonical_revision": "v1",
        f"{end}_cluster": "Kubernetes",
    }


def of_request(reporter: str, sides: tuple[Side, Side], **more: str) -> dict[str, str]:
    """All labels of istio_requests_total."""
    return {
        "reporter": reporter,
        **of_side("source", sides[0]),
        **of_side("destination", sides[1]),
        "destination_service": SERVICE,
        "destination_service_name": "reviews",
        "destination_service_namespace": "shop",
        "request_protocol": "http",
        "response_code": "200",
        "grpc_response_status": "",
        "response_flags": "-",
        "connection_security_policy": "mutual_tls" if reporter == "destination" else "unknown",
        **more,
    }


def test_both_sides_tell_of_a_request(
    sides: tuple[Side, Side],
    start: Callable[..., Proxy],
    upstream: Callable[[Script], Upstream],
    lease: Callable[[], int],
) -> None:
    server = upstream(Script([reply(headers="x-own: 1\r\n")]))
    both = HttpMesh(sides, start, server, lease)
    answer = both.get()
    assert answer.status == 200
    # What proxies say to each other is for neither the client nor the server.
    assert answer.get("x-envoy-peer-metadata") is None
    assert answer.get("x-envoy-peer-metadata-id") is None
    assert answer.get("x-own") == "1"
    assert not [name for name, _ in server.requests[0].head.headers if "peer-metadata" in name]
    assert only(both.outbound, REQUESTS) == (of_request("source", sides), 1)
    assert only(both.inbound, REQUESTS) == (of_request("destination", sides), 1)


def test_logs_have_the_peers(
    sides: tuple[Side, Side],
    start: Callable[..., Proxy],
    upstream: Callable[[Script], Upstream],
    lease: Callable[[], int],
) -> None:
    both = HttpMesh(sides, start, upstream(Script([reply()])), lease)
    both.get()
    both.outbound.close()
    both.inbound.close()
    nobody, reviews = both.logs[0].read_text().split(" ", 1)
    assert nobody == "-"
    assert json.loads(reviews) == {
        "@type": "type.googleapis.com/google.protobuf.Struct",
        "value": {
            "app": "reviews",
            "cluster": "Kubernetes",
            "name": "reviews-1",
            "namespace": "shop",
            "revision": "v1",
            "service": "reviews",
            "type": "deployment",
            "version": "v1",
            "workload": "reviews-v1",
        },
    }
    web, nobody = both.logs[1].read_text().rsplit(" ", 1)
    assert nobody == "-\n"
    assert json.loads(web)["value"]["workload"] == "web-v1"


def test_messages_of_calls_are_counted(
    sides: tuple[Side, Side], start: Callable[..., Proxy], lease: Callable[[], int]
) -> None:
    with GrpcService() as service:
        both = HttpMesh(sides, start, service, lease, **sidecars.http2())
        with GrpcClient(both.port) as client:
            assert list(client.each(iter([b"ab", b"cd", b"ef"]))) == [b"ba", b"dc", b"fe"]
        for proxy, reporter in ((both.outbound, "source"), (both.inbound, "destination")):
            labels, _ = only(proxy, REQUESTS)
            called = {"request_protocol": "grpc", "grpc_response_status": "0"}
            assert labels == of_request(reporter, sides, **called)
            for direction in ("request", "response"):
                counted = wait_sample(proxy, f"istio_{direction}_messages_total", 3)
                assert counted["source_workload"] == "web-v1"
                assert "response_code" not in counted
            stats = proxy.stats()
            cluster = OUTBOUND if proxy is both.outbound else INBOUND
            assert stats[f"cluster.{cluster}.grpc.success"] == 1
            assert f"cluster.{cluster}.grpc.{NAME}.Each.success" not in stats


def test_a_call_that_fails(
    sides: tuple[Side, Side], start: Callable[..., Proxy], lease: Callable[[], int]
) -> None:
    with GrpcService() as service:
        both = HttpMesh(sides, start, service, lease, **sidecars.http2())
        with GrpcClient(both.port) as client, pytest.raises(grpc.RpcError):
            client.fail(b"x")
        labels, _ = only(both.outbound, REQUESTS)
        assert (labels["response_code"], labels["grpc_response_status"]) == ("200", "9")


class AlpnUpstream(Upstream):
    """An upstream that remembers which protocols it has agreed on."""

    def __init__(self, script: Script, tls: TlsServer) -> None:
        self.agreed: list[str | None] = []
        super().__init__(script, tls=tls)

    def _secured(self, connection: socket.socket) -> socket.socket:
        secured = super()._secured(connection)
        assert isinstance(secured, ssl.SSLSocket)
        self.agreed.append(secured.selected_alpn_protocol())
        return secured


@pytest.mark.parametrize(
    ("istio", "fields", "agreed"),
    [
        ({}, {}, "istio-http/1.1"),
        ({}, sidecars.http2(), "istio-h2"),
        ({"alpn_override": "false"}, {}, "own"),
        ({"alpn_override": "true"}, {}, "istio-http/1.1"),
    ],
    ids=["http1", "http2", "opted out", "not opted out"],
)
def test_connections_offer_istios_protocols(
    start: Callable[..., Proxy],
    lease: Callable[[], int],
    istio: Config,
    fields: Config,
    agreed: str,
) -> None:
    known = ("own", "istio-http/1.1", "istio-h2", "istio", "http/1.1", "h2")
    tls: Config = {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        "common_tls_context": {"alpn_protocols": ["own"]},
    }
    with AlpnUpstream(Script([reply()]), TlsServer(alpn=known)) as server:
        port = lease()
        cluster = sidecars.cluster(
            OUTBOUND,
            server.port,
            metadata={"filter_metadata": {"istio": istio}},
            transport_socket={"name": "envoy.transport_sockets.tls", "typed_config": tls},
            **fields,
        )
        listener = sidecars.listener(
            "outbound", port, [sidecars.manager([sidecars.alpn()], OUTBOUND)]
        )
        start(sidecars.sidecar(Side("web", "front", Path()), listener, cluster))
        fetch(port, get("/", SERVICE))
        assert server.agreed == [agreed]
