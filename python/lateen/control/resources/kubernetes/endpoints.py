"""Endpoints and EndpointSlice: the addresses behind a service.

Source: Kubernetes core/v1, discovery/v1.
"""

from __future__ import annotations

from lateen.control.resources.meta import Lenient


class TargetRef(Lenient, frozen=True):
    """The pod of an address."""

    kind: str = ""
    name: str = ""
    namespace: str = ""


class EndpointPort(Lenient, frozen=True):
    """One port, by the name that the service gives it."""

    port: int = 0
    name: str = ""
    protocol: str = "TCP"
    app_protocol: str = ""


class EndpointAddress(Lenient, frozen=True):
    """One address of Endpoints."""

    ip: str
    target_ref: TargetRef | None = None
    node_name: str = ""


class EndpointSubset(Lenient, frozen=True):
    """Addresses that have the same ports."""

    addresses: tuple[EndpointAddress, ...] = ()
    not_ready_addresses: tuple[EndpointAddress, ...] = ()
    ports: tuple[EndpointPort, ...] = ()


class Endpoints(Lenient, frozen=True):
    """What the manifest holds."""

    subsets: tuple[EndpointSubset, ...] = ()


class Conditions(Lenient, frozen=True):
    """How an endpoint is; what is not said is so."""

    ready: bool = True
    serving: bool = True
    terminating: bool = False


class SliceEndpoint(Lenient, frozen=True):
    """One endpoint of an EndpointSlice."""

    addresses: tuple[str, ...]
    conditions: Conditions = Conditions()
    target_ref: TargetRef | None = None
    node_name: str = ""
    zone: str = ""


class EndpointSlice(Lenient, frozen=True):
    """What the manifest holds."""

    address_type: str = "IPv4"
    endpoints: tuple[SliceEndpoint, ...] = ()
    ports: tuple[EndpointPort, ...] = ()
