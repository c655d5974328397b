"""Istio's filters between two sidecars that talk mTLS, as Istio configures them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import sidecars
from tests.support.certificates import openssl_exists
from tests.support.client import Response, fetch, get
from tests.support.proxies import Proxy
from tests.support.sidecars import OUTBOUND, SERVICE, Config, Side
from tests.support.upstream import Script, Upstream, reply

pytestmark = pytest.mark.skipif(not openssl_exists(), reason="no openssl to make certificates with")

INBOUND = "inbound|9080||"
REQUESTS = "istio_requests_total"


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
        server: Upstream,
        lease: Callable[[], int],
        outbound: list[Config] | None = None,
        inbound: list[Config] | None = None,
        **upstream: object,
    ) -> None:
        web, reviews = sides
        self.port, self.server_port = lease(), lease()
        self.logs = (web.files / "out.log", web.files / "in.log")
        manager = sidecars.manager(inbound or sidecars.inbound_filters(), INBOUND, self.logs[1])
        socket = reviews.tls("Downstream", alpn_protocols=["h2", "http/1.1"])
        chain = sidecars.listener("inbound", self.server_port, [sidecars.exchange(), manager],
                              transport_socket=socket)  # fmt: skip
        self.inbound = start(
            sidecars.sidecar(reviews, chain, sidecars.cluster(INBOUND, server.port))
        )
        manager = sidecars.manager(outbound or sidecars.outbound_filters(), OUTBOUND, self.logs[0])
        socket = web.tls("Upstream", alpn_protocols=["istio-peer-exchange", "istio"])
        fields = {"transport_socket": socket, "filters": [sidecars.exchange()], **upstream}
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


def only(proxy: Proxy, metric: str) -> tuple[dict[str, str], float]:
    """The one sample of a metric, which may come a moment after the request."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        found = list(sidecars.samples(proxy.admin("/stats/prometheus").text, metric))
        if found:
            ((labels, value),) = found
            return dict(labels), value
        time.sleep(0.05)
    raise AssertionError(f"{metric} did not come: {proxy.admin('/stats').text}")


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
