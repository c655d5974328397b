"""What a mesh file says: the services of a mesh, and what runs them (docs/up.md)."""

from __future__ import annotations

from lateen.control.resources.meta import Strict


class Port(Strict, frozen=True):
    """A port of a service.

    Attributes:
        port: what callers use.
        name: tells the protocol, too, as in Istio; empty: the protocol is the name.
        protocol: what it carries; empty: as the name says.
        target_port: where the application listens; 0: at the same. (Without namespaces it is told
            by the environment where to listen.)
    """

    port: int
    name: str = ""
    protocol: str = ""
    target_port: int = 0

    @property
    def full_name(self) -> str:
        """The name, or what stands for it."""
        return self.name or self.protocol.lower() or "http"


class Version(Strict, frozen=True):
    """One version of a service: what differs from what the service says.

    Attributes:
        command: replaces the service's.
        directory: replaces the service's.
        env: is added to the service's.
        labels: are added to the service's, and to `version`.
        replicas: replaces the service's.
    """

    command: tuple[str, ...] = ()
    directory: str = ""
    env: dict[str, str] = {}
    labels: dict[str, str] = {}
    replicas: int | None = None


class Service(Strict, frozen=True):
    """A service.

    Attributes:
        ports: at which it is called.
        command: what runs an instance: the program and its arguments.
        directory: where it runs, relative to the mesh file; empty: where that is.
        env: variables of its environment.
        labels: of its instances, beside `app`.
        replicas: how many instances each version has.
        versions: by name, which is their label `version`; none: one, without the label.
        service_account: whose identity instances have; empty: that of the service's name.
        namespace: empty: that of the mesh.
        sidecar: whether instances have one; without, it is outside of the mesh, and a
            ServiceEntry with a workloadSelector makes it known.
    """

    ports: tuple[Port, ...]
    command: tuple[str, ...] = ()
    directory: str = ""
    env: dict[str, str] = {}
    labels: dict[str, str] = {}
    replicas: int = 1
    versions: dict[str, Version] = {}
    service_account: str = ""
    namespace: str = ""
    sidecar: bool = True


class Gateway(Strict, frozen=True):
    """A gateway: a proxy without an application, which Gateway resources select.

    Attributes:
        ports: which it serves, for its Service.
        labels: that Gateway resources select; none: `istio: NAME`.
        replicas: how many instances it has.
        service_account: whose identity they have; empty: that of the gateway's name.
        namespace: empty: that of the mesh.
    """

    ports: tuple[Port, ...]
    labels: dict[str, str] = {}
    replicas: int = 1
    service_account: str = ""
    namespace: str = ""


class MeshFile(Strict, frozen=True):
    """A mesh file.

    Attributes:
        services: by name.
        gateways: by name.
        namespace: of services and gateways that name none.
        resources: the directory with Istio's resources, relative to the mesh file; empty: none.
    """

    services: dict[str, Service]
    gateways: dict[str, Gateway] = {}
    namespace: str = "default"
    resources: str = ""
