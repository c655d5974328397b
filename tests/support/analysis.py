"""What analyzers say of manifests, for tests."""

from lateen.control.analyze.analyzers import analyzers_called
from lateen.control.analyze.run import analyze
from lateen.control.analyze.snapshot import snapshot
from lateen.control.documents import read_documents
from tests.support.manifests import VERSIONS


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
    group = head or VERSIONS[kind]
    body = spec if spec.startswith(("spec:", "data:")) else f"spec: {spec}"
    return (
        f"apiVersion: {group}\nkind: {kind}\n"
        f"metadata: {{name: {name}, namespace: {namespace}, labels: {labels}, "
        f"annotations: {annotations}}}\n{body}\n---\n"
    )


INJECTED = manifest("Namespace", "shop", labels="{istio-injection: enabled}")
