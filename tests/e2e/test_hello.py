"""examples/hello/envoy.yaml runs byte for byte, with --resolve in place of a hosts file."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Callable

import pytest

from tests.support.client import fetch, get
from tests.support.proxies import ROOT, Proxy
from tests.support.upstream import Script, Upstream, reply

HELLO = ROOT / "examples/hello/envoy.yaml"


def free(host: str, port: int) -> bool:
    """Whether a port of the example can be had on this machine."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


@pytest.fixture
def example() -> str:
    """The example, where its fixed ports are free."""
    if not (free("0.0.0.0", 10000) and free("127.0.0.1", 9901)):
        pytest.skip("something else on this machine has port 10000 or 9901 of the example")
    return HELLO.read_text()


def test_hello_carries_requests(
    example: str, start: Callable[..., Proxy], upstream: Callable[[Script], Upstream]
) -> None:
    server = upstream(Script([reply(200, b"hello", "Server: origin\r\n")]))
    proxy = start(example, "--resolve", f"httpserver-svc:80=127.0.0.1:{server.port}")
    assert proxy.admin_address == ("127.0.0.1", 9901)
    response = fetch(10000, get("/greeting"))
    assert (response.status, response.text) == (200, "hello")
    assert response.get("server") == "envoy"
    seen = server.requests[0].head
    assert seen.start == "GET /greeting HTTP/1.1"
    assert [name for name, _ in seen.headers] == [
        "host",
        "x-forwarded-proto",
        "x-request-id",
        "x-envoy-expected-rq-timeout-ms",
    ]
    stats = proxy.stats()
    assert stats["http.ingress_http.downstream_rq_2xx"] == 1
    assert stats["cluster.some_service.upstream_rq_200"] == 1


def test_hello_without_the_service(example: str, start: Callable[..., Proxy]) -> None:
    start(example, "--resolve", "httpserver-svc:80=127.0.0.1:1")
    response = fetch(10000, get("/"))
    assert response.status == 503
    assert response.text.endswith("reset reason: remote connection failure")


def test_hello_is_the_file_that_was_given() -> None:
    text = HELLO.read_text()
    assert hashlib.sha256(text.encode()).hexdigest() == FINGERPRINT


FINGERPRINT = "f5511ad3cac1b8b286c1fce5a00793f8f4efff93368dcc2120f268ca63dc8659"
