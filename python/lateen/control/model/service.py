"""Services and their endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from lateen.control.model.protocol import Protocol
from lateen.control.resources.meta import Key

UNSPECIFIED = "0.0.0.0"
"""The address of a service that has none of its own."""

TLS_MODE_LABEL = "security.istio.io/tlsMode"


class Resolution(Enum):
    """How the addresses of a service's endpoints are found."""

    STATIC = "the control plane tells them"
    DNS = "the proxy asks DNS and uses all addresses"
    DNS_ROUND_ROBIN = "the proxy asks DNS and uses one address"
    PASSTHROUGH = "the address that the application called"
    ALIAS = "it is another name of a service"


class Near(Enum):
    """Which endpoints a service wants to be called.

    Source: Kubernetes `trafficDistribution`; pilot/pkg/model/service.go GetTrafficDistribution.
    """

    ZONE = "those of the caller's zone, then of its region"
    NODE = "those of the caller's machine, then of its subzone, zone and region"


@dataclass(frozen=True)
class Port:
    """A port of a service.

    Attributes:
        name: unique within the service.
        number: what callers use.
        protocol: what it carries.
    """

    name: str
    number: int
    protocol: Protocol


@dataclass(frozen=True)
class Service:
    """A service of the mesh, or one outside that the mesh knows.

    Attributes:
        host: its full name, such as `reviews.default.svc.cluster.local`.
        name: without namespace and domain.
        namespace: where it is defined.
        ports: in the order in which they are written.
        addresses: virtual addresses; UNSPECIFIED alone when it has none of its own.
        resolution: how endpoints are found.
        mesh_external: whether its endpoints have no proxy of the mesh.
        export_to: namespaces that may see it; `*`: all, `.`: its own, `~`: none. None: as the
            mesh says.
        labels: of the resource.
        service_accounts: identities of its endpoints, beside those that are known of them.
        subject_alt_names: what certificates of its endpoints must have.
        created: seconds since 1970.
        source: the resource that defines it.
        external_name: the name that it is an alias of.
        selects: its endpoints are workloads that come and go, of which there may be none.
        near: which of its endpoints callers prefer, whatever rules say; None: as these say.
        apart: what it is known by where another namespace has its host, too; empty: its host.
        aliases: hosts that are other names of it.
    """

    host: str
    name: str
    namespace: str
    ports: tuple[Port, ...]
    addresses: tuple[str, ...]
    resolution: Resolution
    source: Key
    mesh_external: bool = False
    export_to: frozenset[str] | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    service_accounts: tuple[str, ...] = ()
    subject_alt_names: tuple[str, ...] = ()
    created: float = 0.0
    external_name: str = ""
    selects: bool = False
    near: Near | None = None
    apart: str = ""
    aliases: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What it is known by in the mesh: no two services have the same."""
        return self.apart or self.host

    @property
    def address(self) -> str:
        """The first virtual address."""
        return self.addresses[0]

    @property
    def is_headless(self) -> bool:
        """Whether callers use the addresses of its endpoints."""
        return self.resolution is Resolution.PASSTHROUGH

    def port(self, number: int) -> Port | None:
        """The port of a number."""
        return next((port for port in self.ports if port.number == number), None)


@dataclass(frozen=True)
class Endpoint:
    """One address of one port of a service.

    Attributes:
        address: an IP address, a host name, or a path (`unix://`).
        port: what it listens to.
        service_port: the name of the service's port.
        labels: of the workload.
        locality: `REGION/ZONE/SUBZONE`, as far as it is known.
        weight: relative to the others; 0: one.
        service_account: its identity's, without namespace; empty: none.
        namespace: of the workload.
        workload: its name.
        network: that it is in; empty: the same as all.
        healthy: whether it is to get traffic.
        name: by which it is known beside its service, as `NAME.SUBDOMAIN`; empty: none.
    """

    address: str
    port: int
    service_port: str
    labels: Mapping[str, str] = field(default_factory=dict)
    locality: str = ""
    weight: int = 0
    service_account: str = ""
    namespace: str = ""
    workload: str = ""
    network: str = ""
    healthy: bool = True
    name: str = ""

    @property
    def tls_mode(self) -> str:
        """`istio` when a proxy of the mesh takes its connections, else `disabled`."""
        return self.labels.get(TLS_MODE_LABEL, "disabled")
