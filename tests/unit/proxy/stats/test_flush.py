import asyncio

from lateen.proxy.stats.flush import StatsFlush


class Source:
    def __init__(self):
        self.merges = 0

    def merge(self):
        self.merges += 1

    def snapshot_in_steps(self):
        yield
        return f"snapshot {self.merges}"


class Sink:
    def __init__(self, waits=0.0):
        self.done = []
        self._waits = waits

    def flush(self, snapshot):
        self.done.append(snapshot)
        yield

    async def finish(self):
        await asyncio.sleep(self._waits)
        self.done.append("finished")

    def close(self):
        self.done.append("closed")


def flushing(sinks, handed_over=False):
    return StatsFlush(Source(), sinks, lambda: handed_over)


def test_stats_are_sent_at_intervals():
    async def run():
        sink, ticks = Sink(), []
        task = asyncio.create_task(flushing([sink]).run(0.001, lambda: ticks.append(1)))
        while len(ticks) < 2:
            await asyncio.sleep(0.001)
        task.cancel()
        assert sink.done[:2] == ["snapshot 1", "snapshot 2"]

    asyncio.run(run())


def test_the_end_sends_once_more():
    sink = Sink()
    asyncio.run(flushing([sink]).finish())
    assert sink.done == ["snapshot 1", "finished", "closed"]


def test_a_sink_that_takes_long_does_not_stop_the_end():
    slow, quick = Sink(waits=600), Sink()
    asyncio.run(flushing([slow, quick]).finish())
    assert slow.done == ["snapshot 1", "closed"]
    assert quick.done == ["snapshot 1", "finished", "closed"]


def test_who_took_over_tells_what_was_counted():
    sink = Sink()
    asyncio.run(flushing([sink], handed_over=True).finish())
    assert sink.done == ["finished", "closed"]
