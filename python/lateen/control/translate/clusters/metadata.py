"""What a cluster tells of itself: the service, the rule and the subset, under `istio`.

Source: pilot/pkg/networking/util/util.go AddConfigInfoMetadata, AddSubsetToMetadata.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lateen.control.model.service import Service
from lateen.control.resources.destination_rule import DestinationRule
from lateen.control.resources.meta import Resource
from lateen.control.translate.names import place

if TYPE_CHECKING:
    from envoy.config.cluster.v3.cluster_pb2 import Cluster
    from google.protobuf.struct_pb2 import Struct

_NAMESPACE = "istio"


def tell_services(cluster: Cluster, services: Iterable[Service]) -> None:
    """Name the services that the cluster is for."""
    told = _fields(cluster).get_or_create_list("services")
    for service in services:
        told.add_struct().update(
            {"host": service.host, "name": service.name, "namespace": service.namespace}
        )


def tell_rule(cluster: Cluster, rule: Resource[DestinationRule]) -> None:
    """Name the rule."""
    _fields(cluster).update({"config": place("networking.istio.io/v1", rule.key)})


def tell_subset(cluster: Cluster, name: str) -> None:
    """Name the subset."""
    _fields(cluster).update({"subset": name})


def tell_no_alpn(cluster: Cluster) -> None:
    """Say that the client's ALPN stays as it is: the other side knows nothing of the mesh."""
    _fields(cluster).update({"alpn_override": "false"})


def tell_external(cluster: Cluster) -> None:
    """Say that the other side knows nothing of the mesh."""
    _fields(cluster).update({"external": True})


def _fields(cluster: Cluster) -> Struct:
    return cluster.metadata.filter_metadata[_NAMESPACE]
