"""Filters in Python that see bodies: whole, or chunk by chunk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.python_filters import Start, Upstreams, counters, filtered, python
from tests.support.client import Client, fetch, get, post
from tests.support.upstream import Script, raw, reply
from tests.support.workers import eventually

FILTERS = """
import json
from lateen.filters import Chunk, Request, Response, ResponseHead, http_filter


@http_filter(request_body=True)
def model(request: Request) -> Response | None:
    if not request.body:
        return Response(400, f"{request.method} without a body")
    asked = json.loads(request.body)
    request.headers["x-model"] = asked["model"]
    request.body = json.dumps({**asked, "user": "proxy"}).encode()
    return None


@http_filter(request_body=True, response_body=True)
class Redact:
    def on_request(self, request: Request) -> None:
        self.secret = request.headers["x-secret"].encode()
        if request.path == "/give":
            request.body = b"a body"

    def on_response(self, response: ResponseHead) -> None:
        response.headers["x-length"] = str(len(response.body))
        response.body = response.body.replace(self.secret, b"-")


@http_filter
class Upper:
    def on_request_body(self, chunk: Chunk) -> None:
        chunk.data = chunk.data.upper()


@http_filter
class Count:
    def __init__(self) -> None:
        self.words = 0

    def on_response_body(self, chunk: Chunk) -> Response | None:
        if b"stop" in chunk.data:
            raise ValueError("enough")
        self.words += chunk.data.count(b" ")
        if chunk.end:
            chunk.data += f"{self.words} words".encode()
        return None


@http_filter
def curious(request: Request) -> None:
    request.body
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "bodies.py"
    path.write_text(FILTERS)
    return path


def test_a_request_is_shown_with_its_whole_body(
    start: Start, upstream: Upstreams, lease: Callable[[], int], file: Path
) -> None:
    port, server = lease(), upstream(Script([reply(200, b"ok")]))
    config = filtered(port, server.port, python(file, "model"))
    (listener,) = config["static_resources"]["listeners"]  # type: ignore[index]
    listener["per_connection_buffer_limit_bytes"] = 1000
    proxy = start(config)
    assert fetch(port, post("/", b'{"model": "small"}')).status == 200
    (received,) = server.requests
    assert received.body.data == b'{"model": "small", "user": "proxy"}'
    assert received.head.get("x-model") == "small"
    assert received.head.get("content-length") == "35"
    chunked = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunked += b'9\r\n{"model":\r\n6\r\n "big"\r\n1\r\n}\r\n0\r\n\r\n'
    assert fetch(port, chunked).status == 200
    assert server.requests[1].body.data == b'{"model": "big", "user": "proxy"}'
    assert fetch(port, get()).text == "GET without a body"
    assert fetch(port, post("/", b"x" * 2000)).status == 413
    assert fetch(port, post("/", b"[")).status == 500
    assert len(server.requests) == 2
    assert counters(proxy, "model") == {"calls": 4, "answered": 1, "errors": 1}


def test_a_response_is_held_until_its_whole_body_was_seen(
    start: Start, upstream: Upstreams, lease: Callable[[], int], file: Path
) -> None:
    chunked = raw(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"4\r\na se\r\n",
        b"4\r\ncret\r\n0\r\n\r\n",
    )
    answers = [reply(200, b"my secret word"), chunked, reply(204, b""), reply(200, b"")]
    port, server = lease(), upstream(Script(answers))
    proxy = start(filtered(port, server.port, python(file, "Redact")))
    with Client(("127.0.0.1", port)) as client:
        found = [client.request(get(headers="x-secret: secret\r\n")) for _ in answers]
        head = b"HEAD / HTTP/1.1\r\nHost: a\r\nx-secret: s\r\n\r\n"
        empty = client.request(head, "HEAD")
    assert [(each.status, each.text, each.get("x-length")) for each in found] == [
        (200, "my - word", "14"),
        (200, "a -", "8"),
        (204, "", "0"),
        (200, "", "0"),
    ]
    assert [each.get("content-length") for each in found] == ["9", "3", None, "0"]
    assert (empty.status, empty.get("x-length")) == (200, "0")
    refused = fetch(port, get("/give", headers="x-secret: s\r\n"))
    assert refused.status == 500
    eventually(lambda: "a request without a body cannot get one" in proxy.stderr)


def test_chunks_of_a_request_go_on_as_they_come(
    start: Start, upstream: Upstreams, lease: Callable[[], int], file: Path
) -> None:
    port, server = lease(), upstream(Script([reply(200, b"ok")]))
    start(filtered(port, server.port, python(file, "Upper")))
    assert fetch(port, post("/", b"some words")).status == 200
    large = b"abc" * 100_000
    assert fetch(port, post("/", large)).status == 200
    small, big = server.requests
    assert (small.body.data, small.head.get("content-length")) == (b"SOME WORDS", None)
    assert small.head.get("transfer-encoding") == "chunked"
    assert big.body.data == large.upper()


def test_chunks_of_a_response_are_counted_as_they_stream(
    start: Start, upstream: Upstreams, lease: Callable[[], int], file: Path
) -> None:
    port, server = lease(), upstream(Script([reply(200, b"one two three ")]))
    proxy = start(filtered(port, server.port, python(file, "Count")))
    answer = fetch(port, get())
    assert (answer.text, answer.get("content-length")) == ("one two three 3 words", None)
    assert counters(proxy, "Count")["calls"] >= 2


@pytest.mark.parametrize("mode", ["DENY", "ALLOW"])
def test_a_filter_that_fails_in_the_middle_of_a_body(
    start: Start, upstream: Upstreams, lease: Callable[[], int], file: Path, mode: str
) -> None:
    stops = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n", b"go on ", b"stop me"[:6])
    port, server = lease(), upstream(Script([stops]))
    proxy = start(filtered(port, server.port, python(file, "Count", failure_mode=mode)))
    if mode == "ALLOW":
        answer = fetch(port, get())
        assert (answer.status, answer.text) == (200, "go on stop m")
    else:
        answer = fetch(port, get())
        # A head that had been sent cannot be taken back: its body does not end.
        assert (answer.status, answer.body.complete) == (200, False)
        assert "stop" not in answer.text
    assert counters(proxy, "Count")["errors"] == 1


def test_a_body_that_was_not_asked_for(
    start: Start, upstream: Upstreams, lease: Callable[[], int], file: Path
) -> None:
    port, server = lease(), upstream(Script([reply(200, b"ok")]))
    proxy = start(filtered(port, server.port, python(file, "curious")))
    assert fetch(port, post("/", b"some")).status == 500
    reason = "RuntimeError: the body is not waited for: @http_filter(request_body=True)"
    eventually(lambda: reason in proxy.stderr)
