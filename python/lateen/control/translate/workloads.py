"""Which policies are about a workload.

Source: pilot/pkg/model/authentication.go, authorization.go; pilot/pkg/security/authn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from lateen.control.mesh import Mesh
from lateen.control.model.proxy import Proxy
from lateen.control.resources.authorization_policy import AuthorizationPolicy
from lateen.control.resources.meta import Resource
from lateen.control.resources.peer_authentication import Mode, PeerAuthentication
from lateen.control.resources.request_authentication import JwtRule, RequestAuthentication
from lateen.control.resources.selectors import LabelSelector, PolicyTargetReference, selects


class Policy(Protocol):
    """What selects workloads by labels."""

    @property
    def selector(self) -> LabelSelector | None:
        """The labels; None: every workload."""


Spec = TypeVar("Spec", bound=Policy)


def policies_of(mesh: Mesh, proxy: Proxy, spec: type[Spec]) -> Iterator[Resource[Spec]]:
    """The policies of a kind that are about a workload: the root namespace's, then its own.

    A policy that is attached to another resource is not about a sidecar's workload.
    """
    for namespace in dict.fromkeys((mesh.config.root_namespace, proxy.namespace)):
        for policy in mesh.of(spec):
            if policy.namespace == namespace and not _attached(policy.spec):
                selector = policy.spec.selector
                wanted: Mapping[str, str] = selector.match_labels if selector else {}
                if selects(wanted, proxy.labels):
                    yield policy


def _attached(spec: object) -> bool:
    if isinstance(spec, AuthorizationPolicy | RequestAuthentication):
        found: tuple[PolicyTargetReference | None, ...] = (spec.target_ref, *spec.target_refs)
        return any(one is not None for one in found)
    return False


@dataclass(frozen=True)
class MutualTlsModes:
    """Whether the workload's callers need mutual TLS.

    Attributes:
        mode: of every port that is not named.
        ports: of the workload's ports.
    """

    mode: Mode
    ports: Mapping[int, Mode]

    def of(self, port: int) -> Mode:
        """The mode of a port."""
        return self.ports.get(port, self.mode)


def mutual_tls_modes(mesh: Mesh, proxy: Proxy) -> MutualTlsModes:
    """What PeerAuthentications say: the nearest of port, workload, namespace, mesh.

    Of several on one level the oldest counts; UNSET is what the level above says.
    """
    levels = _by_level(mesh, proxy)
    mode: Mode = "PERMISSIVE"
    for level in ("mesh", "namespace", "workload"):
        found = levels.get(level)
        if found is not None and _says(found):
            mode = found.spec.mtls.mode if found.spec.mtls is not None else mode
    workload = levels.get("workload")
    written = workload.spec.port_level_mtls if workload is not None else {}
    ports = {port: mode if one.mode == "UNSET" else one.mode for port, one in written.items()}
    return MutualTlsModes(mode, ports)


def deciding_mode(mesh: Mesh, proxy: Proxy, port: int) -> Resource[PeerAuthentication] | None:
    """The policy that decides whether callers of a port need mutual TLS; None: the default does."""
    levels = _by_level(mesh, proxy)
    workload = levels.get("workload")
    if workload is not None:
        of_port = workload.spec.port_level_mtls.get(port)
        if of_port is not None and of_port.mode != "UNSET":
            return workload
    nearest = (levels.get(level) for level in ("workload", "namespace", "mesh"))
    return next((one for one in nearest if one is not None and _says(one)), None)


def _by_level(mesh: Mesh, proxy: Proxy) -> dict[str, Resource[PeerAuthentication]]:
    levels: dict[str, Resource[PeerAuthentication]] = {}
    for policy in policies_of(mesh, proxy, PeerAuthentication):
        levels.setdefault(_level(mesh, policy), policy)
    return levels


def _says(policy: Resource[PeerAuthentication]) -> bool:
    mtls = policy.spec.mtls
    return mtls is not None and mtls.mode != "UNSET"


def _level(mesh: Mesh, policy: Resource[PeerAuthentication]) -> str:
    selector = policy.spec.selector
    if selector is not None and selector.match_labels:
        return "workload"
    return "mesh" if policy.namespace == mesh.config.root_namespace else "namespace"


def jwt_rules(mesh: Mesh, proxy: Proxy) -> list[JwtRule]:
    """The rules of all RequestAuthentications that are about a workload, by issuer."""
    policies = policies_of(mesh, proxy, RequestAuthentication)
    return sorted((rule for one in policies for rule in one.spec.jwt_rules), key=lambda r: r.issuer)
