"""A parent and its children in one process, over real sockets: order, refusals and deaths."""

import asyncio
import contextlib
import itertools
import os
import socket
import threading

import pytest

from lateen.proxy.hot_restart import child as child_module
from lateen.proxy.hot_restart.channel import Channel, ChannelError, close_all
from lateen.proxy.hot_restart.child import NoParentError, Parent, ParentError, greet
from lateen.proxy.hot_restart.claim import claim
from lateen.proxy.hot_restart.hello import CHILD, QUERY, Hello
from lateen.proxy.hot_restart.names import socket_name
from lateen.proxy.hot_restart.parent import ParentServer
from lateen.proxy.hot_restart.stats import Counted
from lateen.proxy.hot_restart.stream import Stream
from lateen.proxy.hot_restart.wire import PROTOCOL, encode
from tests.support.workers import eventually

NUMBERS = itertools.count()


def hello(epoch=1, role=CHILD, pid=99):
    return Hello(role, PROTOCOL, "lateen test", pid, epoch)


class FakeProcess:
    """A replaceable process that remembers what it is asked."""

    def __init__(self, sockets=3):
        self.asked = []
        self.state = "LIVE"
        self.generation = 4
        self.idle = False
        self.kept = [socket.create_server(("127.0.0.1", 0)) for _ in range(min(sockets, 3))]
        self.count = sockets

    def hello(self):
        return hello(0, "parent", os.getpid())._replace(state=self.state, age_s=12)

    def command(self):
        return {"type": "command", "argv": ["x"], "cwd": "/", "environment": {}, "base_id": 0}

    def sockets(self):
        return [os.dup(self.kept[i % len(self.kept)].fileno()) for i in range(self.count)]

    def counted(self):
        return Counted({"a.b": len(self.asked)}, {"c.d": 1}, 2, 3)

    async def give_up_admin(self):
        self.asked.append("give_up_admin")

    async def reopen_admin(self):
        self.asked.append("reopen_admin")

    async def begin_drain(self, drain_s, gradual):
        self.asked.append(("drain", drain_s, gradual))
        self.state = "DRAINING"

    def is_idle(self):
        return self.idle

    async def close_connections(self):
        self.asked.append("close_connections")

    def end(self):
        self.asked.append("end")


class SilentLog:
    def __init__(self):
        self.lines = []

    def info(self, _component, line):
        self.lines.append(line)

    warning = error = info


class Serving:
    """A parent that answers in a thread of its own."""

    def __init__(self, sockets=3):
        self.path = f"@lateen-test-{os.getpid()}-handover-{next(NUMBERS)}"
        self.name = socket_name(self.path, 0, 0)
        self.process = FakeProcess(sockets)
        self.log = SilentLog()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._server = self._call(self._open())

    def _call(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    async def _open(self):
        return ParentServer(claim(self.path, 0, 0, 0), self.process, self.log)

    def connect(self, **given):
        return Parent.connect(self.name, hello(**given))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._call(self._server.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        for each in self.process.kept:
            each.close()


@pytest.fixture
def serving():
    with Serving() as serving:
        yield serving


def test_the_order_of_a_good_restart(serving):
    parent = serving.connect()
    assert (parent.hello.age_s, parent.who) == (12, f"epoch 0 (pid {os.getpid()})")
    descriptors = parent.sockets()
    names = {socket.socket(fileno=os.dup(each)).getsockname() for each in descriptors}
    close_all(descriptors)
    assert names == {each.getsockname() for each in serving.process.kept}
    assert parent.generation == 4
    parent.give_up_admin()
    assert parent.drain(7, 900, True) == Counted({"a.b": 2}, {"c.d": 1}, 2, 3)
    claim(serving.path, 0, 3, 0).release()
    assert parent.stats() == (Counted({"a.b": 2}, {"c.d": 1}, 2, 3), False)
    serving.process.idle = True
    assert parent.stats()[1]
    assert parent.terminate().counters == {"a.b": 3}
    eventually(lambda: serving.process.asked[-1:] == ["end"])
    assert serving.process.asked == [
        "give_up_admin", ("drain", 7, True), "close_connections", "end",
    ]  # fmt: skip
    parent.close()


def test_more_sockets_than_fit_in_a_message():
    with Serving(sockets=450) as serving:
        parent = serving.connect()
        descriptors = parent.sockets()
        assert len(descriptors) == 450
        close_all(descriptors)
        parent.close()


def test_a_child_that_dies_early_changes_nothing(serving):
    parent = serving.connect()
    close_all(parent.sockets())
    parent.give_up_admin()
    parent.close()
    eventually(lambda: serving.process.asked == ["give_up_admin", "reopen_admin"])
    assert "went before it took over" in serving.log.lines[-1]
    again = serving.connect()
    close_all(again.sockets())
    again.close()


def test_two_children_at_once(serving):
    first = serving.connect(pid=50)
    close_all(first.sockets())
    with pytest.raises(ParentError, match="is being replaced already, by pid 50"):
        serving.connect(pid=51)
    first.close()
    eventually(lambda: any("going on" in line for line in serving.log.lines))
    serving.connect(pid=51).close()


def test_a_child_that_dies_after_it_took_over(serving):
    parent = serving.connect()
    parent.drain(1, 900, False)
    parent.close()
    serving.process.idle = True
    eventually(lambda: "end" in serving.process.asked)
    assert serving.process.asked == [("drain", 1, False), "end"]


def test_a_child_that_dies_leaves_the_parent_its_time(serving):
    parent = serving.connect()
    parent.drain(1, 0, False)
    parent.close()
    eventually(lambda: "end" in serving.process.asked)
    assert serving.process.asked == [("drain", 1, False), "end"]


def test_a_process_that_is_not_live_yet(serving):
    serving.process.state = "INITIALIZING"
    with pytest.raises(ParentError, match="is initializing: try again once it is live"):
        serving.connect()


def test_the_epoch_must_fit(serving):
    with pytest.raises(ParentError, match="the process there is of epoch 0, not 3"):
        serving.connect(epoch=4)


def test_who_only_asks(serving):
    channel, found = greet(serving.name, hello(role=QUERY))
    with channel:
        answer, output = channel.ask({"type": "command"})
        close_all(output)
    assert (found.state, answer["argv"], len(output)) == ("LIVE", ["x"], 2)
    assert serving.process.asked == []


def test_another_version_is_refused_by_both(serving):
    with Channel.open(serving.name, 5.0) as channel:
        answer, _ = channel.ask(hello()._replace(protocol=2).message())
        assert answer["protocol"] == PROTOCOL
        with pytest.raises(ChannelError, match="has closed the connection"):
            channel.receive()
    eventually(lambda: any("speaks version 2" in line for line in serving.log.lines))
    serving.connect().close()


@pytest.mark.parametrize("said", [b"GET / HTTP/1.1\r\n\r\n", encode({"type": "stats"})])
def test_a_foreign_child_is_refused(serving, said):
    with socket.socket(socket.AF_UNIX) as foreign:
        foreign.connect("\0" + serving.name[1:])
        foreign.sendall(said)
        foreign.settimeout(10)
        assert foreign.recv(1) == b""
    eventually(lambda: any("refused a process" in line for line in serving.log.lines))
    serving.connect().close()


class Foreign:
    """A process that listens under the parent's name and answers in its own way."""

    def __init__(self, answer):
        self.name = f"@lateen-test-{os.getpid()}-foreign-{next(NUMBERS)}"
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind("\0" + self.name[1:])
        self._listening.listen()
        self._answer = answer
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self):
        with contextlib.suppress(OSError):
            connected, _ = self._listening.accept()
            with connected:
                if self._answer is not None:
                    connected.sendall(self._answer)
                while connected.recv(1000):
                    pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"220 mail ready\r\n", "does not speak hot restart: it begins with b'220 mail ready"),
        (encode({"type": "stats"}), "does not speak hot restart: its first message is 'stats'"),
        (
            encode(Hello("parent", 2, "lateen 9", 1, 0, "LIVE").message()),
            r"lateen 9 \(pid 1\) speaks version 2 of hot restart, this process version 1",
        ),
        (None, "does not answer within 0.2 s"),
    ],
)
def test_a_parent_that_is_none(answer, reason, monkeypatch):
    monkeypatch.setattr(child_module.greet, "__defaults__", (0.2,))
    with Foreign(answer) as foreign, pytest.raises(ParentError, match=reason) as caught:
        Parent.connect(foreign.name, hello())
    assert "\n" not in str(caught.value)


def test_no_parent(monkeypatch):
    monkeypatch.setattr(child_module, "_CONNECT_LIMIT_S", 0.0)
    with pytest.raises(NoParentError, match="--skip-hot-restart-on-no-parent"):
        Parent.connect(f"@lateen-test-{os.getpid()}-nobody", hello())


def test_a_stream_passes_large_messages():
    async def talk():
        left, right = socket.socketpair()
        sender, receiver = Stream(left), Stream(right)
        message = {"type": "t", "text": "x" * 3_000_000}
        _, received = await asyncio.gather(sender.send(message), receiver.receive())
        sender.close()
        receiver.close()
        return received["text"] == message["text"]

    assert asyncio.run(talk())
