"""Resources from text, for tests."""

from lateen.control.analyze.kinds import ANALYZED
from lateen.control.documents import read_documents
from lateen.control.resources.kinds import KINDS
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


VERSIONS = {one.name: one.api_versions[0] for one in (*ANALYZED.values(), *KINDS.values())}
"""The apiVersion of each kind; a Gateway is Istio's."""


def checked(kind, spec, metadata=""):
    """What is wrong with a resource: `error spec.hosts[0]`, for each problem."""
    text = (
        f"apiVersion: {VERSIONS[kind]}\nkind: {kind}\n"
        f"metadata: {{name: a, namespace: shop{metadata}}}\nspec: {spec}\n"
    )
    (document,) = read_documents("mesh.yaml", text)
    resource, report = read_resource(document)
    assert (resource is None) == report.refuses
    assert all(problem.line and problem.message for problem in report.found)
    return [f"{problem.severity} {problem.path}" for problem in report.found]
