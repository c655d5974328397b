import pytest

from lateen.protos.worker_pb2 import Discovery
from lateen.proxy.compile.cluster import compile_cluster
from tests.support.messages import context, errors, message, unsupported

_TYPE = "type.googleapis.com/envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig"
_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"
_SOCKET = f"transport_socket: {{name: tls, typed_config: {{'@type': {_TLS}}}}}"
_BOTH = "auto_sni: true, auto_san_validation: true"


def options(names=""):
    explicit = "explicit_http_config: {http_protocol_options: {}}"
    given = f"{{'@type': type.googleapis.com/{_OPTIONS}, {explicit}{names}}}"
    return f"typed_extension_protocol_options: {{{_OPTIONS}: {given}}}"


def compiled(ctx, fields="", config="", policy="lb_policy: CLUSTER_PROVIDED"):
    typed = f"{{'@type': {_TYPE}, dns_cache_config: {{name: d}}, {config}}}"
    text = f"{{name: c, cluster_type: {{name: x, typed_config: {typed}}}, {policy}, {fields}}}"
    source = message("config.cluster.v3.Cluster", text)
    assert unsupported(source) == []
    return compile_cluster(ctx, source, "p")


def test_requests_name_hosts_and_certificates():
    ctx = context()
    cluster = compiled(ctx, _SOCKET)
    assert errors(ctx) == []
    assert cluster.discovery == Discovery.DYNAMIC_FORWARD_PROXY
    assert cluster.forward_cache.name == "d"
    assert cluster.auto_names.sni
    assert cluster.auto_names.certificate


def test_without_tls_there_are_no_certificates_to_name():
    assert not compiled(context()).HasField("auto_names")


@pytest.mark.parametrize(
    ("fields", "config", "good"),
    [
        (options(), "", False),
        (options(f", upstream_http_protocol_options: {{{_BOTH}}}"), "", True),
        (options(", upstream_http_protocol_options: {auto_sni: true}"), "", False),
        (options(), "allow_insecure_cluster_options: true", True),
        ("upstream_http_protocol_options: {auto_san_validation: true}", "", False),
        (f"upstream_http_protocol_options: {{{_BOTH}}}", "", True),
    ],
)
def test_names_are_to_be_checked_unless_it_is_allowed(fields, config, good):
    ctx = context()
    compiled(ctx, fields, config)
    assert [error.split(": ")[0] for error in errors(ctx)] == (
        [] if good else ["p.cluster_type.typed_config"]
    )


def test_the_cluster_chooses_hosts():
    ctx = context()
    compiled(ctx, policy="lb_policy: RANDOM")
    (error,) = errors(ctx)
    assert error.startswith("p.lb_policy: cluster manager: cluster provided LB not specified")


def test_clusters_of_their_own_for_names_are_not_implemented():
    source = message(
        "extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig", "{sub_clusters_config: {}}"
    )
    (error,) = unsupported(source)
    assert "sub_clusters_config is not implemented" in error
