"""EDS: the endpoints of a cluster, by locality.

Source: pilot/pkg/xds/endpoints/endpoint_builder.go.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from lateen.control.mesh import Mesh
from lateen.control.model.proxy import CANONICAL_NAMES, CANONICAL_REVISIONS
from lateen.control.model.service import Endpoint
from lateen.control.resources.selectors import selects
from lateen.control.translate import api
from lateen.control.translate.values import address, uint32

if TYPE_CHECKING:
    from envoy.config.cluster.v3.cluster_pb2 import Cluster
    from envoy.config.core.v3.base_pb2 import Locality
    from envoy.config.endpoint.v3.endpoint_components_pb2 import LbEndpoint
    from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment


def subset_of(
    endpoints: Sequence[Endpoint], port: str, labels: Mapping[str, str]
) -> Iterator[Endpoint]:
    """The endpoints of one port of a service that have the labels of a subset."""
    return (one for one in endpoints if one.service_port == port and selects(labels, one.labels))


def assignment(cluster: str, endpoints: Iterable[Endpoint]) -> ClusterLoadAssignment:
    """The endpoints that get traffic, by locality; a locality weighs what its endpoints do."""
    by_locality: defaultdict[str, list[Endpoint]] = defaultdict(list)
    for one in endpoints:
        if one.healthy:
            by_locality[one.locality].append(one)
    made = api.ClusterLoadAssignment(cluster_name=cluster)
    for name in sorted(by_locality):
        here = by_locality[name]
        made.endpoints.add(
            locality=_locality(name) if name else None,
            lb_endpoints=[_endpoint(one) for one in here],
            load_balancing_weight=uint32(sum(one.weight or 1 for one in here)),
        )
    return made


def assignments(mesh: Mesh, clusters: Iterable[Cluster]) -> Iterator[ClusterLoadAssignment]:
    """The assignments of those clusters whose endpoints come by EDS."""
    for cluster in clusters:
        if cluster.type == api.Cluster.EDS:
            yield assignment(cluster.name, endpoints_of_cluster(mesh, cluster.name))


def endpoints_of_cluster(mesh: Mesh, name: str) -> list[Endpoint]:
    """The endpoints of an outbound cluster; none where its service or subset is not known."""
    _, number, subset, host = name.split("|")
    service = mesh.services.get(host)
    port = service.port(int(number)) if service is not None else None
    if service is None or port is None:
        return []
    labels = mesh.subset_labels(service, subset)
    if labels is None:
        return []
    return list(subset_of(mesh.endpoints.get(host, ()), port.name, labels))


def _locality(name: str) -> Locality:
    region, _, rest = name.partition("/")
    zone, _, sub_zone = rest.partition("/")
    return api.Locality(region=region, zone=zone, sub_zone=sub_zone)


def _endpoint(one: Endpoint) -> LbEndpoint:
    made = api.LbEndpoint(
        endpoint=api.Endpoint(address=address(one.address, one.port)),
        load_balancing_weight=uint32(one.weight or 1),
    )
    if one.tls_mode != "disabled":
        match = made.metadata.filter_metadata["envoy.transport_socket_match"]
        match.update({"tlsMode": one.tls_mode})
    told = _workload(one)
    if told.strip(";"):
        made.metadata.filter_metadata["istio"].update({"workload": told})
    return made


def _workload(one: Endpoint) -> str:
    """`WORKLOAD;NAMESPACE;CANONICAL SERVICE;CANONICAL REVISION;CLUSTER`, for telemetry."""
    name = next(
        (one.labels[label] for label in CANONICAL_NAMES if label in one.labels), one.workload
    )
    revision = next((one.labels[label] for label in CANONICAL_REVISIONS if label in one.labels), "")
    return f"{one.workload};{one.namespace};{name};{revision};"
