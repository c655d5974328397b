"""Sidecar: what a proxy knows of the mesh and how it listens.

Source: istio/api networking/v1alpha3/sidecar.proto.
"""

from __future__ import annotations

from typing import Literal

from lateen.control.resources.destination_rule import ConnectionPool
from lateen.control.resources.meta import Strict
from lateen.control.resources.selectors import WorkloadSelector
from lateen.control.resources.traffic import Destination, Port, ServerTls

CaptureMode = Literal["DEFAULT", "IPTABLES", "NONE"]


class IngressListener(Strict, frozen=True):
    """A port that the workload serves."""

    port: Port
    bind: str = ""
    capture_mode: CaptureMode = "DEFAULT"
    default_endpoint: str = ""
    tls: ServerTls | None = None
    connection_pool: ConnectionPool | None = None


class EgressListener(Strict, frozen=True):
    """Services that the workload may call."""

    hosts: tuple[str, ...]
    port: Port | None = None
    bind: str = ""
    capture_mode: CaptureMode = "DEFAULT"


class OutboundTrafficPolicy(Strict, frozen=True):
    """What happens to calls of services that nobody knows."""

    mode: Literal["REGISTRY_ONLY", "ALLOW_ANY"] = "REGISTRY_ONLY"
    egress_proxy: Destination | None = None


class Sidecar(Strict, frozen=True):
    """What `spec` holds."""

    workload_selector: WorkloadSelector | None = None
    ingress: tuple[IngressListener, ...] = ()
    egress: tuple[EgressListener, ...] = ()
    inbound_connection_pool: ConnectionPool | None = None
    outbound_traffic_policy: OutboundTrafficPolicy | None = None
