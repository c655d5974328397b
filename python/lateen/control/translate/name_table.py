"""NDS: the names that a proxy's agent answers for, with their addresses.

Source: pkg/dns/server/name_table.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from lateen.control.mesh import Mesh
from lateen.control.model.hosts import is_address
from lateen.control.model.proxy import Proxy
from lateen.control.model.service import UNSPECIFIED, Endpoint, Service
from lateen.control.translate.scope.sidecar import SidecarScope
from lateen.protos.nds_pb2 import NameTable

_KUBERNETES, _ENTRY = "Kubernetes", "External"


def name_table(mesh: Mesh, proxy: Proxy, scope: SidecarScope) -> NameTable:
    """The hosts of the services that a proxy may call, where they have addresses.

    A headless service's are those of its endpoints. Where several services have one host, that of
    Kubernetes counts, or the addresses of all. Aliases have the addresses of what they stand for.
    (For Istio's agents Kubernetes' DNS tells them; here there may be none.)
    """
    made = NameTable()
    for egress in scope.egress:
        for service in egress.services.values():
            endpoints = [one for one in _endpoints(mesh, service) if _is_of(proxy, one.address)]
            own = [one for one in service.addresses if _is_of(proxy, one) and one != UNSPECIFIED]
            addresses = own or [one.address for one in endpoints]
            if addresses:
                for named in (service, *(mesh.services[alias] for alias in service.aliases)):
                    _add(made.table[named.host], named, addresses)
            for one in endpoints:
                _add_endpoint(made, service, one)
    return made


def _endpoints(mesh: Mesh, service: Service) -> Iterator[Endpoint]:
    """The endpoints that are called by their own addresses."""
    if service.is_headless and service.addresses == (UNSPECIFIED,):
        yield from (one for one in mesh.endpoints.get(service.key, ()) if one.healthy)


def _add_endpoint(made: NameTable, service: Service, endpoint: Endpoint) -> None:
    """Add a pod that has a name of its own."""
    if endpoint.name:
        found = made.table[f"{endpoint.name}.{service.host.partition('.')[2]}"]
        found.registry = _KUBERNETES
        found.shortname, found.namespace = endpoint.name, service.namespace
        if endpoint.address not in found.ips:
            found.ips.append(endpoint.address)


def _is_of(proxy: Proxy, address: str) -> bool:
    """Whether the proxy can call an address: one of its own families, no range and no name."""
    if not is_address(address):
        return False
    return proxy.has_ipv4 if ip_address(address).version == 4 else proxy.has_ipv6


def _add(found: NameTable.NameInfo, service: Service, addresses: list[str]) -> None:
    kubernetes = service.source.kind == "Service"
    if found.registry == _KUBERNETES:
        return
    if kubernetes:
        found.Clear()
        found.shortname, found.namespace = service.name, service.namespace
    found.registry = _KUBERNETES if kubernetes else _ENTRY
    found.ips.extend(one for one in dict.fromkeys(addresses) if one not in found.ips)
