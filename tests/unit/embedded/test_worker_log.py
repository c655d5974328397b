"""The log of the workers of several proxies: one queue, each message once."""

import queue
from typing import TYPE_CHECKING, cast

from lateen.embedded.worker_log import OwnPart, SharedLog
from lateen.proxy.log.levels import Level
from lateen.proxy.log.logger import Log
from lateen.proxy.log.record import Record
from tests.support.workers import eventually

if TYPE_CHECKING:
    from lateen.proxy.workers import Core


class FakeCore:
    """The queue of the extension."""

    def __init__(self) -> None:
        self.queue: queue.Queue[tuple[int, str, str] | None] = queue.Queue()
        self.levels: dict[str, int] = {}

    def next_log(self, timeout_s: float) -> tuple[int, str, str] | None:
        return self.queue.get(timeout=timeout_s)

    def wake_log(self) -> None:
        self.queue.put(None)

    def set_log_level(self, component: str, level: int) -> None:
        self.levels[component] = level


class KeptLog(Log):
    def __init__(self, level: Level) -> None:
        super().__init__(lambda record: record.message, level)
        self.kept: list[str] = []

    def write(self, record: Record) -> None:
        self.kept.append(record.message)


def test_each_message_is_written_once_by_who_wants_most() -> None:
    fake, shared = FakeCore(), SharedLog()
    core = cast("Core", fake)
    quiet, chatty = KeptLog(Level.ERROR), KeptLog(Level.DEBUG)
    first, second = OwnPart(shared, core, quiet), OwnPart(shared, core, chatty)
    first.start()
    assert fake.levels["http"] == Level.ERROR
    second.start()
    assert fake.levels["http"] == Level.DEBUG
    fake.queue.put((Level.ERROR, "http", "both run"))
    eventually(lambda: chatty.kept == ["both run"])
    chatty.set_level("http", Level.OFF)
    assert (fake.levels["http"], fake.levels["main"]) == (Level.ERROR, Level.DEBUG)
    second.stop()
    assert fake.levels["main"] == Level.ERROR
    fake.queue.put((Level.ERROR, "main", "one runs"))
    fake.queue.put((Level.ERROR, "main", "and what is left"))
    first.stop()
    assert (quiet.kept, chatty.kept) == (["one runs", "and what is left"], ["both run"])


def test_it_begins_again_after_its_end() -> None:
    fake, shared = FakeCore(), SharedLog()
    for _ in range(2):
        log = KeptLog(Level.INFO)
        part = OwnPart(shared, cast("Core", fake), log)
        part.start()
        fake.queue.put((Level.INFO, "main", "said"))
        part.stop()
        assert log.kept == ["said"]
