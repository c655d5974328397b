"""What is known of the workloads behind a service: who they are, and whether they speak mutual TLS.

Source: pilot/pkg/model/push_context.go (BestEffortInferServiceMTLSMode), authentication.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lateen.control.mesh import Mesh
from lateen.control.mesh_config import MeshConfig
from lateen.control.model.service import Endpoint, Service
from lateen.control.resources.peer_authentication import Mode, PeerAuthentication


def identities(
    service: Service, endpoints: Iterable[Endpoint], config: MeshConfig
) -> tuple[str, ...]:
    """The identities that endpoints of a service have, as `spiffe://` names."""
    found = [
        f"spiffe://{config.trust_domain}/ns/{one.namespace}/sa/{one.service_account}"
        for one in endpoints
        if one.service_account
    ]
    return tuple(sorted({*found, *service.service_accounts}))


def mutual_tls(mesh: Mesh, service: Service, called: Sequence[Endpoint] | None) -> bool:
    """Whether a service is called by mutual TLS when no rule says anything.

    Args:
        called: its endpoints, when they are called by their own addresses: one that cannot speak
            mutual TLS decides. None: each endpoint is known to speak it or not.
    """
    if service.mesh_external or not mesh.config.enable_auto_mtls:
        return False
    if called is not None and not (called and all(one.tls_mode == "istio" for one in called)):
        return False
    return namespace_mode(mesh, service.namespace) != "DISABLE"


def namespace_mode(mesh: Mesh, namespace: str) -> Mode:
    """What PeerAuthentications without a selector say for a namespace: its own, then the mesh's.

    Of several in one namespace the oldest counts.
    """
    for owner in (namespace, mesh.config.root_namespace):
        for policy in mesh.of(PeerAuthentication):
            selector = policy.spec.selector
            if policy.namespace != owner or (selector is not None and selector.match_labels):
                continue
            mode = policy.spec.mtls.mode if policy.spec.mtls is not None else "UNSET"
            if mode != "UNSET":
                return mode
            break
    return "PERMISSIVE"
