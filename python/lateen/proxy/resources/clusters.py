"""The cluster manager: static clusters and those that arrive by CDS.

Source: Envoy docs, "Cluster manager", "Cluster warming".
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from lateen.proxy.resources.assignments import ASSIGNMENT_URL
from lateen.proxy.resources.cluster_shapes import CLUSTER, CheckedCluster, ClusterShapes
from lateen.proxy.resources.cluster_versions import ClusterVersion
from lateen.proxy.resources.cluster_warming import ClusterWarming
from lateen.proxy.resources.collection import names_of
from lateen.proxy.resources.collection_pause import without_collection
from lateen.proxy.resources.environment import milliseconds_now, timestamp
from lateen.proxy.resources.reading import TYPE_PREFIX, ResourceError, UndecodableError
from lateen.proxy.stats.main_thread import StatNames
from lateen.xds.subscription import BadResource, FetchFailure, Outcome

if TYPE_CHECKING:
    from envoy.config.cluster.v3.cluster_pb2 import Cluster
    from envoy.config.core.v3.config_source_pb2 import ConfigSource

    from lateen.proxy.resources.assignments import Assignment
    from lateen.proxy.resources.environment import Environment, Refused
    from lateen.proxy.resources.tls_contexts import TlsContexts
    from lateen.xds.subscription import Resource, Subscription, Update

CLUSTER_URL = TYPE_PREFIX + CLUSTER

_STATS = StatNames(counters=("config_reload",), gauges=("config_reload_time_ms",))

_Decoded = tuple["Resource", "CheckedCluster"]


class ClusterManager:
    """Every cluster that did not come with the bootstrap; the Subscriber of CDS."""

    def __init__(self, environment: Environment, static: Collection[str]) -> None:
        self._environment = environment
        self._static = frozenset(static)
        self._shapes = ClusterShapes(environment.reader, environment.blocks)
        self._warming = ClusterWarming(environment, self._static, self._settled)
        self._subscription: Subscription | None = None
        self._on_ready: Callable[[], None] | None = None
        self._answered = False
        self._pause: contextlib.ExitStack | None = None
        self._reloads = environment.stats.open("cluster_manager.cds", _STATS)
        self.version = ""
        # Those that requests asked for, which CDS does not remove, and who waits for which of them.
        self._on_demand: set[str] = set()
        self._awaited: dict[str, list[Callable[[], None]]] = {}

    def use_tls(self, tls: TlsContexts) -> None:
        """Says what knows the contexts with secrets by SDS."""
        self._warming.tls = tls

    @property
    def active(self) -> dict[str, ClusterVersion]:
        """The clusters in use, by name."""
        return self._warming.active

    @property
    def warming(self) -> dict[str, ClusterVersion]:
        """Those that wait for what they need."""
        return self._warming.warming

    @property
    def errors(self) -> dict[str, Refused]:
        """What was last refused, by name."""
        return self._warming.errors

    def assignment(self, name: str) -> Assignment | None:
        """The subscription to the endpoints of a cluster in use; None: it needs none."""
        return self._warming.assignment(name)

    def names(self) -> Collection[str]:
        """Every cluster that a route may name."""
        return _Names(self._static, self._warming.active, self._warming.warming)

    def start(
        self, source: ConfigSource | None, locator: str, on_ready: Callable[[], None]
    ) -> None:
        """Subscribes to CDS.

        Args:
            source: where clusters come from; None: from nowhere.
            locator: the collection that they are of; "": all clusters of the source.
            on_ready: is called once the first clusters are warm.
        """
        self._on_ready = on_ready
        if source is None:
            self._answered = True
            self._settled()
            return
        self._subscription = self._environment.subscribe(
            source, CLUSTER_URL, names_of(locator), self, "cluster_manager.cds"
        )

    def add_static(self, name: str, shown: str, source: ConfigSource, eds_name: str) -> None:
        """Subscribes to the endpoints of a static cluster."""
        self._warming.watch_static(name, shown, source, eds_name)

    def take(self, update: Update) -> Outcome:
        """Takes clusters. The requests for their endpoints go out before the answer to this."""
        subscriptions = self._environment.subscriptions
        with without_collection(), subscriptions.paused(ASSIGNMENT_URL):
            outcome = self._take(update)
        self._answered = True
        self._settled()
        return outcome

    def take_on_demand(self, update: Update) -> tuple[Outcome, set[str]]:
        """Takes clusters that requests asked for.

        Returns:
            what became of it, and the names of the clusters in it, which are not those of the
            resources where they are a collection's.
        """
        subscriptions = self._environment.subscriptions
        with subscriptions.paused(ASSIGNMENT_URL):
            outcome, names = self._change(update, update.removed)
        bad = {each.name for each in outcome.bad}
        self._on_demand |= {name for name in names if name not in bad}
        self._on_demand.difference_update(update.removed)
        self._settled()
        return outcome, names

    def when_active(self, name: str, call: Callable[[], None]) -> None:
        """Calls when a cluster that is known is in use, or is gone; at once if it is so."""
        if name in self._warming.warming:
            self._awaited.setdefault(name, []).append(call)
        else:
            call()

    def fail(self, failure: FetchFailure, reason: str) -> None:
        """Goes on without, if this is the end of the wait for the first answer."""
        if failure is not FetchFailure.CONNECTION:
            self._answered = True
            self._settled()

    def _take(self, update: Update) -> Outcome:
        gone = None if update.full else update.removed
        outcome, _ = self._change(update, gone)
        if outcome.accepted:
            self.version = update.version
            self._reloads.add("config_reload")
            self._reloads.set("config_reload_time_ms", milliseconds_now())
        return outcome

    def _change(self, update: Update, gone: Sequence[str] | None) -> tuple[Outcome, set[str]]:
        """Puts clusters into use, and removes those that are gone; None: all others are.

        Returns:
            what became of it, and the names of the clusters in it.
        """
        try:
            changed, names = self._decode(update)
        except UndecodableError as error:
            return Outcome((), str(error)), set()
        bad = []
        seen: set[str] = set()
        for resource, checked in changed:
            name = checked.message.name
            try:
                if name in seen:
                    raise ResourceError(f"duplicate cluster {name} found")
                seen.add(name)
                self._add(resource, checked)
            except ResourceError as error:
                bad.append(BadResource(name, str(error)))
                self._warming.refused(name, resource, str(error))
                self._environment.log.warning(
                    "upstream", f"cds: cluster '{name}' config rejected: {error}"
                )
        for name in self._others(names) if gone is None else gone:
            self._warming.remove(name)
        if bad:
            listed = ", ".join(f"{each.name}: {each.reason}" for each in bad)
            return Outcome(bad, f"Error adding/updating cluster(s) {listed}"), names
        return Outcome(), names

    def _decode(self, update: Update) -> tuple[list[_Decoded], set[str]]:
        """What is new in an update, and the names of all that is in it."""
        reader = self._environment.reader
        changed: list[_Decoded] = []
        names: set[str] = set()
        for resource in update.resources:
            if resource.body is None:
                names.add(resource.name)
                continue
            # The resource of a collection has a name of its own.
            name = _leading_name(resource.body) or resource.name
            if name in names or not self._warming.knows(name, resource):
                message: Cluster = reader.parse(resource, CLUSTER)  # type: ignore[assignment]
                changed.append((resource, self._shapes.check(message)))
                name = message.name
            names.add(name)
        return changed, names

    def _add(self, resource: Resource, checked: CheckedCluster) -> None:
        if checked.message.name in self._static:
            return
        compiled = self._shapes.compile(checked)
        version = ClusterVersion(compiled, resource, timestamp())
        self._warming.add(version)

    def _others(self, names: set[str]) -> list[str]:
        return [
            name
            for name in dict.fromkeys((*self._warming.active, *self._warming.warming))
            if name not in names and name not in self._on_demand
        ]

    def _settled(self) -> None:
        """Looks whether CDS may go on, and whether the first clusters are warm."""
        for name in [name for name in self._awaited if name not in self._warming.warming]:
            for call in self._awaited.pop(name):
                call()
        quiet = not self._warming.waiting
        if self._on_ready is not None:
            if quiet and self._answered:
                on_ready, self._on_ready = self._on_ready, None
                on_ready()
            return
        # As in Envoy, what the control plane says next of clusters waits for these.
        if quiet and self._pause is not None:
            self._pause.close()
            self._pause = None
        elif not quiet and self._pause is None and self._subscription is not None:
            self._pause = contextlib.ExitStack()
            self._pause.enter_context(self._environment.subscriptions.paused(CLUSTER_URL))


class _Names(Collection[str]):
    """Several sets of names, looked at in turn: a copy would cost all for each route table."""

    def __init__(self, *parts: Collection[str]) -> None:
        self._parts = parts

    def __contains__(self, name: object) -> bool:
        return any(name in part for part in self._parts)

    def __iter__(self) -> Iterator[str]:
        return (name for part in self._parts for name in part)

    def __len__(self) -> int:
        return sum(len(part) for part in self._parts)


def _leading_name(body: bytes) -> str:
    """The name that a serialized cluster begins with, as serializers write it; or ""."""
    if len(body) < 2 or body[0] != 0x0A or body[1] > 127:
        return ""
    return body[2 : 2 + body[1]].decode(errors="replace")
