"""Services, endpoints and resources, as Istio's debug pages tell.

Source: pilot/pkg/model/service.go (Service, IstioEndpoint), pilot/pkg/xds/debug.go.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime

from lateen.control.mesh import Mesh
from lateen.control.model.service import Endpoint, Resolution, Service

Json = dict[str, object]
_REGISTRY = "Kubernetes"
_OF_KIND = {"Service": _REGISTRY, "ServiceEntry": "External"}
_RESOLUTIONS = {
    Resolution.STATIC: 0,
    Resolution.DNS: 1,
    Resolution.PASSTHROUGH: 2,
    Resolution.DNS_ROUND_ROBIN: 3,
    Resolution.ALIAS: 4,
}
_ISTIO = "istio.io"


def registryz(mesh: Mesh) -> list[Json]:
    """All services."""
    return [_service(one) for _, one in sorted(mesh.services.items())]


def _service(service: Service) -> Json:
    return {
        "Attributes": {
            "ServiceRegistry": _OF_KIND.get(service.source.kind, _REGISTRY),
            "Name": service.name,
            "Namespace": service.namespace,
            "Labels": dict(service.labels),
            "ExportTo": {one: {} for one in sorted(service.export_to or ())},
        },
        "ports": [
            {"name": one.name, "port": one.number, "protocol": one.protocol.value}
            for one in service.ports
        ],
        "serviceAccounts": list(service.service_accounts),
        "creationTime": datetime.fromtimestamp(service.created, UTC).isoformat(),
        "hostname": service.host,
        "clusterVIPs": {"Addresses": {_REGISTRY: list(service.addresses)}},
        "defaultAddress": service.address,
        "Resolution": _RESOLUTIONS[service.resolution],
        "MeshExternal": service.mesh_external,
    }


def endpoint_shardz(mesh: Mesh) -> Json:
    """All endpoints, by service, namespace and registry."""
    found: dict[str, Json] = {}
    for key, endpoints in sorted(mesh.endpoints.items()):
        service = mesh.services[key]
        shards: defaultdict[str, list[Json]] = defaultdict(list)
        for one in endpoints:
            shards[f"{_OF_KIND.get(service.source.kind, _REGISTRY)}/{_REGISTRY}"].append(
                _endpoint(one)
            )
        accounts = sorted({one.service_account for one in endpoints if one.service_account})
        found.setdefault(service.host, {})[service.namespace] = {
            "Shards": dict(shards),
            "ServiceAccounts": {one: {} for one in accounts},
        }
    return {**found}


def _endpoint(one: Endpoint) -> Json:
    return {
        "Labels": dict(one.labels),
        "Addresses": [one.address],
        "ServicePortName": one.service_port,
        "ServiceAccount": one.service_account,
        "Network": one.network,
        "Locality": {"Label": one.locality, "ClusterID": _REGISTRY},
        "EndpointPort": one.port,
        "LbWeight": one.weight,
        "TLSMode": one.tls_mode,
        "Namespace": one.namespace,
        "WorkloadName": one.workload,
        "HealthStatus": 1 if one.healthy else 2,
    }


def configz(mesh: Mesh) -> list[object]:
    """Istio's resources as they are written; not those of Kubernetes, among which secrets are."""
    found: list[object] = []
    for resource in sorted(mesh.resources, key=lambda one: one.key):
        tree = resource.source.tree
        group = str(tree.get("apiVersion", "")).partition("/")[0] if isinstance(tree, dict) else ""
        if group == _ISTIO or group.endswith(f".{_ISTIO}"):
            found.append(tree)
    return found


def push_status(mesh: Mesh) -> Json:
    """What is not as it may be expected."""
    empty = sorted(host for host, endpoints in mesh.endpoints.items() if not endpoints)
    return {"ProxyStatus": {"pilot_eds_no_instances": {one: {} for one in empty}}}
