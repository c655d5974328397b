"""The ports of a workload that a sidecar serves: those of services, or those that a Sidecar says.

Source: pilot/pkg/networking/core/listener_inbound.go buildInboundChainConfigs,
cluster.go buildInboundClusters, listener_address.go getSidecarInboundBindIPs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from lateen.control.mesh import Mesh
from lateen.control.model.protocol import parse_protocol
from lateen.control.model.proxy import Interception, Proxy
from lateen.control.model.service import Port, Service
from lateen.control.resources.meta import Resource
from lateen.control.resources.sidecar import IngressListener, Sidecar
from lateen.control.translate.scope.sidecar import SidecarScope
from lateen.control.translate.targets import Target, targets_of


@dataclass(frozen=True)
class Served:
    """A port at which the workload is called.

    Attributes:
        number: of the workload.
        port: with the number that callers know.
        called: who is called, in traces.
        services: whose port it is; none: only the Sidecar knows of it.
        bind: the address that it is listened to at.
        binds: whether the proxy takes connections there itself; else they are captured.
        ingress: what the Sidecar says of it; None: a service says that there is such a port.
    """

    number: int
    port: Port
    called: str
    services: Sequence[Service]
    bind: str
    binds: bool = False
    ingress: IngressListener | None = None

    @property
    def name(self) -> str:
        """Of its listener, or of its chains in the one of all that is captured."""
        return f"{self.bind}_{self.number}"


def served(mesh: Mesh, proxy: Proxy, scope: SidecarScope) -> list[Served]:
    """The ports in order.

    Where nothing is captured the application itself listens at the ports of services: only a
    Sidecar can say at which others it is called.
    """
    targets = targets_of(mesh, proxy)
    if scope.sidecar is not None and scope.sidecar.spec.ingress:
        found: dict[int, Served] = {}
        for one in _of_sidecar(scope.sidecar, proxy, targets):
            found.setdefault(one.number, one)
        return [found[number] for number in sorted(found)]
    if proxy.interception is Interception.NONE:
        return []
    return [_of_services(proxy, number, found) for number, found in targets.items()]


def _of_services(proxy: Proxy, number: int, targets: Sequence[Target]) -> Served:
    first = targets[0]
    # Services that have it under another number would tell apart what is one port here.
    same = [one.service for one in targets if one.port.number == first.port.number]
    return Served(number, first.port, first.service.host, same, proxy.wildcard)


def _of_sidecar(
    sidecar: Resource[Sidecar], proxy: Proxy, targets: Mapping[int, Sequence[Target]]
) -> Iterator[Served]:
    for ingress in sidecar.spec.ingress:
        port = ingress.port
        mode = ingress.capture_mode
        captured = (
            proxy.interception is not Interception.NONE if mode == "DEFAULT" else mode != "NONE"
        )
        protocol = parse_protocol(port.protocol)
        yield Served(
            port.number,
            Port(port.name, port.number, protocol.after_tls if ingress.tls else protocol),
            f"{sidecar.name}.{proxy.namespace}",
            [one.service for one in targets.get(port.number, ())][:1],
            ingress.bind or _own_address(proxy),
            not captured,
            ingress,
        )


def _own_address(proxy: Proxy) -> str:
    """The first address that others can reach, else every address."""
    for one in map(ip_address, proxy.addresses):
        if not (one.is_loopback or one.is_link_local or one.is_multicast or one.is_unspecified):
            return str(one)
    return proxy.wildcard
