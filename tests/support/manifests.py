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
