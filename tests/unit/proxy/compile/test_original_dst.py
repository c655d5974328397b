import pytest

from lateen.proxy.compile.cluster import compile_cluster
from tests.support.messages import context, errors, message, unsupported

_PROXY = (
    "type.googleapis.com/envoy.extensions.transport_sockets.proxy_protocol.v3"
    ".ProxyProtocolUpstreamTransport"
)
_RAW = "type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer"


def compiled(text, ctx=None):
    source = message("config.cluster.v3.Cluster", f"{{name: c, {text}}}")
    assert unsupported(source) == []
    return compile_cluster(ctx or context(), source, "p")


def test_hosts_are_where_clients_went():
    cluster = compiled("type: ORIGINAL_DST, lb_policy: CLUSTER_PROVIDED")
    hosts = cluster.original_dst
    assert (hosts.header, hosts.port, hosts.cleanup_interval_ms) == ("", 0, 5000)


def test_what_names_them_instead():
    hosts = compiled(
        """type: ORIGINAL_DST, lb_policy: CLUSTER_PROVIDED, cleanup_interval: 2s,
        original_dst_lb_config: {use_http_header: true, upstream_port_override: 8080,
        metadata_key: {key: ns, path: [{key: a}]}}"""
    ).original_dst
    assert hosts.header == "x-envoy-original-dst-host"
    assert (hosts.port, hosts.cleanup_interval_ms) == (8080, 2000)
    assert list(hosts.metadata_path) == ["ns", "a"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Only 'CLUSTER_PROVIDED' is allowed"),
        (
            "lb_policy: CLUSTER_PROVIDED, original_dst_lb_config: {http_header_name: a}",
            "use_http_header is false",
        ),
        (
            "lb_policy: CLUSTER_PROVIDED, load_assignment: {endpoints: [{}]}",
            "must have no load assignment",
        ),
    ],
)
def test_what_does_not_fit(text, reason):
    ctx = context()
    compiled(f"type: ORIGINAL_DST, {text}", ctx)
    assert any(reason in error for error in errors(ctx)), errors(ctx)


def test_proxy_headers():
    raw = f'transport_socket: {{name: r, typed_config: {{"@type": {_RAW}}}}}'
    config = (
        "{version: V2, pass_through_tlvs: {match_type: INCLUDE, tlv_type: [5]},"
        " added_tlvs: [{type: 240, value: aGk=}]}"
    )
    socket = f'{{name: p, typed_config: {{"@type": {_PROXY}, config: {config}, {raw}}}}}'
    proxy = compiled(f"transport_socket: {socket}").proxy_protocol
    assert proxy.v2
    assert list(proxy.pass_through.types) == [5]
    assert [(tlv.type, tlv.value) for tlv in proxy.added_tlvs] == [(240, b"hi")]


def test_sources_of_both_versions():
    bind = "{source_address: {address: 127.0.0.1, port_value: 0}, extra_source_addresses: [%s]}"
    other = '{address: {address: "::1", port_value: 0}}'
    cluster = compiled(f"upstream_bind_config: {bind % other}")
    assert (cluster.bind_source.host, cluster.extra_bind_source.host) == ("127.0.0.1", "::1")
    ctx = context()
    same = "{address: {address: 127.0.0.2, port_value: 0}}"
    compiled(f"upstream_bind_config: {bind % same}", ctx)
    assert "two same IP version source addresses" in errors(ctx)[0]
