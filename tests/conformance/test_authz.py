"""AuthorizationPolicy to filters: Istio's own cases, compared as messages."""

import json

from google.protobuf import json_format

from lateen.control.documents import read_documents
from lateen.control.resources.reading import read_resource
from lateen.control.translate.authz.filters import http_filters, network_filters
from lateen.control.translate.authz.trust import TrustDomains
from lateen.protos import envoy_types
from tests.support.corpus import istio_corpus

MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3"
KINDS = {
    "http": (http_filters, f"{MANAGER}.HttpFilter"),
    "tcp": (network_filters, "envoy.config.listener.v3.Filter"),
}


def documents(path):
    return read_documents(path.name, path.read_text())


def policies(path):
    found = []
    for document in documents(path):
        resource, report = read_resource(document)
        assert report.found == []
        found.append(resource)
    return found


def unpacked(one):
    return one.name, envoy_types().unpack(one.typed_config)


def test_policies_become_the_filters_that_istio_makes_of_them():
    folder = istio_corpus("authz")
    cases = json.loads((folder / "cases.json").read_text())
    wrong = []
    for case in cases:
        build, message = KINDS[case["kind"]]
        made = [
            unpacked(one)
            for one in build(policies(folder / case["kind"] / case["input"]), TrustDomains())
        ]
        wanted = []
        for name in case["want"]:
            (document,) = documents(folder / case["kind"] / name)
            parsed = envoy_types().message_class(message)()
            json_format.ParseDict(document.tree, parsed, descriptor_pool=envoy_types().pool)
            wanted.append(unpacked(parsed))
        if made != wanted:
            wrong.append(case["name"])
    print(f"conformance: authorization {len(cases) - len(wrong)} of {len(cases)}")
    assert cases
    assert wrong == []
