"""What abuse of HTTP/2 costs: the connection that does it, and no more."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing

import pytest

from tests.e2e.conftest import bootstrap
from tests.e2e.test_backpressure import ALLOWED_GROWTH, BIG, memory, wait_until_still
from tests.e2e.test_http2_peers import to_http2
from tests.support.http2 import (
    CANCEL,
    DATA,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    PING,
    PRIORITY,
    SETTINGS,
    WINDOW_UPDATE,
    Data,
    Frame,
    Headers,
    Http2Peer,
    Part,
    ask,
    connect,
    frame,
    number,
    rst,
)
from tests.support.http2_upstream import Script2, Upstream2, frames, reply2
from tests.support.proxies import Proxy
from tests.support.upstream import Hold, Script, Sleep, Upstream, raw, reply

Start = Callable[..., Proxy]
Lease = Callable[[], int]
MakeUpstream = Callable[[Script], Upstream]

WINDOW = 16 * 1024 * 1024
STREAMS = range(1, 4001, 2)
OPEN = ask("/hold", end=False)
FLOODS: dict[str, tuple[tuple[Part, ...], str]] = {
    "rapid_reset": (
        tuple(part for i in STREAMS for part in (ask("/hold", on=i), rst(CANCEL, i))),
        "http.in.downstream_rq_too_many_premature_resets",
    ),
    "provoked_resets": (
        tuple(
            part
            for i in STREAMS
            for part in (
                ask("/hold", on=i, end=False),
                Frame(WINDOW_UPDATE, 0, i, number(0)),
            )
        ),
        "http.in.downstream_rq_too_many_premature_resets",
    ),
    "empty_data": (
        (OPEN, Frame(DATA, 0, 1, times=1000)),
        "http2.inbound_empty_frames_flood",
    ),
    "priority": (
        (OPEN, Frame(PRIORITY, 0, 1, b"\0\0\0\0\1", times=5000)),
        "http2.inbound_priority_frames_flood",
    ),
    "window_update": (
        (OPEN, Frame(WINDOW_UPDATE, 0, 0, number(1), times=5000)),
        "http2.inbound_window_update_frames_flood",
    ),
    "continuation": (
        (Frame(HEADERS, 0, 1, b"\x82"), Frame(9, 0, 1, b"\0\1a\1b", times=5000)),
        "http2.continuation_flood",
    ),
}


def is_answered(peer: Http2Peer, streams: Iterable[int]) -> bool:
    """Whether one of several requests, one after the other, gets what it asks for."""
    for stream in streams:
        peer.send([ask(on=stream)])
        assert peer.read_until_over([stream], 10) == ""
        if peer.message(stream).status == 200:
            return True
    return False


@pytest.mark.parametrize("name", FLOODS)
def test_flood(name: str, start: Start, upstream: MakeUpstream, lease: Lease) -> None:
    """Another connection lives on through all of it."""
    parts, stat = FLOODS[name]
    server = upstream(Script([reply()], paths={"/hold": [raw(Hold(), early=True)]}))
    port = lease()
    proxy = start(bootstrap(port, server.port))
    witness = connect(port)
    with closing(witness.socket):
        witness.send([ask()])
        assert witness.read_until_over([1], 10) == ""
        before = memory(proxy.process.pid)
        for _ in range(5):
            attacker = connect(port)
            attacker.send(parts)
            assert attacker.state_after(20) in ("closed", "reset")
            attacker.socket.close()
        assert proxy.stats()[stat] == 5
        assert memory(proxy.process.pid) - before < ALLOWED_GROWTH
        # The upstream may have a while to do with what the floods asked of it.
        assert is_answered(witness, range(3, 23, 2))


@pytest.mark.parametrize("kind", ["ping", "settings"])
def test_flood_of_answers_that_nobody_reads(
    kind: str, start: Start, upstream: MakeUpstream, lease: Lease
) -> None:
    server, port = upstream(Script([reply()])), lease()
    proxy = start(bootstrap(port, server.port))
    attacker = connect(port, answers=False)
    one = frame(PING, 0, 0, b"12345678") if kind == "ping" else frame(SETTINGS, 0, 0)
    attacker.socket.settimeout(10)
    ended = False
    for _ in range(2000):
        try:
            attacker.socket.sendall(one * 2000)
        except OSError:
            ended = True
            break
    assert ended, "the proxy took millions of frames whose answers nobody reads"
    assert proxy.stats()["http2.outbound_control_flood"] == 1
    attacker.socket.close()


def test_hpack_bomb(start: Start, upstream: MakeUpstream, lease: Lease) -> None:
    """A block of a few bytes that would be megabytes of headers."""
    server, port = upstream(Script([reply()])), lease()
    proxy = start(bootstrap(port, server.port))
    peer = connect(port)
    peer.read_settings()
    before = memory(proxy.process.pid)
    fields = [*ask().fields, *(("x-a", "v" * 3500) for _ in range(10_000))]
    peer.send([Headers(fields, 1, True)])
    peer.read_until_over([1], 10)
    assert peer.message(1).reset is not None
    assert memory(proxy.process.pid) - before < ALLOWED_GROWTH
    peer.send([ask(on=3)])
    assert peer.read_until_over([3], 10) == ""
    assert peer.message(3).status == 200
    peer.socket.close()


@pytest.mark.parametrize("to", ["http1", "http2"])
def test_slow_client(to: str, start: Start, upstream: MakeUpstream, lease: Lease) -> None:
    """A client that opens no window holds up its upstream, not the proxy's memory."""
    port = lease()
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % BIG
    with Upstream2(Script2([reply2(body=bytes(BIG))])) as second:
        first = upstream(Script([raw(head + bytes(BIG))]))
        config = bootstrap(port, (first if to == "http1" else second).port)
        proxy = start(config if to == "http1" else to_http2(config))
        before = memory(proxy.process.pid)
        peer = connect(port, {INITIAL_WINDOW_SIZE: 65535}, reads=False)
        peer.send([ask()])
        received = wait_until_still(
            lambda: proxy.stats().get("cluster.be.upstream_cx_rx_bytes_total", 0)
        )
        assert received < BIG, "the proxy read everything although the client read nothing"
        assert memory(proxy.process.pid) - before < ALLOWED_GROWTH + WINDOW
        peer.socket.close()


def test_slow_upstream(start: Start, lease: Lease) -> None:
    """An upstream that opens no window holds up the client."""
    port = lease()
    silent = Script2([frames(Sleep(25), early=True)], reads=False)
    with Upstream2(silent) as server:
        proxy = start(to_http2(bootstrap(port, server.port)))
        before = memory(proxy.process.pid)
        peer = connect(port)
        peer.reader.timeout = 1.0
        with pytest.raises(TimeoutError):
            peer.send([ask(method="POST", end=False), Data(bytes(BIG), 1, True)])
        assert proxy.stats()["http.in.downstream_cx_rx_bytes_total"] < BIG
        # A buffer that grows to a window by doubling is up to two of them.
        assert memory(proxy.process.pid) - before < ALLOWED_GROWTH + 2 * WINDOW
        peer.socket.close()


def test_client_that_does_not_read(start: Start, upstream: MakeUpstream, lease: Lease) -> None:
    """Answers that no socket takes: requests wait, and the flood limit ends it."""
    server, port = upstream(Script([reply(body=b"y" * 10_000)])), lease()
    proxy = start(bootstrap(port, server.port))
    before = memory(proxy.process.pid)
    peer = connect(port, {INITIAL_WINDOW_SIZE: 2**31 - 1}, reads=False, answers=False)
    peer.send([Frame(WINDOW_UPDATE, 0, 0, number(2**30))])
    peer.send([ask(on=i) for i in range(1, 1001, 2)])
    wait_until_still(lambda: proxy.stats().get("cluster.be.upstream_cx_rx_bytes_total", 0))
    assert memory(proxy.process.pid) - before < ALLOWED_GROWTH
    assert peer.read_until_over(range(1, 1001, 2), 30) == ""
    assert all(peer.message(i).status == 200 for i in range(1, 1001, 2))
    peer.socket.close()


def test_drain(start: Start, upstream: MakeUpstream, lease: Lease) -> None:
    """A drained listener tells its clients by GOAWAY and finishes what is in flight."""
    server = upstream(Script([raw(Sleep(1.0), b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")]))
    port = lease()
    proxy = start(bootstrap(port, server.port, drain_timeout="1s"), "--drain-time-s", "1")
    peer = connect(port)
    peer.send([ask()])
    proxy.wait_stat("http.in.downstream_rq_active", 1)
    proxy.admin("/drain_listeners?graceful", "POST")
    assert peer.read_until_over([1], 10) == ""
    assert peer.message(1).status == 200
    assert peer.state_after(15) == "closed"
    assert (2**31 - 1, 0) in peer.goaways or (1, 0) in peer.goaways
    peer.socket.close()
