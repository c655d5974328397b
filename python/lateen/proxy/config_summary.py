"""The little of a configuration that is needed after the workers have it."""

from __future__ import annotations

from dataclasses import dataclass, field

from lateen.protos import worker_pb2


@dataclass(frozen=True)
class Thresholds:
    """The limits of one priority, with Envoy's defaults."""

    max_connections: int = 1024
    max_pending_requests: int = 1024
    max_requests: int = 1024
    max_retries: int = 3


@dataclass(frozen=True)
class ClusterSummary:
    """What /clusters shows of a cluster beside its hosts."""

    observability_name: str = ""
    default: Thresholds = Thresholds()
    high: Thresholds = Thresholds()


@dataclass
class ConfigSummary:
    """Names and counts of what the workers have.

    Attributes:
        clusters: those that differ from the defaults, by name.
        via_api: the names of those that came over xDS.
        cluster_count: of all clusters.
        listener_count: of all listeners.
        waits_for_dns: whether a static cluster needs DNS before it has hosts.
    """

    clusters: dict[str, ClusterSummary] = field(default_factory=dict)
    via_api: set[str] = field(default_factory=set)
    cluster_count: int = 0
    listener_count: int = 0
    waits_for_dns: bool = False

    def add_cluster(self, cluster: worker_pb2.Cluster, *, via_api: bool) -> None:
        """Takes a cluster that the workers took; it may replace one that came over xDS."""
        name = cluster.name
        known = name in self.via_api
        if via_api:
            self.via_api.add(name)
        self.cluster_count += not known
        shown = cluster.observability_name
        summary = ClusterSummary(
            "" if shown == name else shown,
            _thresholds(cluster.default_priority),
            _thresholds(cluster.high_priority),
        )
        if summary != _PLAIN:
            self.clusters[name] = summary
        else:
            self.clusters.pop(name, None)

    def remove_cluster(self, name: str) -> None:
        """Forgets a cluster that came over xDS."""
        self.via_api.discard(name)
        self.clusters.pop(name, None)
        self.cluster_count -= 1


_PLAIN = ClusterSummary()


def summarize(update: worker_pb2.Update) -> ConfigSummary:
    """The summary of an Update."""
    summary = ConfigSummary(listener_count=len(update.listeners))
    for cluster in update.clusters:
        summary.add_cluster(cluster, via_api=False)
        if cluster.discovery in (worker_pb2.STRICT_DNS, worker_pb2.LOGICAL_DNS):
            summary.waits_for_dns = True
    return summary


def _thresholds(limits: worker_pb2.CircuitBreakers) -> Thresholds:
    return Thresholds(
        limits.max_connections,
        limits.max_pending_requests,
        limits.max_requests,
        limits.max_retries,
    )
