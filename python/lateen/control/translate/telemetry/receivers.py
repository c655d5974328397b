"""The services that take logs and spans, as clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lateen.control.mesh import Mesh
from lateen.control.providers import Receiver
from lateen.control.translate import api, names

if TYPE_CHECKING:
    from envoy.config.core.v3.grpc_service_pb2 import GrpcService


class Found(NamedTuple):
    """A service of the mesh.

    Attributes:
        host: its name.
        cluster: of the port.
    """

    host: str
    cluster: str


def find(mesh: Mesh, receiver: Receiver) -> Found | None:
    """The service; None: the mesh has none of the name.

    Source: pilot/pkg/model/telemetry_logging.go LookupCluster.
    """
    namespace, slash, host = receiver.service.rpartition("/")
    service = mesh.services.get(host)
    if service is None or (slash and service.namespace != namespace):
        return None
    return Found(service.host, names.outbound(receiver.port, "", service.host))


def grpc(found: Found) -> GrpcService:
    """The service as one that is called over gRPC."""
    made = api.GrpcService()
    made.envoy_grpc.cluster_name = found.cluster
    made.envoy_grpc.authority = found.host
    return made
