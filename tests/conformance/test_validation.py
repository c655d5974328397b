"""Whether a manifest is refused: Istio's own cases, each valid or with the reason it is not."""

from dataclasses import replace

from lateen.control.documents import read_documents
from lateen.control.resources.reading import read_resource
from tests.support.corpus import istio_corpus


def cases(folder):
    """Manifests without the corpus' mark, and whether they must be refused."""
    for path in sorted(folder.glob("*.yaml")):
        for document in read_documents(path.name, path.read_text()):
            tree = dict(document.tree)
            reason = tree.pop("_err", "")
            yield replace(document, tree=tree), reason


def test_what_istio_refuses_is_refused_and_nothing_else():
    folder = istio_corpus("validation")
    wrong = {}
    found = list(cases(folder))
    for document, reason in found:
        _, report = read_resource(document)
        if report.refuses != bool(reason):
            name = document.tree["metadata"]["name"]
            wrong[f"{document.file} {name}"] = reason or [str(one) for one in report.found]
    print(f"conformance: validation {len(found) - len(wrong)} of {len(found)}")
    assert found
    assert wrong == {}
