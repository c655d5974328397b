"""The little of a configuration that is needed after the workers have it."""

from __future__ import annotations

from collections.abc import Mapping
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


@dataclass(frozen=True)
class ConfigSummary:
    """Names and counts of what the workers were given.

    Attributes:
        clusters: those that differ from the defaults, by name.
        cluster_names: of all clusters.
        listeners: how many listeners there are.
        waits_for_dns: whether a cluster needs DNS before it has hosts.
    """

    clusters: Mapping[str, ClusterSummary] = field(default_factory=dict)
    cluster_count: int = 0
    listener_count: int = 0
    waits_for_dns: bool = False


def summarize(update: worker_pb2.Update) -> ConfigSummary:
    """The summary of an Update."""
    plain = ClusterSummary()
    summaries = {}
    waits = False
    for cluster in update.clusters:
        name = cluster.observability_name
        summary = ClusterSummary(
            "" if name == cluster.name else name,
            _thresholds(cluster.default_priority),
            _thresholds(cluster.high_priority),
        )
        if summary != plain:
            summaries[cluster.name] = summary
        waits = waits or cluster.discovery in (worker_pb2.STRICT_DNS, worker_pb2.LOGICAL_DNS)
    return ConfigSummary(summaries, len(update.clusters), len(update.listeners), waits)


def _thresholds(limits: worker_pb2.CircuitBreakers) -> Thresholds:
    return Thresholds(
        limits.max_connections,
        limits.max_pending_requests,
        limits.max_requests,
        limits.max_retries,
    )
