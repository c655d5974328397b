"""A proxy, as its node tells who it is.

Source: pilot/pkg/model/context.go ParseServiceNodeWithMetadata.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from ipaddress import ip_address

from lateen.control.model.hosts import is_address
from lateen.control.model.locality import of_label, of_levels, placed

_PARTS = 4
#: Labels of which the first that is there tells what a workload is called in telemetry.
CANONICAL_NAMES = ("service.istio.io/canonical-name", "app.kubernetes.io/name", "app")
#: The same for its version.
CANONICAL_REVISIONS = (
    "service.istio.io/canonical-revision",
    "app.kubernetes.io/version",
    "version",
)


class NodeError(ValueError):
    """A node's id is none of a proxy of the mesh; the message says why."""


class ProxyType(Enum):
    """What a proxy is for."""

    SIDECAR = "sidecar"
    ROUTER = "router"


class Interception(Enum):
    """How the application's traffic comes to a sidecar.

    Source: pilot/pkg/model/context.go TrafficInterceptionMode.
    """

    REDIRECT = "rules change where connections go to"
    TPROXY = "rules hand connections over with both addresses as they are"
    NONE = "the application calls it: its listeners bind"


class Build(Enum):
    """Which filters a proxy has beside Envoy's own."""

    ENVOY = "none"
    ISTIO = "Istio's"
    LATEEN = "Istio's, as far as docs/mesh-filters.md says"


@dataclass(frozen=True)
class Proxy:
    """A proxy.

    Attributes:
        id: the node's id, `TYPE~ADDRESS~NAME.NAMESPACE~DOMAIN`.
        type: what it is for.
        addresses: of the workload, the first is the id's.
        name: of the workload's instance.
        namespace: of the workload.
        domain: in which short names are looked up, `NAMESPACE.svc.CLUSTER_DOMAIN`.
        labels: of the workload.
        service_account: whose identity it has.
        locality: `REGION/ZONE/SUBZONE`, as far as it is known.
        interception: how traffic comes to it.
        build: which filters it has.
        dns_capture: names are looked up with it, so it may give addresses that only it knows.
        trusted: it is sure who it is: it may have secrets.
        proxyless: it is a gRPC application that reads xDS itself.
    """

    id: str
    type: ProxyType
    addresses: tuple[str, ...]
    name: str
    namespace: str
    domain: str
    labels: Mapping[str, str] = field(default_factory=dict)
    service_account: str = "default"
    locality: str = ""
    interception: Interception = Interception.REDIRECT
    build: Build = Build.ENVOY
    dns_capture: bool = False
    trusted: bool = False
    proxyless: bool = False

    @property
    def app(self) -> str:
        """What its workload is called in telemetry, the canonical service."""
        named = (self.labels.get(label) for label in CANONICAL_NAMES)
        return next((name for name in named if name), self.name)

    @property
    def revision(self) -> str:
        """Which version of its application the workload is, the canonical revision."""
        named = (self.labels.get(label) for label in CANONICAL_REVISIONS)
        return next((name for name in named if name), "latest")

    @property
    def cluster_domain(self) -> str:
        """The domain of the cluster: what follows `.svc.` in its own."""
        return self.domain.partition(".svc.")[2] or self.domain

    @cached_property
    def has_ipv4(self) -> bool:
        """Whether one of its addresses is of IPv4."""
        return any(ip_address(one).version == 4 for one in self.addresses)

    @cached_property
    def has_ipv6(self) -> bool:
        """Whether one of its addresses is of IPv6."""
        return any(ip_address(one).version == 6 for one in self.addresses)

    @property
    def wildcard(self) -> str:
        """The address that stands for all of its own."""
        return "0.0.0.0" if self.has_ipv4 else "::"

    @property
    def loopback(self) -> str:
        """The address of its machine that others cannot reach."""
        return "127.0.0.1" if self.has_ipv4 else "::1"


def parse_node(
    node_id: str,
    labels: Mapping[str, str] | None = None,
    addresses: tuple[str, ...] = (),
    service_account: str = "default",
    locality: str = "",
    interception: Interception = Interception.REDIRECT,
    build: Build = Build.ENVOY,
    dns_capture: bool = False,
) -> Proxy:
    """The proxy of a node's id and of what its metadata tells.

    Args:
        labels: of the workload; where they tell its place, they go before `locality`.
        addresses: beside the id's; of no account where one of them is no IP address, as in Istio.

    Raises:
        NodeError: the id has another form.
    """
    parts = node_id.split("~")
    if len(parts) != _PARTS:
        raise NodeError(f"{node_id!r} is no id of a node: TYPE~ADDRESS~NAME.NAMESPACE~DOMAIN")
    kind, address, name, domain = parts
    types = {one.value: one for one in ProxyType}
    if kind not in types:
        raise NodeError(f"{kind!r} is no type of a proxy: {', '.join(types)}")
    if not is_address(address):
        raise NodeError(f"{address!r} is no IP address of a proxy")
    instance, dot, namespace = name.partition(".")
    if not dot or not namespace:
        raise NodeError(f"{name!r} is no name and namespace of a proxy")
    told = labels or {}
    known = all(map(is_address, addresses))
    place = of_levels(told) or of_label(told) or locality
    return Proxy(
        id=node_id,
        type=types[kind],
        addresses=tuple(dict.fromkeys((address, *(addresses if known else ())))),
        name=instance,
        namespace=namespace,
        domain=domain,
        labels=placed(told, place),
        service_account=service_account,
        locality=place,
        interception=interception,
        build=build,
        dns_capture=dns_capture,
    )
