from lateen.protos import envoy_types
from lateen.proxy.compile.access_log import compile_access_log
from tests.support.messages import context, errors, message, unsupported

PREFIX = "type.googleapis.com/envoy.extensions.access_loggers.grpc.v3."
COMMON = {"log_name": "x", "grpc_service": {"envoy_grpc": {"cluster_name": "als"}}}
NODE = message("config.core.v3.Node", {"id": "n", "cluster": "c"}).SerializeToString()
IDENTIFIER = "envoy.service.accesslog.v3.StreamAccessLogsMessage.Identifier"


def log(ctx=None, kind="Http", common=None, **fields):
    typed = {"@type": f"{PREFIX}{kind}GrpcAccessLogConfig", **fields}
    typed["common_config"] = {**COMMON, **(common or {})}
    source = message("config.accesslog.v3.AccessLog", {"name": "n", "typed_config": typed})
    assert unsupported(source) == []
    return compile_access_log(ctx or context(serialized_node=NODE), source, "l").grpc


def test_defaults():
    found = log()
    stream = found.stream
    assert (stream.buffer.bytes, stream.buffer.flush_interval_ms) == (16384, 1000)
    assert (stream.service.client.cluster, stream.service.client.timeout_ms) == ("als", 0)
    assert not stream.tcp
    identifier = envoy_types().message_class(IDENTIFIER).FromString(stream.identifier)
    assert (identifier.node.id, identifier.node.cluster, identifier.log_name) == ("n", "c", "x")


def test_what_is_told_beside_what_all_are():
    found = log(
        common={"filter_state_objects_to_log": ["k"], "custom_tags": [{"tag": "t", "value": "v"}]},
        additional_request_headers_to_log=["a"],
        additional_response_headers_to_log=["b"],
        additional_response_trailers_to_log=["c"],
    )
    assert list(found.request_headers) == ["a"]
    assert list(found.response_headers) == ["b"]
    assert list(found.response_trailers) == ["c"]
    assert list(found.filter_state_objects) == ["k"]
    assert [tag.name for tag in found.custom_tags] == ["t"]


def test_buffers_and_the_retries_of_streams():
    retry = {"num_retries": 3, "retry_back_off": {"base_interval": "1s"}}
    found = log(
        common={
            "buffer_size_bytes": 0,
            "buffer_flush_interval": "0.2s",
            "grpc_stream_retry_policy": retry,
        }
    )
    assert (found.stream.buffer.bytes, found.stream.buffer.flush_interval_ms) == (0, 200)
    policy = found.stream.service.client.retry_policy
    assert (policy.num_retries, list(policy.retry_on)) == (3, ["connect-failure"])


def test_logs_that_are_configured_alike_share_a_stream():
    ctx = context(serialized_node=NODE)
    one, two = log(ctx), log(ctx, additional_request_headers_to_log=["a"])
    assert one.stream == two.stream
    assert one.stream != log(ctx, kind="Tcp").stream


def test_connections():
    assert log(kind="Tcp").stream.tcp


def test_an_old_version_is_refused():
    ctx = context()
    log(ctx, common={"transport_api_version": "V2"})
    assert errors(ctx) == [
        "l.typed_config.common_config.transport_api_version: The v2 xDS major version has been"
        " removed and is no longer supported"
    ]
