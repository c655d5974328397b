"""Whatever bytes a client sends, what reaches the upstream is what h11 reads in those bytes.

The proxy may refuse more than h11 does, but it must never see other requests in the same bytes: a
difference of that kind is how requests are smuggled (RFC 9112, section 11.2).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import h11
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.e2e.conftest import bootstrap
from tests.support.client import Client
from tests.support.http1 import ConnectionEnded
from tests.support.ports import PortLease
from tests.support.proxies import Proxy
from tests.support.upstream import Script, Upstream, reply

Seen = tuple[str, str, bytes]
LAST = b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

TARGETS = st.sampled_from(["/", "/a", "/a?b=c", "/%41", "*", "/a b", "a"])
METHODS = st.sampled_from(["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "get", "G T"])
VERSIONS = st.sampled_from(["HTTP/1.1"] * 8 + ["HTTP/1.0", "HTTP/2.0", "HTTP/1.11", "http/1.1"])
ENDS = st.sampled_from(["\r\n"] * 12 + ["\n", "\r", "\r\r\n", " \r\n"])
HEADERS = st.sampled_from(
    [
        "Host: a", "X-A: b", "X-A:b", "X-A: ", "X-A : b", " X-A: b", "X\0: b", "X-A: b\0c",
        "X_A: b",
        "Content-Length: 0", "Content-Length: 3", "Content-Length: 5", "Content-Length: +3",
        "Content-Length: 3, 3", "Content-Length: 03", "content-length:3", "Content-Length: 3 ",
        "Transfer-Encoding: chunked", "Transfer-Encoding: Chunked", "Transfer-Encoding: gzip",
        "Transfer-Encoding : chunked", "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding:\tchunked", "Transfer-Encoding: \x0bchunked", "Connection: keep-alive",
        "Expect: 100-continue", "X-Fold: a\r\n b",
    ]
)  # fmt: skip
BODIES = st.sampled_from(
    [
        b"", b"abc", b"abcde", b"0\r\n\r\n", b"3\r\nabc\r\n0\r\n\r\n",
        b"3\r\nabc\r\n0\r\nX: y\r\n\r\n",
        b"3;x=y\r\nabc\r\n0\r\n\r\n", b"03\r\nabc\r\n0\r\n\r\n", b"0x3\r\nabc\r\n0\r\n\r\n",
        b"3\nabc\r\n0\r\n\r\n", b"3\r\nabcd\r\n0\r\n\r\n", b"3 \r\nabc\r\n0\r\n\r\n",
        b"GET /inner HTTP/1.1\r\nHost: a\r\n\r\n", b"-1\r\n\r\n", b"ffffffffffffffff1\r\n",
    ]
)  # fmt: skip


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """One request, in most cases almost right."""
    lines = [f"{draw(METHODS)} {draw(TARGETS)} {draw(VERSIONS)}{draw(ENDS)}"]
    if draw(st.integers(0, 9)):
        lines.append(f"Host: a{draw(ENDS)}")
    lines += [f"{header}{draw(ENDS)}" for header in draw(st.lists(HEADERS, max_size=3))]
    return "".join([*lines, draw(ENDS)]).encode("latin-1") + draw(BODIES)


@dataclass
class Setup:
    """A proxy that runs for the whole module, with its upstream."""

    proxy: Proxy
    upstream: Upstream
    port: int
    taken: int = field(default=0)

    def forwarded(self, data: bytes) -> list[Seen]:
        """The requests that reach the upstream when a client sends `data`."""
        with Client(("127.0.0.1", self.port), timeout=2) as client:
            client.send(data)
            with suppress(ConnectionEnded, TimeoutError, ValueError, IndexError):
                while True:
                    client.read_response(timeout=0.25)
        time.sleep(0.01)
        new = self.upstream.requests[self.taken :]
        self.taken += len(new)
        whole = [r for r in new if r.body is not None and r.body.complete]
        found: list[Seen] = []
        for received in whole:
            method, target, _ = received.head.start.split(" ", 2)
            found.append((method, target, received.body.data if received.body else b""))
        return found


def by_h11(data: bytes) -> list[Seen]:
    """The complete requests that h11 reads in the same bytes."""
    server = h11.Connection(h11.SERVER)
    server.receive_data(data)
    server.receive_data(b"")
    found: list[Seen] = []
    method = target = ""
    body = b""
    with suppress(h11.RemoteProtocolError):
        while True:
            event = server.next_event()
            if isinstance(event, h11.Request):
                method, target, body = event.method.decode(), event.target.decode("latin-1"), b""
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                found.append((method, target, body))
                server.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
                server.send(h11.EndOfMessage())
                if server.our_state is not h11.DONE or server.their_state is not h11.DONE:
                    break
                server.start_next_cycle()
            else:
                break
    return found


@pytest.fixture(scope="module")
def setup(command: list[str]) -> Iterator[Setup]:
    """One proxy for all examples."""
    with PortLease() as lease, Upstream(Script([reply()])) as upstream:
        config = bootstrap(lease.port, upstream.port, delayed_close_timeout="0.05s")
        with Proxy(command, config) as proxy:
            yield Setup(proxy, upstream, lease.port)


@pytest.mark.timeout(300)
@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(parts=st.lists(requests(), min_size=1, max_size=3))
def test_same_requests_as_h11(setup: Setup, parts: list[bytes]) -> None:
    data = b"".join(parts) + LAST
    expected = by_h11(data)
    forwarded = setup.forwarded(data)
    assert forwarded == expected[: len(forwarded)], data
    assert setup.proxy.process.poll() is None
