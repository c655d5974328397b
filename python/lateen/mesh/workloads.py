"""The workloads of a mesh file: each version of a service, and each gateway, with all defaults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

from lateen.mesh.model import Gateway, MeshFile, Port, Service, Version


class Role(Enum):
    """What an instance is."""

    SIDECAR = "an application with a sidecar"
    GATEWAY = "a proxy without an application"
    OUTSIDE = "an application that is not of the mesh"


@dataclass(frozen=True)
class Workload:
    """What all instances of a version have in common.

    Attributes:
        name: of the service, with the version if it has any.
        service: its name.
        role: what its instances are.
        namespace: where it is.
        service_account: whose identity instances have.
        labels: of instances.
        ports: at which the service is called.
        replicas: how many instances there are.
        command: of the application; empty for gateways.
        directory: where it runs, relative to the mesh file.
        env: variables of its environment.
    """

    name: str
    service: str
    role: Role
    namespace: str
    service_account: str
    labels: Mapping[str, str]
    ports: tuple[Port, ...]
    replicas: int
    command: tuple[str, ...] = ()
    directory: str = ""
    env: Mapping[str, str] = field(default_factory=dict)


def workloads(file: MeshFile) -> Iterator[Workload]:
    """The workloads: gateways first, then services, each in the order of the file."""
    for name, gateway in file.gateways.items():
        yield _gateway(file, name, gateway)
    for name, service in file.services.items():
        for version, differs in (service.versions or {"": Version()}).items():
            yield _version(file, name, service, version, differs)


def _gateway(file: MeshFile, name: str, gateway: Gateway) -> Workload:
    labels = gateway.labels or {"istio": name}
    return Workload(
        name=name,
        service=name,
        role=Role.GATEWAY,
        namespace=gateway.namespace or file.namespace,
        service_account=gateway.service_account or name,
        labels={"app": name, **_canonical(name, "latest"), **labels},
        ports=gateway.ports,
        replicas=gateway.replicas,
    )


def _version(
    file: MeshFile, name: str, service: Service, version: str, differs: Version
) -> Workload:
    labels = {"app": name, **({"version": version} if version else {})}
    return Workload(
        name=f"{name}-{version}" if version else name,
        service=name,
        role=Role.SIDECAR if service.sidecar else Role.OUTSIDE,
        namespace=service.namespace or file.namespace,
        service_account=service.service_account or name,
        labels={
            **labels,
            **(_canonical(name, version or "latest") if service.sidecar else {}),
            **service.labels,
            **differs.labels,
        },
        ports=service.ports,
        replicas=service.replicas if differs.replicas is None else differs.replicas,
        command=differs.command or service.command,
        directory=differs.directory or service.directory,
        env={**service.env, **differs.env},
    )


def _canonical(name: str, revision: str) -> dict[str, str]:
    """The labels that Istio gives injected pods (pkg/kube/inject, canonical service)."""
    return {
        "security.istio.io/tlsMode": "istio",
        "service.istio.io/canonical-name": name,
        "service.istio.io/canonical-revision": revision,
    }
