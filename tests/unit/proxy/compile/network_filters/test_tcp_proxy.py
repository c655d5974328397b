from lateen.proxy.compile.network_filters.owner import FilterOwner
from lateen.proxy.compile.network_filters.tcp_proxy import compile_tcp_proxy
from tests.support.messages import context, errors, message, unsupported

_TYPE = "extensions.filters.network.tcp_proxy.v3.TcpProxy"


def compiled(text, ctx=None):
    source = message(_TYPE, text)
    assert unsupported(source) == []
    return compile_tcp_proxy(ctx or context(), source, FilterOwner("t", "a"), "p").tcp_proxy


def test_one_cluster_and_defaults():
    ctx = context()
    proxy = compiled("{stat_prefix: s, cluster: c}", ctx)
    assert [(c.name, c.weight) for c in proxy.clusters] == [("c", 1)]
    assert (proxy.idle_timeout_ms, proxy.max_connect_attempts) == (3_600_000, 1)
    assert ctx.blocks[proxy.stats_block].prefix == "tcp.s"


def test_weights_and_limits():
    proxy = compiled(
        """
        stat_prefix: s
        weighted_clusters: {clusters: [{name: a, weight: 1}, {name: b, weight: 2}]}
        idle_timeout: 0s
        max_connect_attempts: 3
        max_downstream_connection_duration: 4s
        """
    )
    assert [(c.name, c.weight) for c in proxy.clusters] == [("a", 1), ("b", 2)]
    assert (proxy.idle_timeout_ms, proxy.max_connect_attempts) == (0, 3)
    assert proxy.max_downstream_connection_duration_ms == 4000


def test_when_access_logs_are_written():
    proxy = compiled(
        """
        stat_prefix: s
        cluster: c
        access_log_options:
          access_log_flush_interval: 2s
          flush_access_log_on_connected: true
          flush_access_log_on_start: true
        """
    )
    assert proxy.access_log_flush_interval_ms == 2000
    assert proxy.flush_access_log_on_connected
    assert proxy.flush_access_log_on_start
    old = compiled("{stat_prefix: s, cluster: c, access_log_flush_interval: 3s}")
    assert (old.access_log_flush_interval_ms, old.flush_access_log_on_connected) == (3000, False)


def test_deprecated_log_fields_do_not_go_with_the_new_ones():
    ctx = context()
    compiled("{stat_prefix: s, access_log_flush_interval: 3s, access_log_options: {}}", ctx)
    assert errors(ctx) == [
        "p.access_log_flush_interval: Only one of access_log_flush_interval or access_log_options"
        " can be specified."
    ]


def test_when_and_how_the_upstream_is_connected():
    proxy = compiled(
        """
        stat_prefix: s
        cluster: c
        max_connect_attempts: 3
        backoff_options: {base_interval: 0.1s}
        upstream_connect_mode: ON_DOWNSTREAM_DATA
        max_early_data_bytes: 100
        proxy_protocol_tlvs: [{type: 240, value: aGk=}]
        max_downstream_connection_duration_jitter_percentage: {value: 12.5}
        """
    )
    assert (proxy.backoff_base_ms, proxy.backoff_max_ms) == (100, 1000)
    assert proxy.connect_on_data
    assert proxy.max_early_data_bytes == 100
    assert proxy.proxy_protocol_tlvs[0].value == b"hi"
    assert proxy.max_duration_jitter == 12.5


def test_connecting_on_data_needs_a_limit():
    ctx = context()
    compiled("{stat_prefix: s, cluster: c, upstream_connect_mode: ON_DOWNSTREAM_DATA}", ctx)
    assert errors(ctx) == [
        "p.max_early_data_bytes: max_early_data_bytes must be set when upstream_connect_mode is"
        " not IMMEDIATE"
    ]


def test_tunnels():
    proxy = compiled(
        """
        stat_prefix: s
        cluster: c
        tunneling_config:
          hostname: "%DOWNSTREAM_LOCAL_PORT%:443"
          headers_to_add: [{header: {key: X-A, value: b}}]
          propagate_response_trailers: true
        """
    )
    assert proxy.tunnel.propagate_response_trailers
    assert not proxy.tunnel.propagate_response_headers
    assert proxy.tunnel.hostname.pieces[0].command.name == "DOWNSTREAM_LOCAL_PORT"
    assert proxy.tunnel.headers[0].name == "x-a"
    assert proxy.tunnel.post_path == ""
    ctx = context()
    compiled("{stat_prefix: s, cluster: c, tunneling_config: {hostname: a, post_path: /x}}", ctx)
    assert "Can't set a post path" in errors(ctx)[0]


def test_clusters_on_demand():
    ctx = context()
    text = "{stat_prefix: s, cluster: c, on_demand: {odcds_config: {ads: {}}}}"
    proxy = compiled(text, ctx)
    assert proxy.on_demand.timeout_ms == 60_000
    assert proxy.on_demand.clusters != b""
    assert ctx.on_demand
    text = "{stat_prefix: s, cluster: c, on_demand: {odcds_config: {ads: {}}, timeout: 0.5s}}"
    assert compiled(text).on_demand.timeout_ms == 500
    assert not compiled("{stat_prefix: s, cluster: c, on_demand: {}}").HasField("on_demand")


def test_on_demand_needs_a_source():
    ctx = context()
    compiled("{stat_prefix: s, cluster: c, on_demand: {odcds_config: {}}}", ctx)
    assert "Missing config source specifier" in errors(ctx)[0]
    text = "{stat_prefix: s, cluster: c, on_demand: {resources_locator: x}}"
    assert any("resources_locator" in one for one in unsupported(message(_TYPE, text)))
