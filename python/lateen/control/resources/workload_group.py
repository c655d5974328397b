"""WorkloadGroup: what machines that join the mesh have in common.

Source: istio/api networking/v1alpha3/workload_group.proto.
"""

from __future__ import annotations

from lateen.control.resources.meta import Strict
from lateen.control.resources.scalars import Text, UInt32
from lateen.control.resources.workload_entry import WorkloadEntry


class GroupMetadata(Strict, frozen=True):
    """What every workload of the group gets."""

    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class ProbeHeader(Strict, frozen=True):
    """A header of a probe's requests."""

    name: str = ""
    value: str = ""


class HttpProbe(Strict, frozen=True):
    """A request that must succeed."""

    port: UInt32
    path: str = ""
    host: str = ""
    scheme: str = ""
    http_headers: tuple[ProbeHeader, ...] = ()


class TcpProbe(Strict, frozen=True):
    """A connection that must succeed."""

    port: UInt32
    host: str = ""


class ExecProbe(Strict, frozen=True):
    """A command that must succeed."""

    command: tuple[Text, ...]


class GrpcProbe(Strict, frozen=True):
    """A health check of gRPC that must succeed."""

    port: UInt32 = 0
    service: str = ""


class ReadinessProbe(Strict, frozen=True):
    """How the agent finds out that the application is ready."""

    initial_delay_seconds: int = 0
    timeout_seconds: int = 0
    period_seconds: int = 0
    success_threshold: int = 0
    failure_threshold: int = 0
    http_get: HttpProbe | None = None
    tcp_socket: TcpProbe | None = None
    exec: ExecProbe | None = None
    grpc: GrpcProbe | None = None


class WorkloadGroup(Strict, frozen=True):
    """What `spec` holds."""

    template: WorkloadEntry
    metadata: GroupMetadata = GroupMetadata()
    probe: ReadinessProbe | None = None
