"""Clusters that requests ask for, from one source.

Source: Envoy docs, "On-demand VHDS, S/RDS and CDS Updates"; OnDemandCds in on_demand.proto.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lateen.proxy.resources.clusters import CLUSTER_URL
from lateen.xds.subscription import FetchFailure, Outcome

if TYPE_CHECKING:
    from envoy.config.core.v3.config_source_pb2 import ConfigSource

    from lateen.proxy.resources.clusters import ClusterManager
    from lateen.proxy.resources.environment import Environment
    from lateen.xds.subscription import Subscription, Update

_STATS_PREFIX = "cluster_manager.odcds"
# Questions without an answer from which on more of them are not asked.
_MOST = 4096


class OnDemandClusters:
    """The clusters that were asked for; a Subscriber. What there is not may be asked for again."""

    def __init__(self, environment: Environment, manager: ClusterManager, source: bytes) -> None:
        types = environment.reader.types
        config: ConfigSource = types.message_class("envoy.config.core.v3.ConfigSource")()  # type: ignore[assignment]
        config.MergeFromString(source)
        self._source = config
        self._environment = environment
        self._manager = manager
        self._names: dict[str, None] = {}
        self._asked: dict[str, list[Callable[[], None]]] = {}
        self._subscription: Subscription | None = None

    def ask(self, name: str, done: Callable[[], None]) -> None:
        """Asks for a cluster; `done` is called when it is in use, or there is none.

        Raises:
            ResourceError: nothing can come from the source.
        """
        if name in self._asked:
            self._asked[name].append(done)
        elif name in self._manager.active or len(self._asked) >= _MOST:
            done()
        elif name in self._manager.warming:
            self._manager.when_active(name, done)
        else:
            self._names[name] = None
            self._subscribe()
            self._asked[name] = [done]

    def take(self, update: Update) -> Outcome:
        """Takes clusters."""
        outcome = self._manager.take_on_demand(update)
        bad = {each.name for each in outcome.bad}
        here = {each.name for each in update.resources}
        gone = {*update.removed, *bad}
        if not outcome.accepted and not bad:
            gone |= here
        if update.full:
            gone |= self._names.keys() - here
        for name in here - gone:
            for done in self._asked.pop(name, ()):
                self._manager.when_active(name, done)
        self._forget(gone)
        return outcome

    def fail(self, failure: FetchFailure, reason: str) -> None:
        """Requests wait no longer than their filter says."""

    def _forget(self, names: set[str]) -> None:
        known = [name for name in names if name in self._names]
        for name in known:
            del self._names[name]
        if known:
            self._subscribe()
        for name in known:
            for done in self._asked.pop(name, ()):
                done()

    def _subscribe(self) -> None:
        if not self._names and self._subscription is not None:
            # No names would mean all.
            self._subscription.close()
            self._subscription = None
        elif self._subscription is not None:
            self._subscription.set_names(tuple(self._names))
        elif self._names:
            self._subscription = self._environment.subscribe(
                self._source, CLUSTER_URL, tuple(self._names), self, _STATS_PREFIX
            )
