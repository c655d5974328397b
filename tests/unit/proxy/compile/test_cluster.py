import pytest

from lateen.protos import worker_pb2
from lateen.protos.worker_pb2 import Discovery, DnsFamily, Http1Options, LbPolicy
from lateen.proxy.compile.cluster import compile_cluster
from tests.support.messages import context, errors, message, unsupported, warnings

_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_DNS = "type.googleapis.com/envoy.extensions.clusters.dns.v3.DnsCluster"


def hosts(*addresses):
    endpoints = [
        {"endpoint": {"address": {"socket_address": {"address": a, "port_value": 80}}}}
        for a in addresses
    ]
    return {"cluster_name": "c", "endpoints": [{"lb_endpoints": endpoints}]}


def source_of(**given):
    return message("config.cluster.v3.Cluster", {"name": "c", **given})


def compiled(ctx=None, **given):
    return compile_cluster(ctx or context(), source_of(**given), "c")


def http(**given):
    typed = {"@type": f"type.googleapis.com/{_OPTIONS}", **given}
    return {"typed_extension_protocol_options": {_OPTIONS: typed}}


def test_defaults():
    cluster = compiled()
    assert cluster.discovery == Discovery.STATIC
    assert cluster.lb_policy == LbPolicy.ROUND_ROBIN
    assert cluster.connect_timeout_ms == 5000
    assert cluster.idle_timeout_ms == 3_600_000
    assert cluster.per_connection_buffer_limit_bytes == 1 << 20
    assert cluster.max_response_headers_bytes == 80 * 1024
    assert cluster.max_response_headers_count == 100
    assert cluster.max_requests_per_connection == 0
    assert cluster.http1.allow_absolute_url
    assert not cluster.HasField("dns")
    lb = cluster.lb
    assert (lb.panic_threshold_percent, lb.choice_count, lb.active_request_bias) == (50, 2, 1)
    assert lb.overprovisioning_factor == 140


def test_names_of_stats():
    ctx = context()
    cluster = compiled(ctx, alt_stat_name="a:b")
    assert cluster.observability_name == "a:b"
    block = ctx.blocks[cluster.stats_block]
    assert (block.prefix, block.tags) == ("cluster.a_b", (("envoy.cluster_name", "a_b"),))


def test_static_hosts_are_addresses():
    ctx = context()
    compiled(ctx, load_assignment=hosts("10.0.0.1", "web"))
    (error,) = errors(ctx)
    assert error.startswith(
        "c.load_assignment.endpoints[0].lb_endpoints[1].endpoint.address.socket_address.address:"
        " malformed IP address: web."
    )


def test_dns_clusters():
    cluster = compiled(type="STRICT_DNS", load_assignment=hosts("a", "b"))
    assert cluster.discovery == Discovery.STRICT_DNS
    dns = cluster.dns
    assert (dns.refresh_ms, dns.failure_base_ms, dns.failure_max_ms) == (5000, 5000, 5000)
    assert not dns.respect_ttl
    assert [e.address.socket.host for e in cluster.endpoints.localities[0].endpoints] == ["a", "b"]


def test_dns_fields():
    resolver = {"socket_address": {"address": "10.0.0.53", "port_value": 53}}
    dns = compiled(
        type="LOGICAL_DNS",
        load_assignment=hosts("a"),
        dns_refresh_rate="30s",
        dns_jitter="1s",
        respect_dns_ttl=True,
        dns_lookup_family="V4_PREFERRED",
        dns_failure_refresh_rate={"base_interval": "2s"},
        dns_resolution_config={
            "resolvers": [resolver],
            "dns_resolver_options": {"no_default_search_domain": True},
        },
    ).dns
    assert (dns.refresh_ms, dns.jitter_ms, dns.respect_ttl) == (30_000, 1000, True)
    assert (dns.failure_base_ms, dns.failure_max_ms) == (2000, 20_000)
    assert dns.family == DnsFamily.DNS_V4_PREFERRED
    assert [(r.host, r.port) for r in dns.resolvers] == [("10.0.0.53", 53)]
    assert dns.no_default_search_domain


def test_a_failure_rate_that_shrinks_is_an_error():
    ctx = context()
    rate = {"base_interval": "2s", "max_interval": "1s"}
    compiled(ctx, type="STRICT_DNS", dns_failure_refresh_rate=rate)
    assert len(errors(ctx)) == 1


def test_a_logical_dns_cluster_has_one_host():
    ctx = context()
    compiled(ctx, type="LOGICAL_DNS", load_assignment=hosts("a", "b"))
    assert errors(ctx) == [
        "c.load_assignment.endpoints: LOGICAL_DNS clusters must have a single locality_lb_endpoint"
        " and a single lb_endpoint"
    ]


@pytest.mark.parametrize(
    ("custom", "discovery"),
    [
        ({"name": "envoy.cluster.static"}, Discovery.STATIC),
        ({"name": "envoy.cluster.strict_dns"}, Discovery.STRICT_DNS),
        ({"name": "envoy.cluster.logical_dns"}, Discovery.LOGICAL_DNS),
        ({"name": "x", "typed_config": {"@type": _DNS}}, Discovery.STRICT_DNS),
        (
            {
                "name": "x",
                "typed_config": {"@type": _DNS, "all_addresses_in_single_endpoint": True},
            },
            Discovery.LOGICAL_DNS,
        ),
    ],
)
def test_cluster_types_as_extensions(custom, discovery):
    ctx = context()
    cluster = compiled(ctx, cluster_type=custom, load_assignment=hosts("10.0.0.1"))
    assert cluster.discovery == discovery
    assert cluster.HasField("dns") == (discovery != Discovery.STATIC)
    assert errors(ctx) == []


def test_the_dns_extension_counts_families_from_one():
    config = {"@type": _DNS, "dns_lookup_family": "V6_ONLY", "dns_refresh_rate": "7s"}
    dns = compiled(cluster_type={"name": "x", "typed_config": config}).dns
    assert (dns.family, dns.refresh_ms) == (DnsFamily.DNS_V6_ONLY, 7000)


def test_eds():
    ctx = context()
    config = {"eds_config": {"ads": {}}}
    made = compiled(ctx, type="EDS", eds_cluster_config=config)
    assert (made.discovery, errors(ctx)) == (Discovery.EDS, [])
    compiled(ctx, type="EDS")
    assert errors(ctx) == [
        "c.eds_cluster_config.eds_config: Missing config source specifier in"
        " envoy::config::core::v3::ConfigSource for c"
    ]


def test_limits():
    thresholds = [
        {"max_connections": 0, "max_requests": 7, "track_remaining": True},
        {"priority": "HIGH", "max_retries": 9, "retry_budget": {}},
        {"max_requests": 8},
    ]
    ctx = context()
    cluster = compiled(ctx, circuit_breakers={"thresholds": thresholds})
    default, high = cluster.default_priority, cluster.high_priority
    assert (default.max_connections, default.max_requests, default.max_retries) == (0, 7, 3)
    assert default.track_remaining
    assert not default.HasField("retry_budget")
    assert (high.max_connections, high.max_retries) == (1024, 9)
    assert (high.retry_budget.budget_percent, high.retry_budget.min_retry_concurrency) == (20, 3)
    assert len(warnings(ctx)) == 1


def test_http_options():
    cluster = compiled(
        **http(
            common_http_protocol_options={
                "idle_timeout": "0s",
                "max_connection_duration": "9s",
                "max_headers_count": 5,
                "max_response_headers_kb": 8,
                "max_requests_per_connection": 3,
            },
            explicit_http_config={
                "http_protocol_options": {
                    "header_key_format": {"proper_case_words": {}},
                    "enable_trailers": True,
                }
            },
        ),
        max_requests_per_connection=9,
    )
    assert cluster.idle_timeout_ms == 0
    assert cluster.max_connection_duration_ms == 9000
    assert cluster.max_response_headers_count == 5
    assert cluster.max_response_headers_bytes == 8192
    assert cluster.max_requests_per_connection == 3
    assert cluster.http1.header_case == Http1Options.PROPER
    assert cluster.http1.enable_trailers


def test_deprecated_http_options_count_only_without_the_newer():
    old = {"common_http_protocol_options": {"idle_timeout": "1s"}, "max_requests_per_connection": 9}
    cluster = compiled(**old)
    assert (cluster.idle_timeout_ms, cluster.max_requests_per_connection) == (1000, 9)
    assert cluster.max_stream_duration_ms == 0
    cluster = compiled(common_http_protocol_options={"max_stream_duration": "2s"})
    assert cluster.max_stream_duration_ms == 2000
    cluster = compiled(**old, **http(explicit_http_config={"http_protocol_options": {}}))
    assert (cluster.idle_timeout_ms, cluster.max_requests_per_connection) == (3_600_000, 9)


@pytest.mark.parametrize(
    ("kind", "protocol"),
    [
        ("use_downstream_protocol_config", worker_pb2.Cluster.DOWNSTREAM),
        ("auto_config", worker_pb2.Cluster.AUTO),
    ],
)
def test_a_choice_of_protocols_has_the_options_of_both(kind, protocol):
    options = {
        "http_protocol_options": {"enable_trailers": True},
        "http2_protocol_options": {"max_concurrent_streams": 3},
    }
    cluster = compiled(**http(**{kind: options}))
    assert cluster.upstream_protocol == protocol
    assert cluster.http1.enable_trailers
    assert cluster.http2.max_concurrent_streams == 3
    assert cluster.tunnels_speak_http2
    assert not compiled(**http(**{kind: {}})).tunnels_speak_http2


def test_http_2_by_either_way_of_asking_for_it():
    options = {"http2_protocol_options": {"allow_connect": True}}
    for given in (http(explicit_http_config=options), options):
        cluster = compiled(**given)
        assert cluster.upstream_protocol == worker_pb2.Cluster.HTTP2
        assert cluster.http2.allow_connect
    assert not compiled().HasField("http2")
    chosen = compiled(protocol_selection="USE_DOWNSTREAM_PROTOCOL")
    assert chosen.upstream_protocol == worker_pb2.Cluster.DOWNSTREAM


def test_both_protocols_need_a_choice():
    ctx = context()
    compiled(ctx, http_protocol_options={}, http2_protocol_options={})
    assert errors(ctx)[0].startswith("c.http2_protocol_options: cluster: Both HTTP1 and HTTP2")


def test_a_header_case_kept_by_its_formatter():
    formatter = (
        "type.googleapis.com/envoy.extensions.http.header_formatters.preserve_case.v3"
        ".PreserveCaseFormatterConfig"
    )
    stateful = {"name": "p", "typed_config": {"@type": formatter}}
    explicit = {"http_protocol_options": {"header_key_format": {"stateful_formatter": stateful}}}
    cluster = compiled(**http(explicit_http_config=explicit))
    assert cluster.http1.header_case == Http1Options.PRESERVE


def test_options_of_an_unknown_protocol_are_an_error():
    ctx = context()
    typed = {"@type": f"type.googleapis.com/{_OPTIONS}"}
    compiled(ctx, typed_extension_protocol_options={"foo": typed})
    assert errors(ctx) == [
        'c.typed_extension_protocol_options["foo"]: Didn\'t find a registered network or http'
        " filter or protocol options implementation for name: 'foo'"
    ]


def test_sockets():
    ctx = context()
    cluster = compiled(
        ctx,
        upstream_connection_options={"tcp_keepalive": {"keepalive_time": 7}},
        upstream_bind_config={
            "source_address": {"address": "::1", "port_value": 0},
            "freebind": True,
            "socket_options": [{"level": 6, "name": 1, "int_value": 1}],
        },
        transport_socket={"name": "envoy.transport_sockets.raw_buffer"},
    )
    assert (cluster.tcp_keepalive.time_s, cluster.tcp_keepalive.probes) == (7, 0)
    assert cluster.bind_source.host == "::1"
    assert [(o.level, o.name, o.int_value) for o in cluster.socket_options] == [
        (41, 78, 1),
        (6, 1, 1),
    ]
    assert errors(ctx) == []


def test_a_bind_source_for_clusters_that_name_none():
    bind = message(
        "config.core.v3.BindConfig", "source_address: {address: 10.0.0.9, port_value: 0}"
    )
    assert compiled(context(default_bind=bind)).bind_source.host == "10.0.0.9"


def test_tls():
    tls = {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"
    }
    ctx = context()
    secured = {"name": "tls", "typed_config": tls}
    match = {"name": "m", "match": {"a": True}, "transport_socket": secured}
    cluster = compiled(ctx, transport_socket=secured, transport_socket_matches=[match])
    assert cluster.transport_socket == cluster.transport_socket_matches[0].transport_socket
    assert cluster.transport_socket.tls_context == ctx.tls[0].name
    assert cluster.transport_socket_matches[0].criteria_json == {"a": "true"}
    assert not errors(ctx)
    compiled(ctx, transport_socket={"name": "envoy.transport_sockets.tls"})
    assert "needs a typed_config" in errors(ctx)[0]


def test_names_by_the_requests_host():
    options = {"auto_sni": True, "override_auto_sni_header": "x-server"}
    for given in (
        http(upstream_http_protocol_options=options, explicit_http_config={}),
        {"upstream_http_protocol_options": options},
    ):
        names = compiled(**given).auto_names
        assert (names.sni, names.certificate, names.header) == (True, False, "x-server")
    options = {"auto_san_validation": True}
    assert compiled(upstream_http_protocol_options=options).auto_names.certificate
    options = {"override_auto_sni_header": "x-server"}
    assert not compiled(upstream_http_protocol_options=options).HasField("auto_names")
    newer = http(upstream_http_protocol_options={"auto_sni": True}, explicit_http_config={})
    chosen = compiled(upstream_http_protocol_options={"auto_san_validation": True}, **newer)
    assert not chosen.auto_names.certificate


def test_metadata_and_tracking():
    cluster = compiled(
        metadata={"filter_metadata": {"f": {"k": "v"}}},
        track_cluster_stats={"timeout_budgets": True, "request_response_sizes": True},
    )
    assert cluster.metadata_json == '{"f":{"k":"v"}}'
    assert cluster.track_timeout_budgets
    assert cluster.track_request_response_sizes


@pytest.mark.parametrize(
    "field",
    [
        {"health_checks": [{"custom_health_check": {"name": "c"}}]},
        {"connection_pool_per_downstream_connection": True},
    ],
)
def test_fields_that_would_change_behaviour_are_errors(field):
    (report,) = unsupported(source_of(**field))
    assert report.startswith("error ")
