"""Service: a name, its ports and which pods serve it (Kubernetes core/v1)."""

from __future__ import annotations

import msgspec

from lateen.control.resources.meta import Lenient


class ServicePort(Lenient, frozen=True):
    """One port; `target_port` is a number or the name of a container's port."""

    port: int
    name: str = ""
    protocol: str = "TCP"
    app_protocol: str = ""
    target_port: int | str = 0
    node_port: int = 0


class Service(Lenient, frozen=True):
    """What `spec` holds."""

    ports: tuple[ServicePort, ...] = ()
    selector: dict[str, str] = {}
    type: str = "ClusterIP"
    cluster_ip: str = msgspec.field(default="", name="clusterIP")
    cluster_ips: tuple[str, ...] = msgspec.field(default=(), name="clusterIPs")
    external_name: str = ""
    external_ips: tuple[str, ...] = msgspec.field(default=(), name="externalIPs")
    publish_not_ready_addresses: bool = False
    traffic_distribution: str = ""
