"""Clusters that differ in their names alone are checked and compiled once.

A control plane makes its clusters by the thousand from a few patterns. What is left of an EDS
cluster without its names is its shape; for a shape that was good before only the names are new.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from lateen.protos import worker_pb2
from lateen.proxy.compile.cluster import allot_blocks, compile_cluster
from lateen.proxy.compile.discovery import eds_name

if TYPE_CHECKING:
    from envoy.config.cluster.v3.cluster_pb2 import Cluster
    from envoy.config.core.v3.config_source_pb2 import ConfigSource

    from lateen.config import Diagnostic
    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.stats_blocks import StatsBlocks
    from lateen.proxy.compile.transport_sockets.plan import TlsPlan
    from lateen.proxy.resources.reading import ResourceReader

CLUSTER = "envoy.config.cluster.v3.Cluster"
_KEPT = 64


class CheckedCluster(NamedTuple):
    """A cluster whose rules are kept, its shape (empty: none) and what else was found."""

    message: Cluster
    shape: bytes
    found: Sequence[Diagnostic]


@dataclass(frozen=True, slots=True)
class CompiledCluster:
    """A cluster for the workers.

    Attributes:
        message: without endpoints if they come by EDS.
        blocks: its stats blocks, to be released when it is gone.
        eds_source: where its endpoints come from; None: they are in it.
        eds_name: what they are called there.
        tls: the TLS contexts that it uses.
    """

    message: worker_pb2.Cluster
    blocks: list[int]
    eds_source: ConfigSource | None = None
    eds_name: str = ""
    tls: tuple[TlsPlan, ...] = ()


class ClusterShapes:
    """Compiles clusters, and knows the shapes of the last good ones."""

    def __init__(self, reader: ResourceReader, blocks: StatsBlocks) -> None:
        self._reader = reader
        self._blocks = blocks
        self._shapes: dict[bytes, tuple[worker_pb2.Cluster, ConfigSource]] = {}

    def check(self, message: Cluster) -> CheckedCluster:
        """Checks the rules of the API, unless the shape is known.

        Raises:
            UndecodableError: a rule is broken.
        """
        shape = _shape_of(message)
        known = shape in self._shapes and message.name
        found = () if known else self._reader.check(message)
        return CheckedCluster(message, shape, found)

    def compile(self, checked: CheckedCluster) -> CompiledCluster:
        """Compiles a cluster that was checked.

        Raises:
            ResourceError: it cannot be used.
        """
        message, shape = checked.message, checked.shape
        known = self._shapes.get(shape)
        if known is not None:
            return self._of_shape(message, *known)
        plans: list[TlsPlan] = []

        def compile_(context: CompileContext) -> worker_pb2.Cluster:
            before = len(context.tls)
            cluster = compile_cluster(context, message, "")
            plans.extend(context.tls[before:])
            return cluster

        compiled, blocks = self._reader.compile(message, checked.found, compile_)
        tls = tuple(plans)
        if compiled.discovery != worker_pb2.EDS:
            return CompiledCluster(compiled, blocks, tls=tls)
        source = message.eds_cluster_config.eds_config
        if shape:
            while len(self._shapes) >= _KEPT:
                del self._shapes[next(iter(self._shapes))]
            if not tls:
                self._shapes[shape] = (compiled, source)
        return CompiledCluster(compiled, blocks, source, eds_name(message), tls)

    def _of_shape(
        self, message: Cluster, compiled: worker_pb2.Cluster, source: ConfigSource
    ) -> CompiledCluster:
        shown = message.alt_stat_name or message.name
        cluster = worker_pb2.Cluster()
        cluster.CopyFrom(compiled)
        cluster.name = message.name
        cluster.observability_name = shown
        numbers = allot_blocks(self._blocks, cluster)
        return CompiledCluster(cluster, numbers, source, eds_name(message))


def _shape_of(message: Cluster) -> bytes:
    """The cluster without its names, serialized; empty for one that is not worth remembering."""
    if not message.HasField("eds_cluster_config") or message.HasField("load_assignment"):
        return b""
    name, shown = message.name, message.alt_stat_name
    config = message.eds_cluster_config
    service = config.service_name
    message.name = message.alt_stat_name = config.service_name = ""
    shape = message.SerializeToString(deterministic=True)
    message.name, message.alt_stat_name, config.service_name = name, shown, service
    return shape
