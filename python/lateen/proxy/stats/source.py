"""Where the stats of a running proxy come from: a snapshot when asked, a merge at each interval."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import TYPE_CHECKING, cast

from lateen.proxy.certificates import expiration_scopes
from lateen.proxy.stats.admin_listener import AdminListenerStats
from lateen.proxy.stats.collect import NamedCounter, ResponseCode, collect_scopes
from lateen.proxy.stats.config import StatsConfig, accept_all
from lateen.proxy.stats.histograms import Histograms, RawHistogram
from lateen.proxy.stats.main_thread import MainThreadStats
from lateen.proxy.stats.model import HistogramStat, Scope, StatKind, family_scopes, join_scopes
from lateen.proxy.stats.process import ProcessFacts, process_stats
from lateen.proxy.stats.snapshot import Snapshot, StatsFilter

if TYPE_CHECKING:
    from lateen.proxy.certificates import ContextInUse
    from lateen.proxy.compile.stats_blocks import StatsBlocks
    from lateen.proxy.hot_restart.stats import InheritedStats
    from lateen.proxy.workers import Core


# How many scopes or histograms are looked at in one step.
_STEP = 256


class StatsSource:
    """The stats of one proxy."""

    def __init__(
        self,
        core: Core,
        blocks: StatsBlocks,
        config: StatsConfig,
        facts: Callable[[], ProcessFacts],
        inherited: InheritedStats | None = None,
    ) -> None:
        self.config = config
        self.histograms = Histograms()
        self.histograms.declare("overload.refresh_interval_delay")
        self.histograms.declare("server.initialization_time_ms")
        self.admin = AdminListenerStats(self.histograms)
        self.main_thread = MainThreadStats(self.histograms)
        self._core = core
        self._blocks = blocks
        self._facts = facts
        self._used_before_reset: frozenset[str] = frozenset()
        self._codes_before_reset: set[ResponseCode] = set()
        self._named_before_reset: set[NamedCounter] = set()
        self._inherited = inherited
        self.contexts: Callable[[], Iterable[ContextInUse]] = tuple

    def snapshot(self) -> Snapshot:
        """All stats of this moment; histograms are those of the last merge."""
        steps = self.snapshot_in_steps()
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return cast("Snapshot", end.value)

    def snapshot_in_steps(self) -> Generator[None, None, Snapshot]:
        """As `snapshot`, in steps between which others may have their turn: what the workers
        counted is of the first, what the main thread counted perhaps of a later one.
        """
        facts = self._facts()
        scopes: list[Scope] = []
        codes = [*self._core.response_codes(), *self._codes_before_reset]
        process = list(process_stats(facts))
        arrays = self._core.block_arrays()
        named = [*self._core.named_counters(), *self._named_before_reset]
        for number, scope in enumerate(
            collect_scopes(list(self._blocks), arrays, codes, facts.concurrency, named)
        ):
            if number % _STEP == 0:
                yield
            if scope.prefix:
                scopes.append(scope)
            else:
                process.extend(scope.stats())
        # What the main thread counts by itself is newer than a fact of the same name.
        scopes.extend(
            family_scopes(each for each in process if not self.main_thread.has(each.name))
        )
        joined: list[Scope] = []
        for number, scope in enumerate(join_scopes(scopes, self.main_thread.all())):
            if number % _STEP == 0:
                yield
            joined.append(scope)
        scopes = joined
        scopes.extend(expiration_scopes(self.contexts, self._blocks))
        scopes.extend(self.admin.scopes())
        if self._inherited is not None:
            scopes = list(self._inherited.merged(scopes))
        accepts = None if self.config.accepts is accept_all else self.config.accepts
        histograms: list[HistogramStat] = []
        for number, each in enumerate(self.histograms.stats(self._blocks, self._recorded())):
            if number % _STEP == 0:
                yield
            histograms.append(each)
        texts = list(self.main_thread.texts())
        yield
        return Snapshot.of(scopes, histograms, accepts, texts, self._used_before_reset)

    def merge(self) -> None:
        """Ends a flush interval."""
        self.histograms.merge(self._recorded(), self._blocks)

    def _recorded(self) -> list[RawHistogram]:
        return [*self._core.histograms(), *self._core.named_histograms()]

    def reset_counters(self) -> None:
        """Sets counters to 0; gauges and histograms stay. A counter that was written stays used."""
        everything = self.snapshot()
        used_counters = StatsFilter(used_only=True, kind=StatKind.COUNTER)
        self._used_before_reset = frozenset(
            stat.name for batch in everything.batches(used_counters) for stat in batch
        )
        self._codes_before_reset = {
            (block, origin, status, 0)
            for block, origin, status, _ in (
                *self._core.response_codes(),
                *self._codes_before_reset,
            )
        }
        self._named_before_reset |= {
            (block, name, 0) for block, name, _ in self._core.named_counters()
        }
        self._core.reset_counters()
        self.admin.reset()
        self.main_thread.reset_counters()
        if self._inherited is not None:
            self._inherited.reset_counters()
