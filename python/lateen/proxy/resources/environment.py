"""What every manager of resources works with."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from lateen.proxy.resources.reading import ResourceError
from lateen.proxy.xds.source import SourceError

if TYPE_CHECKING:
    from envoy.config.core.v3.config_source_pb2 import ConfigSource

    from lateen.protos import worker_pb2
    from lateen.proxy.compile.stats_blocks import StatsBlocks
    from lateen.proxy.config_summary import ConfigSummary
    from lateen.proxy.log.logger import Log
    from lateen.proxy.resources.init_manager import InitManager
    from lateen.proxy.resources.reading import ResourceReader
    from lateen.proxy.stats.main_thread import MainThreadStats
    from lateen.proxy.workers import Rejection, Workers
    from lateen.xds.subscription import Resource, Subscriber, Subscription, Subscriptions

# Calls a function after so many seconds; what is returned takes that back.
Later = Callable[[float, Callable[[], None]], Callable[[], None]]


class Refused(NamedTuple):
    """What was last refused of a resource (error_state)."""

    resource: Resource
    reason: str
    when: str


@dataclass
class Environment:
    """The parts of the proxy around the managers.

    Attributes:
        reader: decodes, checks and compiles.
        workers: take what was compiled.
        subscriptions: bring resources.
        stats: of the main thread.
        blocks: the workers' blocks of stats.
        summary: what is remembered of what the workers have.
        log: where to say what happened.
        init: what the server waits for.
        later: a timer.
        drain_time_s: how long what was removed may go on.
        concurrency: number of workers.
    """

    reader: ResourceReader
    workers: Workers
    subscriptions: Subscriptions
    stats: MainThreadStats
    blocks: StatsBlocks
    summary: ConfigSummary
    log: Log
    init: InitManager
    later: Later
    drain_time_s: float
    concurrency: int
    _released: list[int] = field(default_factory=list)

    def apply(self, update: worker_pb2.Update) -> list[Rejection]:
        """Hands an update to the workers; what comes back was not applied."""
        return self.workers.apply(update.SerializeToString())

    def subscribe(
        self,
        source: ConfigSource,
        type_url: str,
        names: Collection[str] | None,
        subscriber: Subscriber,
        stats_prefix: str,
    ) -> Subscription:
        """Starts a subscription; see lateen.xds.subscription.

        Raises:
            ResourceError: nothing can come from this source.
        """
        try:
            return self.subscriptions.subscribe(source, type_url, names, subscriber, stats_prefix)
        except SourceError as error:
            raise ResourceError(str(error)) from None

    def release(self, blocks: list[int]) -> None:
        """Gives stats blocks back; the workers forget them at the next `forget_released`, by when
        none of them makes a block anew for a command that is still on its way.
        """
        self._released += self.blocks.release(blocks)

    def forget_released(self) -> None:
        """Has the workers forget the stats of what is gone. To be called now and then."""
        if self._released:
            from lateen.protos import worker_pb2

            self.apply(worker_pb2.Update(released_stats_blocks=self._released))
            self._released.clear()


def timestamp() -> str:
    """The present as a google.protobuf.Timestamp in JSON, in milliseconds as Envoy has it."""
    now = datetime.now(UTC)
    return now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03d}Z"


def milliseconds_now() -> int:
    """The present in milliseconds since 1970."""
    return time.time_ns() // 1_000_000
