"""A mesh file as instances with names, addresses and ports: what is to run. Does no I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from lateen.mesh.model import MeshFile, Port
from lateen.mesh.workloads import Role, Workload, workloads

OUTBOUND_PORT = 15001
_ANY = "0.0.0.0"
_LOOPBACK = "127.0.0.1"
_CONTROL, _FIRST_INSTANCE = 1, 2
#: The label that tells an instance from all others.
INSTANCE_LABEL = "lateen.dev/instance"


class Mode(StrEnum):
    """How instances are kept apart."""

    namespaces = "namespaces"
    loopback = "loopback"


@dataclass(frozen=True)
class Network:
    """The addresses of a mesh.

    Attributes:
        mode: 127.77.N.0/24, or 198.18.N.0/24 (set aside for tests by RFC 2544) on a bridge.
        number: N: tells the meshes of a machine apart.
    """

    mode: Mode
    number: int

    @property
    def control(self) -> str:
        """The address of the control plane: what instances call."""
        return self._address(_CONTROL)

    @property
    def monitoring(self) -> str:
        """The address at which only this machine asks the control plane."""
        return f"127.77.{self.number}.{_CONTROL}"

    def instance(self, index: int) -> str:
        """The address of an instance."""
        return self._address(_FIRST_INSTANCE + index)

    def service(self, index: int) -> str:
        """The virtual address of a service, which capture needs; empty: none."""
        return f"198.19.{self.number}.{1 + index}" if self.mode is Mode.namespaces else ""

    def _address(self, last: int) -> str:
        return f"{'127.77' if self.mode is Mode.loopback else '198.18'}.{self.number}.{last}"


@dataclass(frozen=True)
class ServedPort:
    """A port of an instance.

    Attributes:
        port: as the mesh file has it.
        target: where others reach the instance.
        bound: where the application listens.
    """

    port: Port
    target: int
    bound: int


@dataclass(frozen=True)
class Instance:
    """One instance of a workload.

    Attributes:
        name: unique in the mesh.
        workload: what it is an instance of.
        address: where others reach it.
        ports: that it serves.
        host: the address at which the application is to listen.
        ready_port: where its sidecar tells that it is ready.
        admin_port: of its proxy.
    """

    name: str
    workload: Workload
    address: str
    ports: tuple[ServedPort, ...]
    host: str
    ready_port: int = 15021
    admin_port: int = 15000

    @property
    def labels(self) -> Mapping[str, str]:
        """Its labels."""
        return {**self.workload.labels, INSTANCE_LABEL: self.name}

    @property
    def environment(self) -> Mapping[str, str]:
        """What tells the application where to listen, and what the mesh file says."""
        found = {"HOST": self.host, "LATEEN_INSTANCE": self.name}
        for served in reversed(self.ports):
            found[_variable(served.port)] = found["PORT"] = str(served.bound)
        return {**found, **self.workload.env}


@dataclass(frozen=True)
class Plan:
    """What is to run.

    Attributes:
        network: the addresses.
        workloads: all, also those that have no instance.
        instances: of all workloads.
    """

    network: Network
    workloads: Sequence[Workload]
    instances: Sequence[Instance]


def plan(file: MeshFile, network: Network, free_port: Callable[[], int]) -> Plan:
    """What a mesh file wants to run.

    Args:
        file: what was read and found valid.
        network: the addresses.
        free_port: a port of the loopback that nobody has, another one each time.
    """
    every = tuple(workloads(file))
    found: list[Instance] = []
    for workload in every:
        for number in range(1, workload.replicas + 1):
            address = network.instance(len(found))
            # Where all share the loopback, the sidecar has the service's port.
            hidden = network.mode is Mode.loopback and workload.role is Role.SIDECAR
            host = _LOOPBACK if hidden else address if network.mode is Mode.loopback else _ANY
            ports = tuple(_served(one, free_port() if hidden else 0) for one in workload.ports)
            one = Instance(f"{workload.name}-{number}", workload, address, ports, host)
            if network.mode is Mode.loopback and workload.role is not Role.OUTSIDE:
                one = replace(one, ready_port=free_port(), admin_port=free_port())
            found.append(one)
    return Plan(network, every, found)


def _served(port: Port, bound: int) -> ServedPort:
    target = port.target_port or port.port
    return ServedPort(port, target, bound or target)


def _variable(port: Port) -> str:
    return f"PORT_{port.full_name.replace('-', '_').upper()}"


def proxy_variables(instance: Instance) -> Iterator[tuple[str, str]]:
    """What makes an application send its requests to its sidecar, where nothing captures them."""
    url = f"http://{instance.address}:{OUTBOUND_PORT}"
    for name, value in (("HTTP_PROXY", url), ("NO_PROXY", f"localhost,{_LOOPBACK}")):
        yield name, value
        yield name.lower(), value
