"""What requests wait for: the on_demand filter asks for routes and clusters that are not there yet.

Source: Envoy docs, "On-demand VHDS, S/RDS and CDS Updates".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lateen.protos import worker_pb2
from lateen.proxy.resources.on_demand_clusters import OnDemandClusters
from lateen.proxy.resources.reading import ResourceError

if TYPE_CHECKING:
    from lateen.proxy.resources.clusters import ClusterManager
    from lateen.proxy.resources.environment import Environment
    from lateen.proxy.resources.routes import RouteManager
    from lateen.proxy.resources.scopes import ScopeManager

_Question = tuple[int, bytes, bytes]


class OnDemand:
    """Answers the workers: every question is answered once, when there is no more to wait for."""

    def __init__(
        self,
        environment: Environment,
        routes: RouteManager,
        scopes: ScopeManager,
        clusters: ClusterManager,
    ) -> None:
        self._environment = environment
        self._routes = routes
        self._scopes = scopes
        self._clusters = clusters
        self._sources: dict[bytes, OnDemandClusters] = {}
        self._open: set[_Question] = set()

    def ask(self, kind: int, source: bytes, name: bytes) -> None:
        """A question of a worker, as `_core.Workers.next_ask` has it."""
        question = (kind, source, name)
        if question in self._open:
            return
        self._open.add(question)

        def done() -> None:
            if question in self._open:
                self._open.discard(question)
                answer = worker_pb2.OnDemand(
                    kind=worker_pb2.OnDemand.Kind.Name(kind), source=source, name=name
                )
                self._environment.apply(worker_pb2.Update(answered=[answer]))

        text = name.decode(errors="replace")
        if kind == worker_pb2.OnDemand.CLUSTER:
            self._ask_for_cluster(source, text, done)
        else:
            self._ask_for_routes(source.decode(), text, done)

    def _ask_for_routes(self, table: str, host: str, done: Callable[[], None]) -> None:
        routes = self._routes.found.get(table)
        if routes is not None:
            routes.ask(host, done)
            return
        for scopes in self._scopes.found.values():
            if scopes.ask(table, done):
                return
        done()

    def _ask_for_cluster(self, source: bytes, name: str, done: Callable[[], None]) -> None:
        clusters = self._sources.get(source)
        if clusters is None:
            clusters = OnDemandClusters(self._environment, self._clusters, source)
            self._sources[source] = clusters
        try:
            clusters.ask(name, done)
        except ResourceError as error:
            self._environment.log.error("upstream", f"cluster '{name}' on demand: {error}")
            done()
