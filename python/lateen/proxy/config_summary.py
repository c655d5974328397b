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
        warm_limit_s: how long static clusters may take to be ready, for first answers of DNS and
            first health checks; 0: none has to wait for any. Then listeners start without them.
    """

    clusters: dict[str, ClusterSummary] = field(default_factory=dict)
    via_api: set[str] = field(default_factory=set)
    cluster_count: int = 0
    listener_count: int = 0
    warm_limit_s: float = 0.0

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
# Beside what is configured: DNS has its own limits, and is not waited for any longer.
_SLACK_S = 15.0


def summarize(update: worker_pb2.Update) -> ConfigSummary:
    """The summary of an Update."""
    summary = ConfigSummary(listener_count=len(update.listeners))
    for cluster in update.clusters:
        summary.add_cluster(cluster, via_api=False)
        summary.warm_limit_s = max(summary.warm_limit_s, _warm_limit_s(cluster))
    return summary


def _warm_limit_s(cluster: worker_pb2.Cluster) -> float:
    by_name = cluster.discovery in (worker_pb2.STRICT_DNS, worker_pb2.LOGICAL_DNS)
    checked = cluster.HasField("health_checks") and cluster.discovery != worker_pb2.EDS
    checks = cluster.health_checks.checks
    first_check_s = max((each.initial_jitter_ms + each.timeout_ms for each in checks), default=0)
    return _SLACK_S + first_check_s / 1000 * checked if by_name or checked else 0.0


def _thresholds(limits: worker_pb2.CircuitBreakers) -> Thresholds:
    return Thresholds(
        limits.max_connections,
        limits.max_pending_requests,
        limits.max_requests,
        limits.max_retries,
    )
