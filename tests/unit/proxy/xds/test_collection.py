import json

import pytest

from lateen.proxy.xds.collection import read_collection
from lateen.proxy.xds.document import DocumentError
from tests.support.xds_resources import CDS, LDS, PREFIX

COLLECTION = f"{PREFIX}envoy.config.listener.v3.ListenerCollection"


def read(tmp_path, resource, name="c.json"):
    path = tmp_path / name
    path.write_text(resource if isinstance(resource, str) else json.dumps(resource))
    return read_collection(str(path), LDS)


def entry(name, url=LDS):
    resource = {"@type": url, "name": f"of {name}"}
    return {"inline_entry": {"name": name, "version": f"{name}1", "resource": resource}}


def collection(*entries, **more):
    return {"version": "3", "resource": {"@type": COLLECTION, "entries": entries}, **more}


def test_each_entry_has_a_version_of_its_own(tmp_path):
    elsewhere = {"locator": {"id": "elsewhere"}}
    document = read(tmp_path, collection(entry("a"), elsewhere, entry("b"), new_field=1))
    assert document.response.version == "3"
    assert [(r.name, r.version, r.type_url) for r in document.response.resources] == [
        ("a", "a1", LDS),
        ("b", "b1", LDS),
    ]
    assert b"of a" in document.response.resources[0].body
    assert document.unknown == [
        "new_field: envoy.service.discovery.v3.Resource has no field 'new_field'"
    ]


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        ({"resource": {"@type": LDS}}, "Invalid structure for collection type envoy.config.list"),
        (
            {"resource": {"@type": f"{PREFIX}envoy.config.cluster.v3.ClusterCollection"}},
            "Invalid structure for collection type envoy.config.cluster.v3.ClusterCollection",
        ),
        ({}, "Unknown collection type "),
        (
            collection(entry("a", CDS)),
            f"Unable to unpack as envoy.config.listener.v3.Listener: {CDS}",
        ),
        ("{nonsense", "line 1, column 10: "),
    ],
)
def test_what_is_no_collection(tmp_path, resource, reason):
    with pytest.raises(DocumentError) as caught:
        read(tmp_path, resource)
    assert str(caught.value).startswith(f"in {tmp_path}/c.json, {reason}")
