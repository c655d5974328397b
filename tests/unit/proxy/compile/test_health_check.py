import pytest

from lateen.protos import worker_pb2
from tests.support.messages import context, errors, unsupported
from tests.unit.proxy.compile.test_cluster import compiled, hosts, http, source_of

REQUIRED = {"timeout": "1s", "interval": "2s", "unhealthy_threshold": 3, "healthy_threshold": 4}
SINK = "type.googleapis.com/envoy.extensions.health_check.event_sinks.file.v3"
HTTP2 = http(explicit_http_config={"http2_protocol_options": {}})


def check(ctx=None, kind=None, cluster=None, **given):
    """The compiled health check of a cluster."""
    return every(ctx, kind, cluster, **given).checks[0]


def every(ctx=None, kind=None, cluster=None, **given):
    """The compiled health checks of a cluster that has one."""
    asked = kind or {"http_health_check": {"path": "/hc"}}
    checks = [{**REQUIRED, **asked, **given}]
    return compiled(ctx, health_checks=checks, **(cluster or {})).health_checks


def http_check(ctx=None, **given):
    return check(ctx, {"http_health_check": {"path": "/hc", **given}}).http


def test_defaults():
    found = check()
    assert (found.timeout_ms, found.interval_ms) == (1000, 2000)
    assert (found.unhealthy_threshold, found.healthy_threshold) == (3, 4)
    assert found.no_traffic_interval_ms == found.no_traffic_healthy_interval_ms == 60_000
    assert found.unhealthy_interval_ms == found.unhealthy_edge_interval_ms == 2000
    assert found.healthy_edge_interval_ms == 2000
    assert found.reuse_connection
    assert not found.log_every_failure
    assert not every().exclude_new_hosts
    assert not every().remove_at_once
    assert (found.http.path, found.http.method, found.http.response_buffer_size) == (
        "/hc",
        "GET",
        1024,
    )
    assert not compiled().HasField("health_checks")


def test_one_interval_stands_for_others():
    found = check(unhealthy_interval="5s", no_traffic_interval="7s")
    assert found.unhealthy_edge_interval_ms == 5000
    assert found.no_traffic_healthy_interval_ms == 7000
    assert not check(reuse_connection=False).reuse_connection


def test_what_the_cluster_says_of_it():
    cluster = {
        "common_lb_config": {"ignore_new_hosts_until_first_hc": True},
        "ignore_health_on_host_removal": True,
        "close_connections_on_host_health_failure": True,
    }
    found = every(cluster=cluster)
    assert found.exclude_new_hosts
    assert found.remove_at_once
    assert compiled(**cluster).close_connections_on_host_health_failure


def test_it_has_a_block_of_its_own():
    ctx = context()
    found = check(ctx, cluster={"alt_stat_name": "shown"})
    block = ctx.blocks[found.stats_block]
    assert block.prefix == "cluster.shown.health_check"
    assert block.tags == (("envoy.cluster_name", "shown"),)


def test_several_have_names_and_a_block_each():
    ctx = context()
    checks = [{**REQUIRED, "name": name, "tcp_health_check": {}} for name in ("a", "b")]
    found = compiled(ctx, health_checks=checks).health_checks
    assert [each.name for each in found.checks] == ["a", "b"]
    prefixes = [ctx.blocks[each.stats_block].prefix for each in found.checks]
    assert prefixes == ["cluster.c.health_check.name.a", "cluster.c.health_check.name.b"]
    tags = dict(ctx.blocks[found.checks[1].stats_block].tags)
    assert tags["envoy.health_check_name"] == "b"
    assert ctx.blocks[found.stats_block].prefix == "cluster.c.health_check"


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (("a", ""), "health check at index 1 is missing a name"),
        (("a", "a"), "duplicate health check name 'a' at index 1"),
        ("abcdefghi", "health_checks must have at most 8 items, has 9"),
    ],
)
def test_names_of_several_differ(names, reason):
    ctx = context()
    checks = [{**REQUIRED, "name": name, "tcp_health_check": {}} for name in names]
    compiled(ctx, health_checks=checks)
    assert reason in errors(ctx)[0]


def test_events_go_to_files():
    sink = {"@type": f"{SINK}.HealthCheckEventFileSink", "event_log_path": "/b"}
    found = check(
        event_log_path="/a",
        event_logger=[{"name": "file", "typed_config": sink}],
        always_log_health_check_failures=True,
        always_log_health_check_success=True,
    )
    assert list(found.event_log_paths) == ["/a", "/b"]
    assert found.log_every_failure
    assert found.log_every_success


def test_transport_sockets():
    found = check(
        tls_options={"alpn_protocols": ["a"]}, transport_socket_match_criteria={"k": True}
    )
    assert list(found.alpn_protocols) == ["a"]
    assert found.socket_criteria_json == '{"k":true}'


def test_http():
    found = http_check(
        method="POST",
        send={"text": "616A"},
        receive=[{"text": "00"}],
        request_headers_to_add=[{"header": {"key": "X-A", "value": "b"}}],
        request_headers_to_remove=["X-C"],
        expected_statuses=[{"start": 200, "end": 300}],
        codec_client_type="HTTP2",
        service_name_matcher={"prefix": "web"},
    )
    assert (found.method, found.body, list(found.receive)) == ("POST", b"aj", [b"\0"])
    assert found.headers_to_add[0].name == "x-a"
    assert list(found.headers_to_remove) == ["x-c"]
    assert (found.expected_statuses[0].start, found.expected_statuses[0].end) == (200, 300)
    assert found.http2
    assert found.service_name.prefix == "web"


def test_a_cluster_of_http1_gets_what_checks_over_http2_need():
    kind = {"http_health_check": {"path": "/", "codec_client_type": "HTTP2"}}
    assert compiled(health_checks=[{**REQUIRED, **kind}]).HasField("http2")
    plain = {"http_health_check": {"path": "/"}}
    assert not compiled(health_checks=[{**REQUIRED, **plain}]).HasField("http2")


def test_tcp():
    kind = {
        "send": {"text": "ff"},
        "receive": [{"text": "00"}, {"text": "01"}],
        "proxy_protocol_config": {"version": "V2"},
    }
    found = check(kind={"tcp_health_check": kind}).tcp
    assert (found.send, list(found.receive)) == (b"\xff", [b"\0", b"\1"])
    assert found.proxy_header == found.VERSION_2


def test_grpc():
    kind = {
        "service_name": "s",
        "authority": "a",
        "initial_metadata": [{"header": {"key": "k", "value": "v"}}],
    }
    found = check(kind={"grpc_health_check": kind}, cluster=HTTP2).grpc
    assert (found.service, found.authority) == ("s", "a")
    assert found.initial_metadata[0].name == "k"


def test_how_an_endpoint_is_checked():
    assignment = hosts("10.0.0.1")
    endpoint = assignment["endpoints"][0]["lb_endpoints"][0]["endpoint"]
    endpoint["health_check_config"] = {
        "address": {"socket_address": {"address": "10.0.0.2", "port_value": 1}},
        "port_value": 81,
        "hostname": "h",
        "disable_active_health_check": True,
    }
    cluster = compiled(load_assignment=assignment)
    found = cluster.endpoints.localities[0].endpoints[0].check
    assert (found.address.socket.host, found.port, found.hostname) == ("10.0.0.2", 81, "h")
    assert found.disabled
    plain = compiled(load_assignment=hosts("10.0.0.1")).endpoints.localities[0].endpoints[0]
    assert not plain.HasField("check")


def test_a_socket_without_ports_has_no_port_to_check():
    ctx = context()
    endpoint = {"address": {"pipe": {"path": "/x"}}, "health_check_config": {"port_value": 1}}
    assignment = {"cluster_name": "c", "endpoints": [{"lb_endpoints": [{"endpoint": endpoint}]}]}
    compiled(ctx, load_assignment=assignment)
    (report,) = errors(ctx)
    assert report.endswith("Invalid host configuration: non-zero port for non-IP address")


@pytest.mark.parametrize(
    ("kind", "path", "reason"),
    [
        (
            {"http_health_check": {"path": "/", "send": {"text": "00"}}},
            "http_health_check.send",
            "HTTP health check cannot specify a request payload with method 'GET'.",
        ),
        (
            {"http_health_check": {"path": "/", "expected_statuses": [{"start": 9, "end": 9}]}},
            "http_health_check.expected_statuses[0]",
            "Invalid http expected status range: expecting start < end, but found start=9 and",
        ),
        (
            {"http_health_check": {"path": "/", "expected_statuses": [{"start": 9, "end": 99}]}},
            "http_health_check.expected_statuses[0]",
            "Invalid http expected status range: expecting start >= 100, but found start=9",
        ),
        (
            {
                "http_health_check": {
                    "path": "/",
                    "retriable_statuses": [{"start": 99, "end": 601}],
                }
            },
            "http_health_check.retriable_statuses[0]",
            "Invalid http retriable status range: expecting start >= 100, but found start=99",
        ),
        (
            {"http_health_check": {"path": "/", "codec_client_type": "HTTP3"}},
            "http_health_check.codec_client_type",
            "HTTP3 is not implemented",
        ),
        (
            {"tcp_health_check": {"receive": [{"text": "0g"}]}},
            "tcp_health_check.receive[0].text",
            "invalid hex string '0g'",
        ),
        (
            {"grpc_health_check": {}},
            "grpc_health_check",
            "c cluster must support HTTP/2 for gRPC healthchecking",
        ),
    ],
)
def test_what_cannot_be(kind, path, reason):
    ctx = context()
    check(ctx, kind)
    (report,) = errors(ctx)
    assert report.startswith(f"c.health_checks[0].{path}: {reason}")


@pytest.mark.parametrize(
    "kind",
    [
        {"custom_health_check": {"name": "envoy.health_checkers.redis"}},
        {"tcp_health_check": {"send": {"binary": "AA=="}}},
        {"http_health_check": {"path": "/", "use_alpn_protocol": True}},
    ],
)
def test_what_is_not_implemented_is_an_error(kind):
    source = source_of(health_checks=[{**REQUIRED, **kind}])
    assert any(each.startswith("error ") for each in unsupported(source))


def test_what_envoy_has_no_use_for_is_a_warning():
    kind = {"tcp_health_check": {}, "alt_port": 1, "event_service": {}}
    found = unsupported(source_of(health_checks=[{**REQUIRED, **kind}]))
    assert [each.split()[0] for each in found] == ["warning", "warning"]


def test_outlier_detection_listens_to_health_checks():
    name = "successful_active_health_check_uneject_host"
    assert getattr(compiled(outlier_detection={}).outlier_detection, name)
    assert not getattr(compiled(outlier_detection={name: False}).outlier_detection, name)


def test_grpc_is_for_clusters_that_may_speak_http2():
    ctx = context()
    check(ctx, {"grpc_health_check": {}}, HTTP2)
    check(ctx, {"grpc_health_check": {}}, http(auto_config={}))
    both = {"http_protocol_options": {}, "http2_protocol_options": {}}
    cluster = compiled(
        ctx,
        health_checks=[{**REQUIRED, "grpc_health_check": {}}],
        **http(use_downstream_protocol_config=both),
    )
    assert cluster.upstream_protocol == worker_pb2.Cluster.DOWNSTREAM
    assert errors(ctx) == []
