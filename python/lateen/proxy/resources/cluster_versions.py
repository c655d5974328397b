"""One version of a cluster that came over xDS."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envoy.config.core.v3.config_source_pb2 import ConfigSource

    from lateen.protos import worker_pb2
    from lateen.proxy.resources.assignments import Assignment
    from lateen.proxy.resources.cluster_shapes import CompiledCluster
    from lateen.xds.subscription import Resource


class ClusterVersion:
    """A cluster as it came, and what it needs; there are ten thousands, so it is small.

    Attributes:
        name: of the cluster.
        version: that the control plane gave it.
        body: the serialized message.
        updated: when it came.
        blocks: the stats blocks, to be released with it.
        message: for the workers; None once they have it.
        assignment: of an EDS cluster.
        tls: the TLS contexts that it uses.
    """

    __slots__ = ("assignment", "blocks", "body", "message", "name", "tls", "updated", "version")

    def __init__(self, compiled: CompiledCluster, resource: Resource, updated: str) -> None:
        self.name = compiled.message.name
        self.version = resource.version
        self.body = resource.body or b""
        self.updated = updated
        self.blocks = compiled.blocks
        self.message: CompiledCluster | None = compiled
        self.assignment: Assignment | None = None
        self.tls = compiled.tls

    @property
    def cluster(self) -> worker_pb2.Cluster:
        """The message for the workers, while it is not theirs."""
        assert self.message is not None
        return self.message.message

    @property
    def eds_source(self) -> ConfigSource | None:
        """Where its endpoints come from, while the workers do not have it."""
        assert self.message is not None
        return self.message.eds_source
