"""Clusters on their way into use: a new version serves beside the old one until it is warm.

A cluster is warm once its endpoints came and were checked, or the wait for them ended. A new
version whose endpoints are those of the old one, by name and source, has them already.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lateen.protos import worker_pb2
from lateen.proxy.resources.assignments import Assignment, Endpoints
from lateen.proxy.resources.environment import Refused, timestamp
from lateen.proxy.resources.init_manager import InitManager
from lateen.proxy.resources.reading import ResourceError, reason_of_rejections
from lateen.proxy.stats.main_thread import StatNames

if TYPE_CHECKING:
    from envoy.config.core.v3.config_source_pb2 import ConfigSource

    from lateen.proxy.resources.cluster_versions import ClusterVersion
    from lateen.proxy.resources.environment import Environment
    from lateen.proxy.resources.tls_contexts import TlsContexts
    from lateen.proxy.stats.main_thread import MainThreadScope
    from lateen.xds.subscription import Resource

_STATS = StatNames(
    counters=("cluster_added", "cluster_modified", "cluster_removed", "cluster_updated"),
    gauges=("active_clusters", "warming_clusters"),
)
_STATE = StatNames(gauges=("warming_state",))
_DNS = (worker_pb2.STRICT_DNS, worker_pb2.LOGICAL_DNS)
# Nothing is awaited for them: their hosts are in them, or come with the requests.
_AT_ONCE = (
    worker_pb2.STATIC,
    worker_pb2.ORIGINAL_DST,
    worker_pb2.AGGREGATE,
    worker_pb2.DYNAMIC_FORWARD_PROXY,
)
# How often it is looked whether DNS has answered, and hosts were checked.
_POLL_S = 0.02


class ClusterWarming:
    """The versions of every cluster that came over xDS; `settled` is called when one became warm.

    Attributes:
        active: in use, by name.
        warming: not yet in use, by name.
        errors: what was last refused, by name.
        tls: contexts with secrets by SDS.
    """

    def __init__(
        self, environment: Environment, static: frozenset[str], settled: Callable[[], None]
    ) -> None:
        self._environment = environment
        self._settled = settled
        self._static_assignments: dict[str, Assignment] = {}
        self._static_waiting: set[str] = set()
        # Of those, the ones whose endpoints the workers check.
        self._static_checked: set[str] = set()
        self._by_name: dict[str, list[Assignment]] = {}
        self._static = len(static)
        self._stats = environment.stats.open("cluster_manager", _STATS)
        self._stats.add("cluster_added", len(static))
        self._poll: Callable[[], None] | None = None
        self.active: dict[str, ClusterVersion] = {}
        self.warming: dict[str, ClusterVersion] = {}
        self.errors: dict[str, Refused] = {}
        self._states: dict[str, MainThreadScope] = {}
        self.tls: TlsContexts | None = None
        self._show()

    @property
    def waiting(self) -> bool:
        """Whether a cluster waits for something."""
        return bool(self.warming or self._static_waiting)

    def watch_static(self, name: str, shown: str, source: ConfigSource, eds_name: str) -> None:
        """Subscribes to the endpoints of a static EDS cluster."""

        def publish(endpoints: Endpoints | None) -> str:
            reason = "" if endpoints is None else self._hand_over(name, endpoints)
            if not reason and name in self._static_waiting:
                if endpoints is not None and self._environment.workers.core.warming(name):
                    self._static_checked.add(name)
                    self._watch_workers()
                else:
                    self._static_waiting.discard(name)
                    self._settled()
            return reason

        prefix = f"cluster.{shown}"
        assignment = Assignment(self._environment, name, prefix, source, eds_name, publish)
        self._static_assignments[name] = assignment
        self._static_waiting.add(name)
        self._begin(assignment)

    def assignment(self, name: str) -> Assignment | None:
        """The subscription to the endpoints of a cluster in use; None: it needs none."""
        active = self.active.get(name)
        return active.assignment if active is not None else self._static_assignments.get(name)

    def knows(self, name: str, resource: Resource) -> bool:
        """Whether a resource is what is there already: the warming version counts before the
        active one.
        """
        version = self.warming.get(name) or self.active.get(name)
        return version is not None and version.body == resource.body

    def refused(self, name: str, resource: Resource, reason: str) -> None:
        """Remembers what was refused, to be shown."""
        self.errors[name] = Refused(resource, reason, timestamp())

    def add(self, version: ClusterVersion) -> None:
        """Takes a new cluster or a new version of one, once the secrets of its TLS are there.

        Raises:
            ResourceError: the workers do not take it.
        """
        if not any(plan.secrets for plan in version.tls):
            self._begin_version(version)
            return
        assert self.tls is not None
        self._forget_warming(version.name)
        self.warming[version.name] = version
        self._show()
        init = InitManager(f"Cluster {version.name}", lambda: self._secured(version))
        try:
            for plan in version.tls:
                self.tls.acquire(plan, init.target(f"SDS {plan.name}"))
        except ResourceError:
            del self.warming[version.name]
            self._let_go(version)
            self._show()
            raise
        init.start()

    def _secured(self, version: ClusterVersion) -> None:
        """The secrets of a cluster are there, or the wait for them ended."""
        if self.warming.get(version.name) is not version:
            return
        del self.warming[version.name]
        try:
            self._begin_version(version)
        except ResourceError as error:
            self._environment.log.warning("upstream", f"cluster '{version.name}': {error}")
        self._show()
        self._settled()

    def _begin_version(self, version: ClusterVersion) -> None:
        name = version.name
        discovery = version.cluster.discovery
        by_workers = discovery in _DNS or (
            discovery == worker_pb2.STATIC and version.cluster.HasField("health_checks")
        )
        version.cluster.warm = by_workers
        if by_workers or discovery in _AT_ONCE:
            self._check(version, self._apply(version))
        self.errors.pop(name, None)
        known = name in self.active or name in self.warming
        self._stats.add("cluster_modified" if known else "cluster_added")
        self._forget_warming(name)
        if discovery in _AT_ONCE and not by_workers:
            self._activate(version)
            return
        self._begin_warming(version)
        if by_workers:
            self._watch_workers()
            return
        try:
            self._find_endpoints(version)
        except ResourceError:
            self._end_warming(name)
            self._environment.release(version.blocks)
            self._show()
            raise

    def remove(self, name: str) -> None:
        """Removes a cluster, active and warming; a name that is not known is fine."""
        self.errors.pop(name, None)
        active = self.active.pop(name, None)
        if active is None and name not in self.warming:
            return
        self._forget_warming(name)
        self._environment.apply(worker_pb2.Update(removed_clusters=[name]))
        if active is not None:
            self._let_go(active)
            self._environment.summary.remove_cluster(name)
        self._stats.add("cluster_removed")
        self._show()

    def _find_endpoints(self, version: ClusterVersion) -> None:
        compiled = version.message
        assert compiled is not None
        assert compiled.eds_source is not None
        active = self.active.get(version.name)
        current = active.assignment if active is not None else None
        if (
            current is not None
            and current.name == compiled.eds_name
            and current.source == compiled.eds_source
        ):
            version.assignment = current
            if current.settled:
                self._warm(version, current.endpoints)
            return
        name = version.name

        def publish(endpoints: Endpoints | None) -> str:
            return self._publish(name, assignment, endpoints)

        prefix = f"cluster.{version.cluster.observability_name}"
        assignment = Assignment(
            self._environment, name, prefix, compiled.eds_source, compiled.eds_name, publish
        )
        version.assignment = assignment
        self._begin(assignment)

    def _begin(self, assignment: Assignment) -> None:
        """Starts an assignment; one that another cluster has too has its endpoints at once."""
        others = self._by_name.setdefault(assignment.name, [])
        known = [
            each.endpoints.body
            for each in others
            if each.endpoints is not None and each.source == assignment.source
        ]
        others.append(assignment)
        try:
            assignment.start(*known[:1])
        except ResourceError:
            self._end(assignment)
            raise

    def _end(self, assignment: Assignment) -> None:
        assignment.close()
        others = self._by_name[assignment.name]
        others.remove(assignment)
        if not others:
            del self._by_name[assignment.name]

    def _publish(self, name: str, assignment: Assignment, endpoints: Endpoints | None) -> str:
        """Endpoints for the versions of a cluster that have this assignment."""
        reason = ""
        active = self.active.get(name)
        if active is not None and active.assignment is assignment and endpoints is not None:
            reason = self._hand_over(name, endpoints)
            if not reason and self._environment.init.finished:
                self._stats.add("cluster_updated")
        warming = self.warming.get(name)
        if warming is not None and warming.assignment is assignment and not reason:
            reason = self._warm(warming, endpoints)
        return reason

    def _hand_over(self, name: str, endpoints: Endpoints, *, warming: bool = False) -> str:
        update = endpoints.update_of(name, warming=warming)
        return reason_of_rejections(self._environment.apply(update))

    def _warm(self, version: ClusterVersion, endpoints: Endpoints | None) -> str:
        """Puts an EDS cluster into use; returns why the workers do not take it."""
        cluster = version.cluster
        if cluster.warm and endpoints is not None:
            # The workers have it: what is checked already goes on.
            return self._hand_over(version.name, endpoints, warming=True)
        if endpoints is not None:
            endpoints.put_into(cluster)
        cluster.warm = endpoints is not None and cluster.HasField("health_checks")
        reason = self._apply(version)
        if reason:
            cluster.ClearField("load_assignment")
            cluster.ClearField("endpoints")
            cluster.warm = False
            return reason
        if cluster.warm:
            self._watch_workers()
            return ""
        self._activate(version)
        self._settled()
        return ""

    def _apply(self, version: ClusterVersion) -> str:
        contexts = [self.tls.current(plan) for plan in version.tls] if self.tls else []
        update = worker_pb2.Update(clusters=[version.cluster], tls_contexts=contexts)
        return reason_of_rejections(self._environment.apply(update))

    def _check(self, version: ClusterVersion, reason: str) -> None:
        if reason:
            self._environment.release(version.blocks)
            raise ResourceError(reason)

    def _activate(self, version: ClusterVersion) -> None:
        name = version.name
        self._end_warming(name)
        old = self.active.get(name)
        self.active[name] = version
        self._environment.summary.add_cluster(version.cluster, via_api=True)
        version.message = None
        if old is not None:
            self._let_go(old, version)
        self._show()

    def _begin_warming(self, version: ClusterVersion) -> None:
        self.warming[version.name] = version
        prefix = f"cluster.{version.cluster.observability_name}"
        state = self._states[version.name] = self._environment.stats.open(prefix, _STATE)
        state.set("warming_state", 1)
        self._show()

    def _end_warming(self, name: str) -> ClusterVersion | None:
        state = self._states.pop(name, None)
        if state is not None:
            state.close()
        return self.warming.pop(name, None)

    def _forget_warming(self, name: str) -> None:
        warming = self._end_warming(name)
        if warming is not None:
            self._let_go(warming, self.active.get(name))

    def _let_go(self, version: ClusterVersion, stays: ClusterVersion | None = None) -> None:
        """Ends what a version has that the one that stays does not have."""
        assignment = version.assignment
        if assignment is not None and (stays is None or stays.assignment is not assignment):
            self._end(assignment)
        if self.tls is not None:
            for plan in version.tls:
                self.tls.release(plan)
        self._environment.release(version.blocks)

    def _watch_workers(self) -> None:
        if self._poll is None:
            self._poll = self._environment.later(_POLL_S, self._look_at_workers)

    def _look_at_workers(self) -> None:
        self._poll = None
        warming = self._environment.workers.core.warming
        waiting = [each for each in self.warming.values() if each.cluster.warm]
        ready = [each for each in waiting if not warming(each.name)]
        checked = {name for name in self._static_checked if not warming(name)}
        if ready:
            names = [each.name for each in ready]
            self._environment.apply(worker_pb2.Update(activated_clusters=names))
            for each in ready:
                self._activate(each)
        self._static_waiting -= checked
        self._static_checked -= checked
        if len(ready) < len(waiting) or self._static_checked:
            self._watch_workers()
        if ready or checked:
            self._settled()

    def _show(self) -> None:
        self._stats.set("active_clusters", self._static + len(self.active))
        self._stats.set("warming_clusters", len(self.warming))
