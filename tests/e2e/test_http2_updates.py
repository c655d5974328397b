"""A listener and its routes change under many streams: every stream gets its answer."""

from __future__ import annotations

import threading
import time

import pytest

from tests.interop.xds_setting import Setting
from tests.support.http2 import Http2Peer, ask, connect
from tests.support.upstream import Answer, Script, Send, Sleep, Upstream
from tests.support.xds_resources import (
    ADS,
    CDS,
    EDS,
    LDS,
    RDS,
    assignment,
    cluster,
    listener,
    routes,
)

CLIENTS = 4
STREAMS = 40
UPDATES = 24
# More than a batch of streams takes on a busy machine.
FLAGS = ("--drain-time-s", "3")


class Client(threading.Thread):
    """Sends batches of streams; a connection that was told to go away gets no more of them.

    Attributes:
        answered: how many streams had a whole answer.
        failures: what became of the others.
        moves: how often it changed the connection because it was told to.
    """

    def __init__(self, port: int) -> None:
        super().__init__()
        self.answered = 0
        self.failures: list[str] = []
        self.moves = 0
        self._port = port
        self._end = threading.Event()

    def run(self) -> None:
        while not self._end.is_set() and not self.failures:
            peer = connect(self._port)
            first = 1
            while not peer.goaways and not self._end.is_set() and not self.failures:
                self._batch(peer, range(first, first + 2 * STREAMS, 2))
                first += 2 * STREAMS
            self.moves += bool(peer.goaways)
            peer.socket.close()

    def _batch(self, peer: Http2Peer, streams: range) -> None:
        peer.send([ask(on=stream) for stream in streams])
        problem = peer.read_until_over(streams, 20)
        for stream in streams:
            message = peer.message(stream)
            if (message.status, message.data, message.reset) == (200, b"one", None):
                self.answered += 1
            else:
                self.failures.append(f"{stream} {message} {problem} {peer.goaways}")

    def stop(self) -> None:
        """Lets it end its batch."""
        self._end.set()
        self.join(30)


@pytest.fixture
def setting(command, stack):
    setting = Setting(command, True, stack, FLAGS)
    answer = Answer((Sleep(0.03), Send(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\none")))
    slow = stack.enter_context(Upstream(Script([answer])))
    setting.put(CDS, cluster("a"))
    setting.put(EDS, assignment("a", slow.port))
    setting.put(LDS, made(setting, 0, 0))
    setting.put(RDS, routes("r", "a"))
    setting.proxy = setting._start()
    setting.proxy.wait_ready()
    return setting


def made(setting, chain, backlog):
    """A listener whose filter chain and whose rest have these versions."""
    rds = {"config_source": ADS, "route_config_name": "r"}
    manager = {"rds": rds, "server_name": f"s{chain}", "drain_timeout": "0.1s"}
    return listener("l", setting.port, manager=manager, tcp_backlog_size=100 + backlog)


def change(setting, number):
    """In turn: the routes, the filter chain, the whole listener."""
    turn, what = divmod(number, 3)
    if what == 0:
        setting.put(RDS, routes("r", "a", request_headers_to_remove=[f"x-{turn}"]))
    else:
        setting.put(LDS, made(setting, turn + 1, turn + what - 1))


def test_no_stream_fails_while_its_listener_changes(setting):
    clients = [Client(setting.port) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    for number in range(UPDATES):
        change(setting, number)
        time.sleep(0.1)
    # What was replaced last has the drain time.
    time.sleep(3.5)
    for client in clients:
        client.stop()
    assert [failure for client in clients for failure in client.failures] == []
    assert all(client.answered >= STREAMS for client in clients)
    assert all(client.moves for client in clients)
    stats = setting.proxy.stats()
    assert stats["listener_manager.listener_in_place_updated"] == UPDATES // 3
    assert stats["listener_manager.listener_modified"] == 2 * UPDATES // 3
    assert stats["listener_manager.lds.update_rejected"] == 0
    assert stats["http.in.downstream_rq_5xx"] == 0
