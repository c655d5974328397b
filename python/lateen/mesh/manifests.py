"""A plan as manifests, which the control plane reads beside those of the user. Does no I/O.

They are those that Kubernetes would have of such a mesh.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import yaml

from lateen.mesh.model import Port
from lateen.mesh.plan import INSTANCE_LABEL, OUTBOUND_PORT, Instance, Mode, Plan
from lateen.mesh.workloads import Role, Workload

#: The namespace whose services are other names of the mesh's: `http://reviews.mesh:9080`.
ALIASES = "mesh"
_DOMAIN = "cluster.local"
_NETWORKING = "networking.istio.io/v1"
Manifest = Mapping[str, object]


def text_of(manifests: Iterator[Manifest]) -> str:
    """The manifests as a file."""
    return yaml.safe_dump_all(manifests, sort_keys=False)


def fixed(plan: Plan) -> Iterator[Manifest]:
    """What stays as it is as long as the mesh runs."""
    yield from _namespaces(plan)
    yield from _services(plan)
    for one in plan.instances:
        if one.workload.role is Role.OUTSIDE:
            yield _workload_entry(one)
            continue
        captured = plan.network.mode is Mode.namespaces and one.workload.role is Role.SIDECAR
        yield _pod(one, "REDIRECT" if captured else "NONE")
        if not captured and one.workload.role is Role.SIDECAR:
            yield _sidecar(one)


def changing(plan: Plan, ready: Collection[str]) -> Iterator[Manifest]:
    """Which instances take requests.

    Args:
        ready: the names of those that do.
    """
    for one in plan.instances:
        if one.workload.role is not Role.OUTSIDE:
            yield _endpoint_slice(one, one.name in ready)


def _namespaces(plan: Plan) -> Iterator[Manifest]:
    inside = [one for one in plan.workloads if one.role is not Role.OUTSIDE]
    for name in dict.fromkeys([*(one.namespace for one in inside), ALIASES]):
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    for namespace, account in dict.fromkeys((one.namespace, one.service_account) for one in inside):
        yield _of_core("ServiceAccount", account, namespace)


def _services(plan: Plan) -> Iterator[Manifest]:
    """A service for all versions of one name, and its alias."""
    by_name: dict[str, Workload] = {}
    for workload in plan.workloads:
        if workload.role is not Role.OUTSIDE:
            by_name.setdefault(workload.service, workload)
    for index, (name, workload) in enumerate(by_name.items()):
        ports = [_service_port(port) for port in workload.ports]
        address = plan.network.service(index)
        spec = {"selector": {"app": name}, "ports": ports}
        if address:
            spec["clusterIP"] = address
        yield {**_of_core("Service", name, workload.namespace), "spec": spec}
        if workload.role is Role.SIDECAR and workload.namespace != ALIASES:
            host = f"{name}.{workload.namespace}.svc.{_DOMAIN}"
            alias = {"type": "ExternalName", "externalName": host, "ports": ports}
            yield {**_of_core("Service", name, ALIASES), "spec": alias}


def _service_port(port: Port) -> Manifest:
    made: dict[str, object] = {"name": port.full_name, "port": port.port}
    if port.protocol.upper() == "UDP":
        made["protocol"] = "UDP"
    elif port.protocol:
        made["appProtocol"] = port.protocol.lower()
    if port.target_port:
        made["targetPort"] = port.target_port
    return made


def _pod(one: Instance, interception: str) -> Manifest:
    container = {
        "name": one.workload.service,
        "ports": [{"name": p.port.full_name, "containerPort": p.target} for p in one.ports],
    }
    spec = {"serviceAccountName": one.workload.service_account, "containers": [container]}
    metadata = {
        **_metadata(one.name, one.workload.namespace, one.labels),
        "annotations": {"sidecar.istio.io/interceptionMode": interception},
    }
    made = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}
    return {**made, "spec": spec, "status": {"podIP": one.address}}


def _endpoint_slice(one: Instance, ready: bool) -> Manifest:
    service = one.workload.service
    labels = {"kubernetes.io/service-name": service}
    endpoint = {
        "addresses": [one.address],
        "conditions": {"ready": ready},
        "targetRef": {"kind": "Pod", "name": one.name, "namespace": one.workload.namespace},
    }
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": _metadata(one.name, one.workload.namespace, labels),
        "addressType": "IPv4",
        "endpoints": [endpoint],
        "ports": [{"name": p.port.full_name, "port": p.target} for p in one.ports],
    }


def _workload_entry(one: Instance) -> Manifest:
    spec = {
        "address": one.address,
        "ports": {p.port.full_name: p.target for p in one.ports},
        "labels": dict(one.labels),
    }
    return {
        "apiVersion": _NETWORKING,
        "kind": "WorkloadEntry",
        "metadata": _metadata(one.name, one.workload.namespace),
        "spec": spec,
    }


def _sidecar(one: Instance) -> Manifest:
    """Listeners at the instance's own address, because nothing captures its traffic.

    Source: istio/api networking/v1alpha3/sidecar.proto, captureMode NONE.
    """
    ingress = [_ingress(one, p.port, p.target, p.bound) for p in one.ports]
    proxy = {"number": OUTBOUND_PORT, "protocol": "HTTP_PROXY", "name": "http-proxy"}
    egress = {"port": proxy, "bind": one.address, "captureMode": "NONE", "hosts": ["*/*"]}
    return {
        "apiVersion": _NETWORKING,
        "kind": "Sidecar",
        "metadata": _metadata(one.name, one.workload.namespace),
        "spec": {
            "workloadSelector": {"labels": {INSTANCE_LABEL: one.name}},
            "ingress": ingress,
            "egress": [egress],
        },
    }


def _ingress(one: Instance, port: Port, target: int, bound: int) -> Manifest:
    protocol = port.protocol or port.full_name.partition("-")[0]
    return {
        "port": {"number": target, "protocol": protocol.upper(), "name": port.full_name},
        "bind": one.address,
        "captureMode": "NONE",
        "defaultEndpoint": f"{one.host}:{bound}",
    }


def _of_core(kind: str, name: str, namespace: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": kind, "metadata": _metadata(name, namespace)}


def _metadata(
    name: str, namespace: str, labels: Mapping[str, str] | None = None
) -> dict[str, object]:
    made: dict[str, object] = {"name": name, "namespace": namespace}
    return {**made, "labels": dict(labels)} if labels else made
