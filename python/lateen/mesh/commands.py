"""The commands of `lateen` that a mesh runs, as their users would type them. Does no I/O."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lateen.mesh.plan import Instance, Mode, Network, proxy_variables
from lateen.mesh.workloads import Role

# Whoever runs a mesh on one machine waits for it to end.
_DRAIN_S = 1
DISCOVERY_PORT, SECURE_PORT, MONITORING_PORT = 15010, 15012, 15014


@dataclass(frozen=True)
class Folders:
    """Where a mesh keeps what it makes.

    Attributes:
        state: all of it; mode 0700.
    """

    state: Path

    @property
    def authority(self) -> Path:
        """The certificate authority's files."""
        return self.state / "ca"

    @property
    def manifests(self) -> Path:
        """What Kubernetes would have of the mesh."""
        return self.state / "manifests"

    @property
    def endpoints(self) -> Path:
        """Who takes requests, as a manifest."""
        return self.manifests / "endpoints.yaml"

    def of(self, instance: Instance) -> Path:
        """The state of a sidecar."""
        return self.state / "instances" / instance.name

    def token(self, instance: Instance) -> Path:
        """The token with which a sidecar joins."""
        return self.of(instance) / "token"


def control(network: Network, folders: Folders, resources: Path | None) -> list[str]:
    """The control plane."""
    return [
        "control",
        str(folders.manifests),
        *([] if resources is None else [str(resources)]),
        *("--ca", str(folders.authority)),
        *("--address", f"{network.monitoring}:{DISCOVERY_PORT}"),
        *("--secure-address", f"{network.control}:{SECURE_PORT}"),
        *("--monitoring-address", monitoring(network)),
    ]


def monitoring(network: Network) -> str:
    """Where the control plane is asked how it is."""
    return f"{network.monitoring}:{MONITORING_PORT}"


def wait(network: Network, folders: Folders) -> list[str]:
    """Ends once every sidecar knows who takes requests."""
    return ["wait", "--monitoring", monitoring(network), "--for", str(folders.endpoints)]


def sidecar(
    instance: Instance, network: Network, folders: Folders, envoy: Path | None
) -> list[str]:
    """A sidecar with its application, or a gateway.

    Args:
        envoy: runs in place of Lateen's proxy.
    """
    workload = instance.workload
    intercepted = network.mode is Mode.namespaces and workload.role is Role.SIDECAR
    options = [
        "sidecar",
        *("--discovery", f"{network.control}:{SECURE_PORT}"),
        *("--ca-root", str(folders.authority / "root-cert.pem")),
        *("--token-file", str(folders.token(instance))),
        *("--name", instance.name),
        *("--namespace", workload.namespace),
        *("--service-account", workload.service_account),
        *("--ip", instance.address),
        *("--interception", "REDIRECT" if intercepted else "NONE"),
        *("--ready-port", str(instance.ready_port)),
        *("--admin-port", str(instance.admin_port)),
        *("--drain-time", str(_DRAIN_S)),
        *("--state", str(folders.of(instance))),
    ]
    if network.mode is Mode.loopback:
        # Nobody asks it, and one port is not enough for all sidecars of a machine.
        options += ["--dns-port", "0"]
    if intercepted:
        options += ["--dns-capture"]
    for name, value in instance.labels.items():
        options += ["--label", f"{name}={value}"]
    if envoy is not None:
        options += ["--envoy", str(envoy)]
    if workload.role is Role.GATEWAY:
        return [*options, "--type", "router"]
    return [*options, "--", *_application(instance, network.mode)]


def _application(instance: Instance, mode: Mode) -> Iterator[str]:
    """The application's command; what its sidecar must not have is set for it alone."""
    if mode is Mode.loopback:
        yield "env"
        yield from (f"{name}={value}" for name, value in proxy_variables(instance))
    else:
        # Not the sidecar's group, whose traffic is not captured.
        yield from ("setpriv", "--regid", "0", "--clear-groups", "--pdeathsig", "TERM", "--")
    yield from instance.workload.command
