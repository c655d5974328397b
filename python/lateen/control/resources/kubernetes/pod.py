"""Pod: one instance of a workload (Kubernetes core/v1)."""

from __future__ import annotations

import msgspec

from lateen.control.resources.meta import Lenient


class ContainerPort(Lenient, frozen=True):
    """A port that a container serves."""

    container_port: int
    name: str = ""
    protocol: str = "TCP"


class SecurityContext(Lenient, frozen=True):
    """As which user a container runs."""

    run_as_user: int | None = None


class Variable(Lenient, frozen=True):
    """A variable of a container's environment."""

    name: str
    value: str = ""


class Container(Lenient, frozen=True):
    """A container."""

    name: str
    image: str = ""
    ports: tuple[ContainerPort, ...] = ()
    env: tuple[Variable, ...] = ()
    security_context: SecurityContext | None = None


class PodIp(Lenient, frozen=True):
    """One of a pod's addresses."""

    ip: str = ""


class PodStatus(Lenient, frozen=True):
    """How a pod is."""

    phase: str = ""
    pod_ip: str = msgspec.field(default="", name="podIP")
    pod_ips: tuple[PodIp, ...] = msgspec.field(default=(), name="podIPs")


class PodSpec(Lenient, frozen=True):
    """What runs, and as whom."""

    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] = ()
    security_context: SecurityContext | None = None
    service_account_name: str = "default"
    node_name: str = ""
    host_network: bool = False
    hostname: str = ""
    subdomain: str = ""


class Pod(Lenient, frozen=True):
    """What the manifest holds."""

    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()
