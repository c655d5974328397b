"""Clusters that requests ask for, from one source.

Source: Envoy docs, "On-demand VHDS, S/RDS and CDS Updates"; OnDemandCds in on_demand.proto.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lateen.proxy.resources.clusters import CLUSTER_URL
from lateen.proxy.resources.collection import names_of, source_of
from lateen.xds.subscription import FetchFailure, Outcome

if TYPE_CHECKING:
    from envoy.extensions.filters.http.on_demand.v3.on_demand_pb2 import OnDemandCds

    from lateen.proxy.resources.clusters import ClusterManager
    from lateen.proxy.resources.environment import Environment
    from lateen.xds.subscription import Subscription, Update

_STATS_PREFIX = "cluster_manager.odcds"
# Questions without an answer from which on more of them are not asked.
_MOST = 4096
_CONFIG = "envoy.extensions.filters.http.on_demand.v3.OnDemandCds"


class OnDemandClusters:
    """The clusters that were asked for; a Subscriber. What there is not may be asked for again.

    With `resources_locator` the first question is for that collection. What its first answer does
    not have is asked for by name then, and so is all that is wanted later.
    """

    def __init__(self, environment: Environment, manager: ClusterManager, source: bytes) -> None:
        config: OnDemandCds = environment.reader.types.message_class(_CONFIG)()  # type: ignore[assignment]
        config.MergeFromString(source)
        self._source = source_of(config.source, config.resources_locator)
        self._environment = environment
        self._manager = manager
        self._collection = names_of(config.resources_locator) or ()
        self._collection_answered = not self._collection
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
            if self._collection_answered:
                self._names[name] = None
            self._subscribe()
            self._asked[name] = [done]

    def take(self, update: Update) -> Outcome:
        """Takes clusters."""
        outcome, here = self._manager.take_on_demand(update)
        bad = {each.name for each in outcome.bad}
        gone = {*update.removed, *bad}
        if not outcome.accepted and not bad:
            gone |= {each.name for each in update.resources}
        if update.full:
            gone |= self._names.keys() - here
        for name in here - gone:
            for done in self._asked.pop(name, ()):
                self._manager.when_active(name, done)
        self._forget(gone)
        self._ask_by_name()
        return outcome

    def fail(self, failure: FetchFailure, reason: str) -> None:
        """Requests wait as long as their filter says; a collection may have nothing for them."""
        if failure is not FetchFailure.CONNECTION:
            self._ask_by_name()

    def _ask_by_name(self) -> None:
        """After the first answer of a collection."""
        if not self._collection_answered:
            self._collection_answered = True
            if self._asked:
                self._names.update(dict.fromkeys(self._asked))
                self._subscribe()

    def _forget(self, names: set[str]) -> None:
        known = [name for name in names if name in self._names]
        for name in known:
            del self._names[name]
        if known:
            self._subscribe()
        for name in names:
            for done in self._asked.pop(name, ()):
                done()

    def _subscribe(self) -> None:
        names = (*self._collection, *self._names)
        if not names and self._subscription is not None:
            # No names would mean all.
            self._subscription.close()
            self._subscription = None
        elif self._subscription is not None:
            self._subscription.set_names(names)
        elif names:
            self._subscription = self._environment.subscribe(
                self._source, CLUSTER_URL, names, self, _STATS_PREFIX
            )
