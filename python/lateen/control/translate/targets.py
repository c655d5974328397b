"""What a proxy's workload serves: ports of services whose endpoints have its address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lateen.control.mesh import Mesh
from lateen.control.model.proxy import Proxy
from lateen.control.model.service import Endpoint, Port, Service


@dataclass(frozen=True)
class Target:
    """One port of one service that the workload serves.

    Attributes:
        service: the service.
        port: of the service.
        number: of the workload.
    """

    service: Service
    port: Port
    number: int


def targets_of(mesh: Mesh, proxy: Proxy) -> Mapping[int, list[Target]]:
    """The services by the workload's ports, in order; of each port the oldest service first."""
    found: dict[int, list[Target]] = {}
    keys = {key for address in proxy.addresses for key in mesh.serving(address)}
    here = (mesh.services[key] for key in keys)
    services = sorted(here, key=lambda one: (one.created, one.host))
    for service in services:
        for endpoint in mesh.endpoints[service.key]:
            if endpoint.address in proxy.addresses:
                _add(found, service, endpoint)
    return dict(sorted(found.items()))


def _add(found: dict[int, list[Target]], service: Service, endpoint: Endpoint) -> None:
    for port in service.ports:
        target = Target(service, port, endpoint.port)
        known = found.setdefault(endpoint.port, [])
        if port.name == endpoint.service_port and target not in known:
            known.append(target)
