"""Streams of many messages through the filters that see bodies."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable

import pytest

from tests.e2e.conftest import bootstrap
from tests.interop.cases.grpc_stats import chunked, frames
from tests.support.client import Client
from tests.support.proxies import Proxy
from tests.support.upstream import Script, Upstream, raw

_FILTERS = "type.googleapis.com/envoy.extensions.filters.http"
MESSAGES = 10_000
STATS = {
    "name": "envoy.filters.http.grpc_stats",
    "typed_config": {
        "@type": f"{_FILTERS}.grpc_stats.v3.FilterConfig",
        "stats_for_all_methods": True,
    },
}
WEB = {
    "name": "envoy.filters.http.grpc_web",
    "typed_config": {"@type": f"{_FILTERS}.grpc_web.v3.GrpcWeb"},
}
ROUTER = {
    "name": "envoy.filters.http.router",
    "typed_config": {"@type": f"{_FILTERS}.router.v3.Router"},
}


def messages(seed: int) -> list[bytes]:
    """Messages of many sizes, the same in every run."""
    chosen = random.Random(seed)
    return [chosen.randbytes(chosen.randint(0, 300)) for _ in range(MESSAGES)]


@pytest.mark.parametrize("text", [False, True], ids=["binary", "text"])
def test_ten_thousand_messages_each_way(
    text: bool,
    start: Callable[..., Proxy],
    upstream: Callable[[Script], Upstream],
    lease: Callable[[], int],
) -> None:
    asked, answered = messages(1), messages(2)
    head = (
        b"HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    body = frames(*answered)
    pieces = [body[at : at + 7_001] for at in range(0, len(body), 7_001)]
    server, port = upstream(Script([raw(head + chunked(*pieces))])), lease()
    proxy = start(bootstrap(port, server.port, http_filters=[WEB, STATS, ROUTER]))
    kind = "application/grpc-web-text" if text else "application/grpc-web"
    sent = base64.b64encode(frames(*asked)) if text else frames(*asked)
    request = (
        f"POST /pkg.Echo/Many HTTP/1.1\r\nHost: a\r\nContent-Type: {kind}\r\nAccept: {kind}\r\n"
        f"Content-Length: {len(sent)}\r\n\r\n"
    )
    with Client(("127.0.0.1", port), timeout=60) as client:
        client.send(request.encode() + sent)
        response = client.read_response("POST")
    assert response.status == 200
    expected = b"".join(base64.b64encode(frames(each)) for each in answered) if text else body
    assert response.body.data == expected
    (received,) = server.requests
    assert received.head.get("content-type") == "application/grpc"
    assert received.body is not None
    assert received.body.data == frames(*asked)
    found = proxy.stats("filter=pkg.Echo.Many")
    counts = {name.rpartition(".")[2]: value for name, value in found.items()}
    assert counts == {"request_message_count": MESSAGES, "response_message_count": MESSAGES}


def test_names_that_clients_make_up_are_bounded(
    start: Callable[..., Proxy],
    upstream: Callable[[Script], Upstream],
    lease: Callable[[], int],
) -> None:
    answer = b"HTTP/1.1 200 OK\r\ngrpc-status: 0\r\ncontent-length: 0\r\n\r\n"
    server, port = upstream(Script([raw(answer)])), lease()
    proxy = start(bootstrap(port, server.port, http_filters=[STATS, ROUTER]))
    with Client(("127.0.0.1", port), timeout=60) as client:
        for number in range(4200):
            request = (
                f"GET /s/m{number} HTTP/1.1\r\nHost: a\r\ncontent-type: application/grpc\r\n\r\n"
            )
            assert client.request(request.encode()).status == 200
    assert len(proxy.stats("filter=grpc.s.m.*total")) == 4096
