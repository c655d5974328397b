"""What every cluster has counted, for load reports."""

from __future__ import annotations

import array
import sys
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from lateen.protos import envoy_types
from lateen.protos.worker_stats_pb2 import CLUSTER_UPSTREAM_RQ_DROP_OVERLOAD as OVERLOAD
from lateen.protos.worker_stats_pb2 import CLUSTER_UPSTREAM_RQ_DROPPED as DROPPED
from lateen.proxy.compile.stats_blocks import BlockKind, stats_name
from lateen.proxy.load_report import ClusterLoad

if TYPE_CHECKING:
    from envoy.config.cluster.v3.cluster_pb2 import Cluster
    from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment

    from lateen.proxy.compile.stats_blocks import StatsBlocks
    from lateen.proxy.config_summary import ConfigSummary
    from lateen.proxy.resources.clusters import ClusterManager
    from lateen.proxy.workers import Workers
    from lateen.proxy.xds.bootstrap import BootstrapSources

_NONE = (0, 0)


@dataclass(frozen=True)
class LoadObserver:
    """Reads counters of the workers.

    Attributes:
        workers: who counts.
        blocks: what the blocks of stats are called.
        summary: what the stats of a cluster are called, if it is not its name.
        bootstrap: static clusters.
        clusters: those that came over xDS, and assignments; None: all is static.
    """

    workers: Workers
    blocks: StatsBlocks
    summary: ConfigSummary
    bootstrap: BootstrapSources
    clusters: ClusterManager | None

    def __call__(self) -> dict[str, ClusterLoad]:
        """What each cluster has counted since it was made, by name."""
        drops = self._drops()
        return {
            each.name: ClusterLoad(
                each.hosts, self._service_name(each.name), *self._dropped(each.name, drops)
            )
            for each in self.workers.clusters()
        }

    def _drops(self) -> dict[str, tuple[int, int]]:
        """Requests that clusters turned away, all and by drop_overload, by the prefix of stats."""
        found: dict[str, tuple[int, int]] = defaultdict(lambda: _NONE)
        for _, number, data in self.workers.core.block_arrays():
            block = self.blocks.get(number)
            if block is None or block.kind is not BlockKind.CLUSTER:
                continue
            values = array.array("q", data)
            if sys.byteorder == "big":
                values.byteswap()
            dropped, overload = found[block.prefix]
            found[block.prefix] = (dropped + values[DROPPED], overload + values[OVERLOAD])
        return found

    def _dropped(self, name: str, drops: dict[str, tuple[int, int]]) -> tuple[int, int, str]:
        summary = self.summary.clusters.get(name)
        shown = (summary.observability_name if summary else "") or name
        dropped, overload = drops.get(stats_name(f"cluster.{shown}"), _NONE)
        return dropped, overload, self._category(name) if overload else ""

    def _service_name(self, name: str) -> str:
        assignment = self.clusters.assignment(name) if self.clusters is not None else None
        return assignment.name if assignment is not None and assignment.name != name else ""

    def _category(self, name: str) -> str:
        """Of drop_overloads; there is at most one."""
        assignment = self._assignment(name)
        drops = assignment.policy.drop_overloads if assignment is not None else ()
        return drops[0].category if drops else ""

    def _assignment(self, name: str) -> ClusterLoadAssignment | None:
        if self.clusters is not None:
            subscribed = self.clusters.assignment(name)
            if subscribed is not None:
                body = subscribed.endpoints.body if subscribed.endpoints is not None else b""
                kind = envoy_types().message_class("envoy.config.endpoint.v3.ClusterLoadAssignment")
                return cast("ClusterLoadAssignment", kind.FromString(body))
            version = self.clusters.active.get(name)
            if version is not None:
                kind = envoy_types().message_class("envoy.config.cluster.v3.Cluster")
                return cast("Cluster", kind.FromString(version.body)).load_assignment
        static = self.bootstrap.cluster(name)
        return static.load_assignment if static is not None else None
