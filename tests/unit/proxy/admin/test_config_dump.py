import json

import pytest


def configs(admin, query=""):
    return json.loads(admin.text(f"/config_dump{query}"))["configs"]


def types(found):
    return [each["@type"].rpartition(".")[2] for each in found]


def test_the_order_of_the_parts(admin):
    found = configs(admin)
    assert types(found) == [
        "BootstrapConfigDump",
        "ClustersConfigDump",
        "ListenersConfigDump",
        "ScopedRoutesConfigDump",
        "RoutesConfigDump",
        "SecretsConfigDump",
    ]
    assert found[0]["bootstrap"]["node"]["id"] == "node-1"
    cluster = found[1]["static_clusters"][0]
    assert list(cluster) == ["cluster", "last_updated"]
    assert next(iter(cluster["cluster"])) == "@type"
    assert cluster["cluster"]["connect_timeout"] == "0.250s"
    assert found[4]["static_route_configs"][0]["route_config"]["name"] == "local"


def test_endpoints_on_demand(admin):
    found = configs(admin, "?include_eds")
    assert types(found)[2] == "EndpointsConfigDump"
    first = found[2]["static_endpoint_configs"][0]["endpoint_config"]
    assert first["cluster_name"] == "be"
    assert first["endpoints"][0]["lb_endpoints"][0]["load_balancing_weight"] == 2


def test_by_name(admin):
    found = configs(admin, "?name_regex=oth.*")
    clusters = found[1]["static_clusters"]
    assert [each["cluster"]["name"] for each in clusters] == ["other"]
    assert "static_listeners" not in found[2]


def test_one_resource(admin):
    found = configs(admin, "?resource=static_clusters&name_regex=be")
    assert types(found) == ["StaticCluster"]
    assert found[0]["cluster"]["name"] == "be"
    assert admin.text("/config_dump?resource=dynamic_listeners") == "{}\n"


def test_masks(admin):
    found = configs(admin, "?mask=bootstrap.node.id")
    assert found == [
        {
            "@type": "type.googleapis.com/envoy.admin.v3.BootstrapConfigDump",
            "bootstrap": {"node": {"id": "node-1"}},
        }
    ]
    found = configs(admin, "?resource=static_clusters&mask=cluster.name")
    assert [each["cluster"]["name"] for each in found] == ["be", "other"]
    assert set(found[0]["cluster"]) == {"@type", "name"}
    assert "last_updated" not in found[0]


@pytest.mark.parametrize(
    ("query", "status", "answer"),
    [
        ("resource=zzz", 404, "zzz not found in config dump"),
        (
            "resource=bootstrap",
            400,
            "bootstrap is not a repeated field. Use ?mask=bootstrap to get only this field",
        ),
        ("mask=zzz", 400, "FieldMask zzz could not be successfully applied to any configs."),
        (
            "resource=static_clusters&mask=cluster.zzz",
            400,
            'FieldMask paths: "cluster.zzz"\n could not be successfully used.',
        ),
        (
            "name_regex=(",
            400,
            "INVALID_ARGUMENT: Error while parsing name_regex from (: missing ): (",
        ),
    ],
)
def test_mistakes(admin, query, status, answer):
    response = admin.ask(f"/config_dump?{query}")
    assert (response.status, response.body) == (status, answer)
    assert response.content_type == "text/plain"
