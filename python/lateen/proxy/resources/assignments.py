"""The endpoints of EDS clusters.

A response is taken cluster by cluster. What control planes send nearly always, addresses with a
weight and a health, goes to the workers as it came; only what is out of the ordinary is read,
checked and compiled here.

Source: Envoy docs, "Endpoint discovery service (EDS)".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lateen.protos import worker_pb2
from lateen.proxy.compile.endpoints import compile_endpoints
from lateen.proxy.resources.reading import (
    TYPE_PREFIX,
    ResourceError,
    UndecodableError,
)
from lateen.proxy.stats.main_thread import StatNames
from lateen.xds.subscription import BadResource, FetchFailure, Outcome, Resource

if TYPE_CHECKING:
    from envoy.config.core.v3.config_source_pb2 import ConfigSource
    from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment

    from lateen.proxy.resources.environment import Environment
    from lateen.xds.subscription import Subscription, Update

ASSIGNMENT = "envoy.config.endpoint.v3.ClusterLoadAssignment"
ASSIGNMENT_URL = TYPE_PREFIX + ASSIGNMENT

STATS = StatNames(
    counters=(
        "assignment_stale",
        "assignment_timeout_received",
        "assignment_use_cached",
        "update_empty",
        "update_no_rebuild",
    )
)
_ACCEPTED = Outcome()


class Endpoints:
    """Endpoints as they are handed over: as they came, or compiled."""

    __slots__ = ("body", "compiled")

    def __init__(self, body: bytes, compiled: worker_pb2.Endpoints | None = None) -> None:
        self.body = body
        self.compiled = compiled

    def put_into(self, cluster: worker_pb2.Cluster) -> None:
        """Lets a cluster begin with these endpoints."""
        if self.compiled is None:
            cluster.load_assignment = self.body
        else:
            cluster.endpoints.CopyFrom(self.compiled)

    def update_of(self, cluster: str, *, warming: bool = False) -> worker_pb2.Update:
        """What gives them to a cluster that the workers have; `warming`: to its new version."""
        if self.compiled is None:
            item = worker_pb2.LoadAssignment(cluster=cluster, assignment=self.body, warming=warming)
            return worker_pb2.Update(load_assignments=[item])
        update = worker_pb2.Update(endpoints=[self.compiled])
        update.endpoints[0].warming = warming
        return update


class Assignment:
    """The subscription to the endpoints of one cluster; a Subscriber.

    `publish` gives endpoints to the workers and returns why they do not take them, "" when they do;
    with None it is told that there will be none for now: nothing came in time, or nothing good.
    """

    __slots__ = (
        "_environment",
        "_key",
        "_stale",
        "_stats_prefix",
        "_subscription",
        "cluster",
        "endpoints",
        "name",
        "publish",
        "settled",
        "source",
    )

    def __init__(
        self,
        environment: Environment,
        cluster: str,
        stats_prefix: str,
        source: ConfigSource,
        name: str,
        publish: Callable[[Endpoints | None], str],
    ) -> None:
        self.cluster = cluster
        self.source = source
        self.name = name
        self.endpoints: Endpoints | None = None
        self.settled = False
        self.publish = publish
        self._environment = environment
        self._stats_prefix = stats_prefix
        self._stale: Callable[[], None] | None = None
        encoded = name.encode()
        self._key = b"\n" + bytes((len(encoded),)) + encoded if len(encoded) < 128 else b"?"
        self._subscription: Subscription | None = None

    def start(self, known: bytes = b"") -> None:
        """Subscribes.

        Args:
            known: the assignment, if another cluster has the same one: control planes need not
                send it again.
        """
        environment = self._environment
        self._subscription = environment.subscribe(
            self.source, ASSIGNMENT_URL, (self.name,), self, self._stats_prefix
        )
        if known:
            self._take(Resource(self.name, "", ASSIGNMENT_URL, known))

    def close(self) -> None:
        """Ends the subscription."""
        if self._subscription is not None:
            self._subscription.close()
        self._disarm()

    def check(self, resource: Resource) -> str:
        """Why no assignment may be so; see lateen.xds.subscription.Checker."""
        body = resource.body
        if body is None or (self.endpoints is not None and self.endpoints.body == body):
            return ""
        environment = self._environment
        if self._is_plain(resource, body):
            update = Endpoints(body).update_of(self.cluster)
            if not environment.workers.check(update.SerializeToString()):
                return ""
        try:
            environment.reader.check(environment.reader.parse(resource, ASSIGNMENT))
        except UndecodableError as error:
            return str(error)
        return ""

    def take(self, update: Update) -> Outcome:
        """Takes the endpoints of the cluster."""
        resources = update.resources
        if len(resources) > 1:
            return _refused(self.name, f"Unexpected EDS resource length: {len(resources)}")
        if not resources:
            self._count("update_empty")
            self._settle()
            return _ACCEPTED
        return self._take(resources[0])

    def fail(self, failure: FetchFailure, reason: str) -> None:
        """The cluster does without, if this is the end of the wait for the first answer."""
        if failure is not FetchFailure.CONNECTION:
            self._settle()

    def _take(self, resource: Resource) -> Outcome:
        body = resource.body
        if body is None:
            return _ACCEPTED
        known = self.endpoints
        if known is not None and known.body == body:
            self._count("update_no_rebuild")
            return _ACCEPTED
        endpoints = Endpoints(body)
        if self._is_plain(resource, body) and not self.publish(endpoints):
            self._disarm()
        else:
            try:
                endpoints = self._read(resource, body)
            except (UndecodableError, ResourceError) as error:
                self._settle()
                return _refused(self.name, str(error))
        self.endpoints = endpoints
        self.settled = True
        return _ACCEPTED

    def _is_plain(self, resource: Resource, body: bytes) -> bool:
        """Whether it begins with the name that is wanted: the workers may be able to read it."""
        return resource.type_url == ASSIGNMENT_URL and body.startswith(self._key)

    def _read(self, resource: Resource, body: bytes) -> Endpoints:
        """The slow path: everything is looked at."""
        reader = self._environment.reader
        message: ClusterLoadAssignment = reader.parse(resource, ASSIGNMENT)  # type: ignore[assignment]
        found = reader.check(message)
        if message.cluster_name != self.name:
            raise ResourceError(
                f"Unexpected EDS cluster (expecting {self.name}): {message.cluster_name}"
            )
        compiled, _ = reader.compile(
            message, found, lambda context: compile_endpoints(context, message, self.cluster, "")
        )
        endpoints = Endpoints(body, compiled)
        if reason := self.publish(endpoints):
            raise ResourceError(reason)
        self._arm(message)
        return endpoints

    def _arm(self, message: ClusterLoadAssignment) -> None:
        """Endpoints without a renewal for endpoint_stale_after are taken out."""
        self._disarm()
        limit = message.policy.endpoint_stale_after
        seconds = limit.seconds + limit.nanos / 1e9
        if seconds:
            self._count("assignment_timeout_received")
            self._stale = self._environment.later(seconds, self._go_stale)

    def _disarm(self) -> None:
        if self._stale is not None:
            self._stale()
            self._stale = None

    def _go_stale(self) -> None:
        self._stale = None
        self._count("assignment_stale")
        self.endpoints = None
        self.publish(Endpoints(b"", worker_pb2.Endpoints(cluster=self.cluster)))

    def _settle(self) -> None:
        if not self.settled:
            self.settled = True
            self.publish(None)

    def _count(self, name: str) -> None:
        self._environment.stats.open(self._stats_prefix, STATS).add(name)


def _refused(name: str, reason: str) -> Outcome:
    return Outcome((BadResource(name, reason),), reason)
