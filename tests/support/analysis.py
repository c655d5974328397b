"""What analyzers say of manifests, for tests."""

from lateen.control.analyze.analyzers import analyzers_called
from lateen.control.analyze.run import analyze
from lateen.control.analyze.snapshot import snapshot
from lateen.control.documents import read_documents


def messages(analyzer, text, **settings):
    """The messages of one analyzer about the manifests of a file."""
    resources = snapshot(read_documents("mesh.yaml", text), **settings)
    return analyze(resources, analyzers_called([analyzer]))


def told(analyzer, text, **settings):
    """Code, resource and line of each message."""
    found = messages(analyzer, text, **settings)
    return [f"{one.type.code} {one.key} {one.line}" for one in found]


def manifest(kind, name, spec="{}", *, namespace="shop", labels="{}", annotations="{}", head=""):
    """A manifest of five lines and its separator: metadata is line 3, what follows is line 4.

    Args:
        head: apiVersion; empty: that of the kind.
    """
    group = head or _VERSIONS[kind]
    body = spec if spec.startswith(("spec:", "data:")) else f"spec: {spec}"
    return (
        f"apiVersion: {group}\nkind: {kind}\n"
        f"metadata: {{name: {name}, namespace: {namespace}, labels: {labels}, "
        f"annotations: {annotations}}}\n{body}\n---\n"
    )


_NETWORKING = "networking.istio.io/v1"
_SECURITY = "security.istio.io/v1"
_VERSIONS = {
    "VirtualService": _NETWORKING,
    "DestinationRule": _NETWORKING,
    "Gateway": _NETWORKING,
    "ServiceEntry": _NETWORKING,
    "Sidecar": _NETWORKING,
    "PeerAuthentication": _SECURITY,
    "RequestAuthentication": _SECURITY,
    "AuthorizationPolicy": _SECURITY,
    "Telemetry": "telemetry.istio.io/v1",
    "Deployment": "apps/v1",
    "CustomResourceDefinition": "apiextensions.k8s.io/v1",
    "Service": "v1",
    "Pod": "v1",
    "Namespace": "v1",
    "Node": "v1",
    "Secret": "v1",
    "ConfigMap": "v1",
}

INJECTED = manifest("Namespace", "shop", labels="{istio-injection: enabled}")
