"""The servers of all Gateways that a proxy serves, put together by the address that they listen to.

At one address there is either plain text of one protocol, or TLS, whose servers are told apart by
the name that a client asks for. A server that does not fit is left out: the oldest Gateway counts.

Source: pilot/pkg/model/gateway.go mergeGateways, push_context.go mergeGateways.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lateen.config.diagnostics import Diagnostic
from lateen.control.mesh import Mesh
from lateen.control.model.proxy import Proxy
from lateen.control.resources.gateway import Gateway
from lateen.control.resources.meta import Resource
from lateen.control.resources.report import Report
from lateen.control.resources.selectors import selects
from lateen.control.translate.gateways.server import GatewayServer
from lateen.control.translate.targets import targets_of

_AS_WRITTEN = "experimental.istio.io/disable-gateway-port-translation"


@dataclass
class Address:
    """What listens at one address.

    Attributes:
        bind: an IP address or a path; empty: any address.
        port: that the proxy listens to.
        plain: servers without TLS: HTTP, or one of another protocol.
        tls: servers of TLS.
    """

    bind: str
    port: int
    plain: list[GatewayServer] = field(default_factory=list)
    tls: list[GatewayServer] = field(default_factory=list)

    def refusal(self, one: GatewayServer) -> str:
        """Why a server cannot listen here, too; empty: it can."""
        if one.tls is not None and one.tls.mode == "AUTO_PASSTHROUGH":
            return "AUTO_PASSTHROUGH, by which meshes are joined, is not implemented"
        for other in self.plain:
            if not (one.protocol.is_http and other.protocol.is_http):
                return f"{other} listens to port {self.port} without TLS"
        if one.tls is None:
            return ""
        for other in (*self.plain, *self.tls):
            same = one.claims & other.claims if other.tls is not None else None
            if same:
                return f"{other} has {', '.join(sorted(same))} at port {self.port}"
        return ""


@dataclass(frozen=True)
class MergedGateway:
    """All that one proxy serves.

    Attributes:
        addresses: in the order in which Gateways name them.
        problems: the servers that were left out, and why.
    """

    addresses: Sequence[Address]
    problems: Sequence[Diagnostic]

    def servers(self) -> Iterator[GatewayServer]:
        """Every server."""
        for one in self.addresses:
            yield from one.plain
            yield from one.tls

    def tables(self) -> Mapping[str, Sequence[GatewayServer]]:
        """The servers of each route table."""
        found: dict[str, list[GatewayServer]] = {}
        for server in self.servers():
            if server.table:
                found.setdefault(server.table, []).append(server)
        return found


def merged_gateway(mesh: Mesh, proxy: Proxy) -> MergedGateway:
    """What a proxy serves: all Gateways whose selector has its labels."""
    found = (
        gateway
        for gateway in mesh.of(Gateway)
        if selects(gateway.spec.selector, proxy.labels)
        and (not mesh.scope_gateways or gateway.namespace == proxy.namespace)
    )
    return merge(found, _target_port(mesh, proxy))


def merge(
    gateways: Iterable[Resource[Gateway]], target_port: Callable[[int], int] = lambda port: port
) -> MergedGateway:
    """Put the servers of Gateways together.

    Args:
        gateways: the oldest first.
        target_port: what the proxy listens to for a port that a server names.
    """
    addresses: dict[tuple[str, int], Address] = {}
    problems: list[Diagnostic] = []
    for gateway in gateways:
        report = Report(gateway.source)
        for index, server in enumerate(gateway.spec.servers):
            if server.port is None:
                continue
            one = GatewayServer(gateway, index, server.port, target_port(server.port.number))
            address = addresses.setdefault((one.bind, one.port), Address(one.bind, one.port))
            refusal = address.refusal(one)
            if refusal:
                report.error(("spec", "servers", index), refusal, "the server is left out")
            else:
                (address.plain if one.is_plain else address.tls).append(one)
        problems += report.found
    return MergedGateway(list(addresses.values()), problems)


def _target_port(mesh: Mesh, proxy: Proxy) -> Callable[[int], int]:
    """Servers name ports of the proxy's services; those that no service has are the proxy's own."""
    targets = [one for each in targets_of(mesh, proxy).values() for one in each]
    targets.sort(key=lambda one: (one.service.created, one.service.host))
    ports: dict[int, int] = {}
    for one in targets:
        if _AS_WRITTEN not in one.service.labels:
            ports.setdefault(one.port.number, one.number)
    return lambda port: ports.get(port, port)
