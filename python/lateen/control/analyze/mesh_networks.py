"""Networks of registries that nobody knows.

Source: Istio pkg/config/analysis/analyzers/multicluster/meshnetworks.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from lateen.control.analyze.message import Message
from lateen.control.analyze.messages import UNKNOWN_REGISTRY
from lateen.control.analyze.snapshot import ISTIO_NAMESPACE, Snapshot
from lateen.control.resources.kubernetes.secret import Secret
from lateen.control.resources.meta import Key

_KNOWN = frozenset(("Mock", "Kubernetes", "External"))
_REMOTE_CLUSTERS = "istio/multiCluster"


def mesh_networks(resources: Snapshot) -> Iterator[Message]:
    """Compares registries of networks with clusters that secrets lead to."""
    if resources.networks is None:
        return
    networks, document = resources.networks
    known = _KNOWN | {
        name
        for secret in resources.of(Secret)
        if secret.labels.get(_REMOTE_CLUSTERS) == "true"
        for name in secret.spec.names
    }
    key = Key("MeshNetworks", ISTIO_NAMESPACE, "meshnetworks")
    for network, said in networks.networks.items():
        for index, endpoints in enumerate(said.endpoints):
            registry = endpoints.from_registry
            if registry and registry not in known:
                path = ("networks", network, "endpoints", index, "fromRegistry")
                line, _ = document.position(path)
                text = f"Network {network} takes endpoints of the registry {registry}: unknown"
                yield Message(UNKNOWN_REGISTRY, key, text, document.file, line)
