"""EDS: the endpoints of a cluster, by locality.

Source: pilot/pkg/xds/endpoints/endpoint_builder.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lateen.control.mesh import Mesh
from lateen.control.model.locality import levels_of
from lateen.control.model.proxy import CANONICAL_NAMES, CANONICAL_REVISIONS, Proxy
from lateen.control.model.service import Endpoint, Service
from lateen.control.resources.selectors import selects
from lateen.control.translate import api, names
from lateen.control.translate.clusters import policy
from lateen.control.translate.locality import Preference, grouped, preference_of
from lateen.control.translate.scope.sidecar import sidecar_scope
from lateen.control.translate.values import address, uint32

if TYPE_CHECKING:
    from envoy.config.cluster.v3.cluster_pb2 import Cluster
    from envoy.config.core.v3.base_pb2 import Locality
    from envoy.config.endpoint.v3.endpoint_components_pb2 import LbEndpoint
    from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment

# outbound|PORT|SUBSET|HOST
_PARTS = 4


def subset_of(
    endpoints: Sequence[Endpoint], port: str, labels: Mapping[str, str]
) -> Iterator[Endpoint]:
    """The endpoints of one port of a service that have the labels of a subset."""
    return (one for one in endpoints if one.service_port == port and selects(labels, one.labels))


@dataclass(frozen=True)
class Choice:
    """What a proxy is told of a service's endpoints: equal choices are equal assignments.

    Attributes:
        cluster: whose endpoints they are.
        service: its key; empty: there is none.
        port: its name.
        labels: of the subset.
        preference: of the proxy.
    """

    cluster: str
    service: str
    port: str
    labels: tuple[tuple[str, str], ...] = ()
    preference: Preference | None = None


def choice_of(
    mesh: Mesh, proxy: Proxy, services: Mapping[str, Service], cluster: str
) -> Choice | None:
    """What a proxy is told of an outbound cluster; None: it is no name of one.

    There are no endpoints of a service, port or subset that the proxy does not know.

    Args:
        services: those that it knows, by host.
    """
    parts = cluster.split("|")
    number = names.port(parts[1]) if len(parts) == _PARTS else None
    if number is None:
        return None
    _, _, subset_name, host = parts
    service = services.get(host)
    port = service.port(number) if service is not None else None
    if service is None or port is None:
        return Choice(cluster, "", "")
    rule = mesh.rule_for(service, proxy)
    spec = rule.spec if rule is not None else None
    named = {one.name: one for one in spec.subsets} if spec is not None else {}
    subset = named.get(subset_name)
    if subset_name and subset is None:
        return Choice(cluster, "", "")
    said = policy.effective(spec, subset, port.number, mesh.config.default_traffic_policy)
    labels = tuple(sorted(subset.labels.items())) if subset is not None else ()
    return Choice(
        cluster, service.key, port.name, labels, preference_of(said, mesh.config, service, proxy)
    )


def assignment_of(mesh: Mesh, choice: Choice) -> ClusterLoadAssignment:
    """The endpoints of a choice."""
    there = mesh.endpoints.get(choice.service, ())
    chosen = subset_of(there, choice.port, dict(choice.labels))
    return assignment(choice.cluster, chosen, choice.preference)


def assignment(
    cluster: str, endpoints: Iterable[Endpoint], preference: Preference | None = None
) -> ClusterLoadAssignment:
    """The endpoints that get traffic, by where they are."""
    made = api.ClusterLoadAssignment(cluster_name=cluster)
    for group in grouped((one for one in endpoints if one.healthy), preference):
        made.endpoints.add(
            # gRPC refuses endpoints of which it is not said, not even that it is nowhere.
            locality=_locality(group.locality),
            lb_endpoints=[_endpoint(one) for one in group.endpoints],
            load_balancing_weight=uint32(group.weight),
            priority=group.priority,
        )
    return made


def assignments(
    mesh: Mesh, proxy: Proxy, clusters: Iterable[Cluster]
) -> Iterator[ClusterLoadAssignment]:
    """The assignments of those clusters whose endpoints come by EDS."""
    services = sidecar_scope(mesh, proxy).services
    for cluster in clusters:
        choice = choice_of(mesh, proxy, services, cluster.name)
        if cluster.type == api.Cluster.EDS and choice is not None:
            yield assignment_of(mesh, choice)


def _locality(name: str) -> Locality:
    region, zone, sub_zone = levels_of(name)
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
