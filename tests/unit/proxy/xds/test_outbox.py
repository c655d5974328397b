import asyncio
import random

from lateen.protos.metrics_pb2 import StreamMetricsMessage
from lateen.proxy.xds.outbox import Outbox

LIMIT = 10


class Stats:
    def __init__(self):
        self.dropped = 0

    def add(self, name, amount=1):
        assert name == "messages_dropped"
        self.dropped += amount

    def close(self):
        pass


class Log:
    def __init__(self):
        self.lines = []

    def warning(self, _component, text):
        self.lines.append(text)


class Carrier:
    """Delivers while it is let."""

    name = "be"

    def __init__(self):
        self.delivered = []
        self.free = asyncio.Event()
        self.free.set()
        self.closed = False
        self.finished = None
        self.fault = None

    async def deliver(self, message):
        await self.free.wait()
        if self.fault is not None:
            raise self.fault
        self.delivered.append(message)

    async def finish(self):
        self.finished = len(self.delivered)

    async def close(self):
        self.closed = True


class Scene:
    def __init__(self):
        self.carrier, self.stats, self.log = Carrier(), Stats(), Log()
        self.outbox = Outbox(self.carrier, self.stats, self.log, random.Random(1))


def message(number):
    found = StreamMetricsMessage()
    found.envoy_metrics.add(name=str(number))
    return found


async def until(condition):
    async with asyncio.timeout(LIMIT):
        while not condition():
            await asyncio.sleep(0.001)


def test_the_end_waits_for_what_waits():
    async def run():
        scene = Scene()
        scene.carrier.free.clear()
        scene.outbox.send([message(1), message(2)])
        ending = asyncio.create_task(scene.outbox.finish())
        await asyncio.sleep(0.02)
        assert not ending.done()
        scene.carrier.free.set()
        await ending
        assert scene.carrier.finished == 2
        scene.outbox.close()

    asyncio.run(run())


def test_messages_are_delivered_in_order():
    async def run():
        scene = Scene()
        sent = [message(number) for number in range(3)]
        scene.outbox.send(sent)
        await until(lambda: len(scene.carrier.delivered) == 3)
        assert scene.carrier.delivered == [each.SerializeToString() for each in sent]
        scene.outbox.close()
        await until(lambda: scene.carrier.closed)
        assert scene.stats.dropped == 0

    asyncio.run(run())


def test_what_a_slow_service_leaves_no_room_for_is_dropped():
    async def run():
        scene = Scene()
        scene.carrier.free.clear()
        scene.outbox.send([message(1)])
        await asyncio.sleep(0)
        scene.outbox.send([message(2), message(3)])
        assert scene.stats.dropped == 2
        scene.carrier.free.set()
        await until(lambda: scene.carrier.delivered == [message(1).SerializeToString()])
        scene.outbox.close()

    asyncio.run(run())


def test_a_service_that_is_away_is_told_of_once():
    async def run():
        scene = Scene()
        scene.carrier.fault = OSError("no")
        scene.outbox.send([message(1), message(2)])
        await until(lambda: scene.stats.dropped == 2)
        assert scene.log.lines == ["stats are not sent to be: OSError: no"]
        scene.carrier.fault = None
        await until(lambda: not scene.outbox.busy)
        scene.outbox.send([message(3)])
        await until(lambda: scene.carrier.delivered == [message(3).SerializeToString()])
        scene.outbox.close()

    asyncio.run(run())
