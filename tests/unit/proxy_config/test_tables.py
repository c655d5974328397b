import json
from datetime import UTC, datetime, timedelta

import pytest

from lateen.proxy_config import clusters, endpoints, listeners, routes, secrets
from lateen.proxy_config.source import Admin, Saved, SourceError
from tests.support.authorities import of_unknown_version, self_signed

NOW = datetime(2026, 1, 10, tzinfo=UTC)


def dumped(kind, **groups):
    return {"configs": [{"@type": f"type.googleapis.com/envoy.admin.v3.{kind}", **groups}]}


def made_of(kind, name):
    place = f"/apis/networking.istio.io/v1/namespaces/shop/{kind}/{name}"
    return {"filter_metadata": {"istio": {"config": place}}}


CLUSTERS = dumped(
    "ClustersConfigDump",
    static_clusters=[{"cluster": {"name": "xds-grpc"}}],
    dynamic_active_clusters=[
        {
            "cluster": {
                "name": "outbound|80|v1|api.shop.svc",
                "type": "EDS",
                "metadata": made_of("destination-rule", "api"),
            }
        },
        {"cluster": {"name": "inbound|8080||", "type": "ORIGINAL_DST"}},
        {"cluster": {"name": "odd", "cluster_type": {"name": "envoy.clusters.aggregate"}}},
    ],
)


def test_clusters():
    found = clusters.table(CLUSTERS, clusters.Filter())
    assert found.rows == [
        ("", "8080", "-", "inbound", "ORIGINAL_DST", ""),
        ("api.shop.svc", "80", "v1", "outbound", "EDS", "api.shop"),
        ("odd", "-", "-", "-", "envoy.clusters.aggregate", ""),
        ("xds-grpc", "-", "-", "-", "STATIC", ""),
    ]
    lines = list(found.lines())
    assert lines[0].split() == " ".join(clusters.COLUMNS).split()
    assert all(line == line.rstrip() for line in lines)


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (clusters.Filter(fqdn="api.shop.svc"), 1),
        (clusters.Filter(port=8080), 1),
        (clusters.Filter(subset="v1", direction="outbound"), 1),
        (clusters.Filter(direction="inbound", port=80), 0),
    ],
)
def test_clusters_that_are_wanted(wanted, count):
    assert len(clusters.table(CLUSTERS, wanted).rows) == count


def chain(name, config, **match):
    filters = [{"name": f"envoy.filters.network.{name}", "typed_config": config}]
    return {"filters": filters, "filter_chain_match": match}


def listener(port, *chains, address="10.0.0.1", **more):
    socket = {"address": address, "port_value": port}
    return {"address": {"socket_address": socket}, "filter_chains": list(chains), **more}


HTTP = chain(
    "http_connection_manager",
    {"rds": {"route_config_name": "80"}},
    transport_protocol="raw_buffer",
    application_protocols=["http/1.1", "h2c"],
)
WEIGHTED = {"weighted_clusters": {"clusters": [{"name": "a", "weight": 1}, {"name": "b"}]}}
LISTENERS = dumped(
    "ListenersConfigDump",
    static_listeners=[{"listener": {"address": {"pipe": {"path": "/run/x"}}}}],
    dynamic_listeners=[
        {"active_state": {"listener": listener(443, chain("tcp_proxy", WEIGHTED))}},
        {"active_state": {"listener": listener(80, HTTP, default_filter_chain={"filters": []})}},
        {"warming_state": {"listener": listener(9)}},
    ],
)


def test_listeners():
    assert listeners.table(LISTENERS, listeners.Filter()).rows == [
        ("10.0.0.1", "80", "Trans: raw_buffer; App: http/1.1,h2c", "Route: 80"),
        ("10.0.0.1", "80", "ALL", "Non-HTTP/Non-TCP"),
        ("10.0.0.1", "443", "ALL", "Cluster: a (1), b ()"),
    ]
    assert len(listeners.table(LISTENERS, listeners.Filter(kind="tcp")).rows) == 1
    assert len(list(listeners.selected(LISTENERS, listeners.Filter(address="/run/x")))) == 1


@pytest.mark.parametrize(
    ("match", "said"),
    [
        ({"server_names": ["a", "b"]}, "SNI: a,b"),
        ({"destination_port": 15006}, "Addr: *:15006"),
        (
            {"prefix_ranges": [{"address_prefix": "10.0.0.0", "prefix_len": 8}]},
            "Addr: 10.0.0.0/8",
        ),
        ({}, "ALL"),
    ],
)
def test_what_a_chain_wants(match, said):
    assert listeners.match_of({"filter_chain_match": match}) == said


@pytest.mark.parametrize(
    ("hosts", "said"),
    [
        ([{"routes": [{"route": {"cluster": "c"}}]}], "Cluster: c"),
        ([{"routes": [{"route": {"cluster": "c"}}, {"redirect": {}}]}], "Inline Route: r"),
    ],
)
def test_where_inline_routes_lead(hosts, said):
    config = {"route_config": {"name": "r", "virtual_hosts": hosts}}
    assert listeners.destination_of(chain("http_connection_manager", config)) == said


def test_routes():
    table = {
        "name": "80",
        "virtual_hosts": [
            {
                "name": "api:80",
                "domains": ["api", "api.shop", "api.shop.svc"],
                "routes": [
                    {
                        "match": {"prefix": "/a", "headers": [{"name": "x-a"}]},
                        "metadata": made_of("virtual-service", "api"),
                    },
                    {"match": {"path": "/tea"}, "direct_response": {"status": 418}},
                    {"match": {"safe_regex": {"regex": "/r.*"}}, "redirect": {}},
                    {"match": {"path_separated_prefix": "/p"}},
                ],
            }
        ],
    }
    told = dumped("RoutesConfigDump", dynamic_route_configs=[{"route_config": table}])
    rows = routes.table(told, "").rows
    assert {row[:3] for row in rows} == {("80", "api:80", "api, api.shop + 1 more...")}
    assert [row[3:] for row in rows] == [
        ("/a* (headers: x-a)", "api.shop"),
        ("/tea", "418"),
        ("regex: /r.*", "redirect"),
        ("PathPrefix: /p", ""),
    ]
    assert routes.table(told, "90").rows == []


def test_endpoints():
    def host(port, **health):
        socket = {"address": "10.0.0.2", "port_value": port}
        return {"address": {"socket_address": socket}, "health_status": health}

    told = {
        "cluster_statuses": [
            {
                "name": "a",
                "host_statuses": [
                    host(80, eds_health_status="HEALTHY"),
                    host(81, eds_health_status="HEALTHY", failed_outlier_check=True),
                    host(82, eds_health_status="HEALTHY", failed_active_health_check=True),
                ],
            }
        ]
    }
    assert endpoints.table(told, endpoints.Filter()).rows == [
        ("10.0.0.2:80", "HEALTHY", "OK", "a"),
        ("10.0.0.2:81", "HEALTHY", "FAILED", "a"),
        ("10.0.0.2:82", "UNHEALTHY", "OK", "a"),
    ]
    assert len(endpoints.table(told, endpoints.Filter(status="unhealthy")).rows) == 1
    assert endpoints.table(told, endpoints.Filter(cluster="b")).rows == []


def test_secrets():
    pem = self_signed(NOW - timedelta(days=1), NOW + timedelta(days=1), 0xABC)
    own = {"tls_certificate": {"certificate_chain": {"inline_string": pem.decode()}}}
    roots = {"validation_context": {"trusted_ca": {"filename": "/x"}}}
    told = dumped(
        "SecretsConfigDump",
        dynamic_active_secrets=[{"name": "default", "secret": own}],
        dynamic_warming_secrets=[{"name": "ROOTCA", "secret": roots}],
    )
    assert secrets.table(told, NOW).rows == [
        ("ROOTCA", "CA", "WARMING", "-", "-", "-", "-"),
        (
            "default",
            "Cert Chain",
            "ACTIVE",
            "true",
            "abc",
            "2026-01-11T00:00:00Z",
            "2026-01-09T00:00:00Z",
        ),
    ]
    assert secrets.table(told, NOW + timedelta(days=2)).rows[1][3] == "false"


def test_what_is_no_certificate_is_shown_without_its_times():
    pem = of_unknown_version(self_signed(NOW, NOW)).decode()
    for written in ({"inline_string": pem}, {"inline_bytes": "\xe4"}, {"inline_string": "x"}):
        own = {"tls_certificate": {"certificate_chain": written}}
        told = dumped("SecretsConfigDump", static_secrets=[{"name": "a", "secret": own}])
        (row,) = secrets.table(told, NOW).rows
        assert row == ("a", "Cert Chain", "ACTIVE", "-", "-", "-", "-")


def test_what_was_saved(tmp_path):
    file = tmp_path / "dump.json"
    with pytest.raises(SourceError, match=r"cannot read .*dump.json: No such file"):
        Saved(file).dump()
    file.write_text("{")
    with pytest.raises(SourceError, match="no JSON"):
        Saved(file).dump()
    file.write_text(json.dumps(CLUSTERS))
    assert Saved(file).dump() == CLUSTERS
    with pytest.raises(SourceError, match="running proxy"):
        Saved(file).clusters()


@pytest.mark.parametrize("address", ["127.0.0.1:http", "a" * 70 + ".com:80"])
def test_what_is_no_address_of_a_proxy(address):
    with pytest.raises(SourceError, match=f"no proxy answers at {address}: .*--admin"):
        Admin(address).dump()
