"""Messages about resources: Istio's own cases, compared as multisets of code and resource."""

import json
from collections import Counter

from lateen.control.analyze.analyzers import analyzers_called
from lateen.control.analyze.mesh_files import MeshNetworks, read_mesh_file
from lateen.control.analyze.run import analyze
from lateen.control.analyze.snapshot import snapshot
from lateen.control.documents import read_documents
from tests.support.corpus import istio_corpus


def found(case, folder):
    documents = [
        document
        for name in case["files"]
        for document in read_documents(name, (folder / name).read_text())
    ]
    networks = case.get("meshNetworksFile")
    if networks:
        networks = read_mesh_file(networks, (folder / networks).read_text(), MeshNetworks)
    resources = snapshot(documents, namespace="", networks=networks)
    messages = analyze(resources, analyzers_called([case["analyzer"]]))
    return Counter((one.type.code, str(one.key)) for one in messages)


def test_messages_are_those_that_istio_has():
    folder = istio_corpus("analyze")
    cases = json.loads((folder / "cases.json").read_text())
    codes = json.loads((folder / "codes.json").read_text())
    wrong = {}
    for case in cases:
        expected = Counter(tuple(one) for one in case["expected"])
        told = found(case, folder / "input")
        if told != expected:
            wrong[case["name"]] = {"missing": expected - told, "too many": told - expected}
    print(f"conformance: analyze {len(cases) - len(wrong)} of {len(cases)}")
    assert cases
    assert set(codes.values()) >= {code for case in cases for code, _ in case["expected"]}
    assert wrong == {}
