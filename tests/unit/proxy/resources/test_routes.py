"""Route tables over RDS: shared, checked, kept when what comes next is bad."""

import pytest

from lateen.protos import worker_pb2
from tests.support.xds_resources import (
    ADS,
    CDS,
    HCM,
    LDS,
    RDS,
    listener,
    message,
    resource,
    routes,
    static_cluster,
)
from tests.unit.proxy.resources.support import BOOTSTRAP, Proxy


@pytest.fixture
def proxy():
    proxy = Proxy()
    proxy.xds.send(CDS, static_cluster("a"))
    proxy.xds.send(LDS, listener("l", 80))
    return proxy


def tables(proxy):
    return [table for update in proxy.core.updates for table in update.route_tables]


def hosts(number, target="a"):
    return [
        {
            "name": f"v{index}",
            "domains": [f"h{index}"],
            "routes": [{"match": {"prefix": "/"}, "route": {"cluster": target}}],
        }
        for index in range(number)
    ]


def test_a_listener_waits_for_its_routes(proxy):
    assert not proxy.ready
    assert proxy.xds.send(RDS, routes("r", "a")).accepted
    assert proxy.ready
    (table,) = tables(proxy)
    assert table.name == "rds/ads/r"
    assert table.config_name == "r"
    assert proxy.stat("http.in.rds.r.config_reload") == 1


def test_one_subscription_for_all_who_name_the_same():
    proxy = Proxy()
    proxy.xds.send(CDS)
    proxy.xds.send(LDS, listener("l", 80), listener("m", 81), listener("n", 82, "other"))
    assert sorted(proxy.xds.names(RDS)) == [("other",), ("r",)]
    proxy.xds.send(RDS, routes("r", "a"))
    proxy.xds.send(LDS, listener("m", 81))
    proxy.clock.run()
    assert proxy.xds.names(RDS) == [("r",)]
    proxy.xds.send(LDS)
    proxy.clock.run()
    assert proxy.xds.names(RDS) == []
    assert list(proxy.core.updates[-1].removed_route_tables) == ["rds/ads/r"]


def test_the_same_body_twice_is_one_table(proxy):
    proxy.xds.send(RDS, routes("r", "a"))
    assert proxy.xds.send(RDS, routes("r", "a"), version="2").accepted
    assert len(tables(proxy)) == 1


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (routes("r", "nope", validate_clusters=True), "route: unknown cluster 'nope'"),
        (
            routes("r", "a", virtual_hosts=[*hosts(1), *hosts(1)]),
            "Only unique values for domains are permitted. Duplicate entry of domain h0 in route r",
        ),
        (
            routes("r", "a", virtual_hosts=[{"name": "v", "domains": []}]),
            "Proto constraint validation failed (domains must have at least 1 items, has 0 (at"
            " virtual_hosts[0].domains))",
        ),
        (
            routes(
                "r",
                "a",
                virtual_hosts=[
                    *hosts(1),
                    {**hosts(2)[1], "retry_policy": {"refresh_cluster_on_retry": True}},
                ],
            ),
            "refresh_cluster_on_retry is not implemented (at virtual_hosts[1].retry_policy.refresh",
        ),
    ],
)
def test_the_last_good_routes_stay(proxy, made, reason):
    proxy.xds.send(RDS, routes("r", "a"), version="1")
    blocks = len(proxy.dynamic._context.blocks)
    outcome = proxy.xds.send(RDS, made, version="2")
    assert outcome.summary.startswith(reason)
    assert [each.name for each in outcome.bad] == ["r"]
    assert len(tables(proxy)) == 1
    table = proxy.dynamic.routes.found["rds/ads/r"]
    assert (table.version, table.body) == ("1", routes("r", "a").SerializeToString())
    assert table.error.reason.startswith(reason)
    assert len(proxy.dynamic._context.blocks) == blocks
    assert proxy.xds.send(RDS, routes("r", "b"), version="3").accepted
    assert table.error is None


def test_other_routes_than_those_asked_for(proxy):
    subscriber = proxy.xds.open(RDS, "r")[0].subscriber
    from lateen.xds.subscription import Update

    outcome = subscriber.take(Update([resource(routes("x", "a"))], (), "1", False))
    assert outcome.summary == "Unexpected RDS configuration (expecting r): x"
    assert subscriber.take(Update((), (), "1", False)).accepted
    assert proxy.stat("http.in.rds.r.update_empty") == 1


def test_only_changed_virtual_hosts_are_compiled(proxy, monkeypatch):
    from lateen.proxy.resources import virtual_hosts

    compiled = []
    real = virtual_hosts.compile_virtual_host

    def counting(ctx, host, *rest):
        compiled.append(host.name)
        return real(ctx, host, *rest)

    monkeypatch.setattr(virtual_hosts, "compile_virtual_host", counting)
    made = routes("r", "a", virtual_hosts=hosts(20))
    proxy.xds.send(RDS, made)
    assert compiled == ["v0"]
    compiled.clear()
    slow = hosts(9)[8:]
    slow[0]["routes"][0]["route"]["timeout"] = "3s"
    changed = routes("r", "a", virtual_hosts=[*hosts(7), *hosts(8, "b")[7:], *slow, *hosts(20)[9:]])
    proxy.xds.send(RDS, changed)
    assert compiled == ["v8"]
    last = tables(proxy)[-1]
    assert [host.name for host in last.virtual_hosts] == [f"v{index}" for index in range(20)]
    assert last.virtual_hosts[7].routes[0].route.cluster == "b"
    assert last.virtual_hosts[7].domains == ["h7"]
    assert last.virtual_hosts[8].routes[0].route.timeout_ms == 3000


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"domains": []},
        {"domains": ["a\n"]},
        {"routes": [{"match": {"prefix": "/"}, "route": {"cluster": ""}}]},
    ],
)
def test_a_known_shape_is_no_excuse(proxy, change):
    assert proxy.xds.send(RDS, routes("r", "a", virtual_hosts=hosts(2))).accepted
    wrong = [*hosts(2), {**hosts(3)[2], **change}]
    outcome = proxy.xds.send(RDS, routes("r", "a", virtual_hosts=wrong))
    assert outcome.summary.startswith("Proto constraint validation failed (")
    assert "virtual_hosts[2]" in outcome.summary


def test_a_table_of_parts_is_the_table_compiled_whole(proxy):
    fields = {
        "virtual_hosts": hosts(3),
        "request_headers_to_remove": ["x"],
        "internal_only_headers": ["Y"],
        "max_direct_response_body_size_bytes": 9,
    }
    proxy.xds.send(RDS, routes("r", "a", **fields))
    in_parts = tables(proxy)[-1]
    proxy.xds.send(RDS, routes("r", "a", validate_clusters=True, **fields))
    assert tables(proxy)[-1] == in_parts


def test_stats_of_virtual_hosts_that_are_gone_go(proxy):
    clusters = [{"name": "vc", "headers": [{"name": ":path", "present_match": True}]}]
    with_stats = [{**host, "virtual_clusters": clusters} for host in hosts(2)]
    blocks = proxy.dynamic._context.blocks

    def counted():
        return sorted(block.prefix for block in blocks if block.prefix.startswith("vhost."))

    proxy.xds.send(RDS, routes("r", "a", virtual_hosts=with_stats))
    assert counted() == [
        "vhost.v0.vcluster.other",
        "vhost.v0.vcluster.vc",
        "vhost.v1.vcluster.other",
        "vhost.v1.vcluster.vc",
    ]
    proxy.xds.send(RDS, routes("r", "a", virtual_hosts=with_stats[:1]))
    assert counted() == ["vhost.v0.vcluster.other", "vhost.v0.vcluster.vc"]
    proxy.xds.send(RDS, routes("r", "a"))
    assert counted() == []


def test_a_static_listener_may_have_rds():
    typed = f"""
static_resources:
  listeners:
  - name: s
    address: {{socket_address: {{address: 127.0.0.1, port_value: 80}}}}
    filter_chains:
    - filters:
      - name: h
        typed_config:
          "@type": {HCM}
          stat_prefix: st
          rds: {{route_config_name: r, config_source: {{ads: {{}}, resource_api_version: V3}}}}
          http_filters:
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
"""
    proxy = Proxy(BOOTSTRAP.replace("  lds_config", "  #lds").replace("static_resources:\n", typed))
    proxy.xds.send(CDS)
    assert proxy.xds.open(RDS)[0].prefix == "http.st.rds.r"
    assert not proxy.ready
    assert proxy.xds.send(RDS, routes("r", "x")).accepted
    assert proxy.ready


def test_the_workers_table_is_one_message():
    made = worker_pb2.RouteTable(name="t")
    from lateen.proxy.resources.virtual_hosts import update_of

    update = worker_pb2.Update.FromString(update_of(made.SerializeToString()))
    assert list(update.route_tables) == [made]
    assert message(RDS, {"name": "r"}).name == "r"
    assert ADS
