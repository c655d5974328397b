"""Bodies of many sizes arrive unchanged, both ways and in both framings."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable

import pytest

from tests.e2e.conftest import bootstrap
from tests.support.client import Client, post
from tests.support.proxies import Proxy
from tests.support.upstream import Script, Upstream, raw

SIZES = (0, 1, 2, 1023, 16_384, 65_535, 65_536, 65_537, 1_000_003, 5_000_000)
HEAD = "POST /up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


def content(size: int) -> bytes:
    """Bytes that differ everywhere, the same in every run."""
    return random.Random(size).randbytes(size)


def chunked(data: bytes, pieces: random.Random) -> bytes:
    """The chunked form of some bytes, in chunks of random sizes."""
    out, at = [], 0
    while at < len(data):
        piece = data[at : at + pieces.randint(1, 70_000)]
        out.append(b"%x\r\n%s\r\n" % (len(piece), piece))
        at += len(piece)
    return b"".join(out) + b"0\r\n\r\n"


def digest(data: bytes) -> str:
    """A short name for some bytes."""
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("framing", ["content-length", "chunked"])
def test_bodies_both_ways(
    framing: str,
    start: Callable[..., Proxy],
    upstream: Callable[[Script], Upstream],
    lease: Callable[[], int],
) -> None:
    answers = []
    for size in SIZES:
        data = content(size + 7)
        if framing == "chunked":
            head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            answers.append(raw(head + chunked(data, random.Random(size))))
        else:
            head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(data)
            answers.append(raw(head + data))
    server, port = upstream(Script(answers)), lease()
    proxy = start(bootstrap(port, server.port))
    with Client(("127.0.0.1", port), timeout=30) as client:
        for number, size in enumerate(SIZES):
            data = content(size)
            if framing == "chunked":
                client.send(HEAD.encode() + chunked(data, random.Random(-size)))
            else:
                client.send(post("/up", data))
            response = client.read_response()
            assert response.status == 200
            assert response.body.framing == framing
            assert digest(response.body.data) == digest(content(size + 7))
            received = server.requests[number].body
            assert received is not None
            assert received.complete
            assert digest(received.data) == digest(data)
    stats = proxy.stats()
    assert stats["http.in.downstream_rq_2xx"] == len(SIZES)
    assert stats["cluster.be.upstream_cx_total"] == 1


def test_many_clients_on_two_workers(
    start: Callable[..., Proxy],
    upstream: Callable[[Script], Upstream],
    lease: Callable[[], int],
) -> None:
    server = upstream(Script([raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")]))
    port = lease()
    proxy = start(bootstrap(port, server.port), concurrency=2)
    clients = [Client(("127.0.0.1", port)) for _ in range(40)]
    try:
        for round_number in range(5):
            for number, client in enumerate(clients):
                client.send(post(f"/{round_number}/{number}", b"x" * number))
            assert [c.read_response().status for c in clients] == [200] * len(clients)
    finally:
        for client in clients:
            client.close()
    assert proxy.stats()["http.in.downstream_rq_2xx"] == 200
    assert len(server.requests) == 200
    proxy.wait_stat("http.in.downstream_cx_active", 0)
