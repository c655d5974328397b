"""Services of one deployment that contradict each other.

Source: Istio pkg/config/analysis/analyzers/deployment/services.go.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from lateen.control.analyze.kinds import Deployment
from lateen.control.analyze.message import Message, about
from lateen.control.analyze.messages import CONFLICTING_PORTS, SEVERAL_PROTOCOLS
from lateen.control.analyze.selecting import deployment_in_mesh
from lateen.control.analyze.snapshot import Snapshot
from lateen.control.resources.kubernetes.service import Service
from lateen.control.resources.meta import Resource
from lateen.control.resources.selectors import selects

_MANAGED = "gateway.istio.io/managed"
_MESH_CONTROLLER = "istio.io-mesh-controller"


def deployment_services(resources: Snapshot) -> Iterator[Message]:
    """Looks at the services that select the pods of a deployment in the mesh."""
    for deployment in resources.of(Deployment):
        waypoint = deployment.labels.get(_MANAGED) == _MESH_CONTROLLER
        if not waypoint and deployment_in_mesh(resources, deployment):
            services = _services_of(resources, deployment)
            yield from _protocols(deployment, services)
            yield from _target_ports(deployment, services)


def _services_of(resources: Snapshot, deployment: Resource[Deployment]) -> list[Resource[Service]]:
    labels = deployment.spec.template.metadata.labels
    return [
        one
        for one in resources.of(Service)
        if one.namespace == deployment.namespace
        if one.spec.selector and selects(one.spec.selector, labels)
    ]


def _protocols(
    deployment: Resource[Deployment], services: Sequence[Resource[Service]]
) -> Iterator[Message]:
    by_port: dict[int, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for service in services:
        for port in service.spec.ports:
            by_port[port.port][port.protocol].append(service.name)
    for number, by_protocol in by_port.items():
        if len(by_protocol) > 1:
            names = sorted(name for names in by_protocol.values() for name in names)
            text = (
                f"Port {number} of the deployment is {' and '.join(sorted(by_protocol))} in the "
                f"services {', '.join(names)}: use one protocol"
            )
            yield about(SEVERAL_PROTOCOLS, deployment, text)


def _target_ports(
    deployment: Resource[Deployment], services: Sequence[Resource[Service]]
) -> Iterator[Message]:
    by_target: dict[str, dict[int, str]] = defaultdict(dict)
    for service in services:
        for port in service.spec.ports:
            by_target[str(port.target_port or port.port)][port.port] = service.name
    for target, by_port in by_target.items():
        if len(by_port) > 1:
            ports = ", ".join(str(port) for port in sorted(by_port))
            text = (
                f"Port {target} of the deployment is behind the ports {ports} of the services "
                f"{', '.join(sorted(by_port.values()))}: use one port"
            )
            yield about(CONFLICTING_PORTS, deployment, text)
