"""Resources from text, for tests."""

from lateen.control.documents import read_documents
from lateen.control.resources.reading import manifests, read_resource


def resources(text):
    """The resources of a file without a mistake in it."""
    found = []
    for document in read_documents("mesh.yaml", text):
        for manifest in manifests(document):
            resource, report = read_resource(manifest)
            assert not report.refuses, [str(problem) for problem in report.found]
            found.append(resource)
    return found


_GROUPS = {
    "VirtualService": "networking.istio.io/v1",
    "DestinationRule": "networking.istio.io/v1",
    "Gateway": "networking.istio.io/v1",
    "ServiceEntry": "networking.istio.io/v1",
    "WorkloadEntry": "networking.istio.io/v1",
    "WorkloadGroup": "networking.istio.io/v1",
    "Sidecar": "networking.istio.io/v1",
    "ProxyConfig": "networking.istio.io/v1beta1",
    "PeerAuthentication": "security.istio.io/v1",
    "RequestAuthentication": "security.istio.io/v1",
    "AuthorizationPolicy": "security.istio.io/v1",
    "Telemetry": "telemetry.istio.io/v1",
}


def checked(kind, spec, metadata=""):
    """What is wrong with a resource: `error spec.hosts[0]`, for each problem."""
    text = (
        f"apiVersion: {_GROUPS[kind]}\nkind: {kind}\n"
        f"metadata: {{name: a, namespace: shop{metadata}}}\nspec: {spec}\n"
    )
    (document,) = read_documents("mesh.yaml", text)
    resource, report = read_resource(document)
    assert (resource is None) == report.refuses
    assert all(problem.line and problem.message for problem in report.found)
    return [f"{problem.severity} {problem.path}" for problem in report.found]
