import pytest
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from lateen.proxy.compile.access_log import compile_access_log
from tests.support.messages import context, errors, message, unsupported

TYPE = (
    "type.googleapis.com/envoy.extensions.access_loggers.open_telemetry.v3"
    ".OpenTelemetryAccessLogConfig"
)
GRPC = {"envoy_grpc": {"cluster_name": "otlp"}}
URI = {"uri": "http://host:1/v1/logs", "cluster": "otlp", "timeout": "1s"}
NODE = {
    "id": "n",
    "cluster": "c",
    "locality": {"zone": "z"},
    "user_agent_build_version": {"version": {"major_number": 1, "minor_number": 40}},
}


def log(ctx=None, **fields):
    source = message(
        "config.accesslog.v3.AccessLog", {"name": "n", "typed_config": {"@type": TYPE, **fields}}
    )
    assert [each for each in unsupported(source) if each.startswith("error")] == []
    node = message("config.core.v3.Node", NODE).SerializeToString()
    return compile_access_log(ctx or context(serialized_node=node), source, "l").open_telemetry


def attributes(found):
    resource = Resource.FromString(found.exporter.resource)
    return [(each.key, each.value.string_value) for each in resource.attributes]


def test_the_resource_is_the_log_and_the_node():
    labels = [("log_name", "x"), ("zone_name", "z"), ("cluster_name", "c"), ("node_name", "n")]
    assert attributes(log(grpc_service=GRPC, log_name="x")) == labels
    given = {"values": [{"key": "zone_name", "value": {"string_value": "own"}}]}
    labels[1] = ("zone_name", "own")
    assert attributes(log(grpc_service=GRPC, log_name="x", resource_attributes=given)) == labels
    found = log(grpc_service=GRPC, disable_builtin_labels=True, resource_attributes=given)
    assert attributes(found) == [("zone_name", "own")]


def test_over_http():
    header = {"header": {"key": "k", "value": "v"}}
    http = log(http_service={"http_uri": URI, "request_headers_to_add": [header]}).exporter.http
    assert (http.client.cluster, http.authority, http.path) == ("otlp", "host:1", "/v1/logs")
    assert (http.client.timeout_ms, http.user_agent) == (1000, "OTel-OTLP-Exporter-Envoy/1.40.0")
    assert [each.name for each in http.headers] == ["k"]


def test_values():
    found = log(
        grpc_service=GRPC,
        body={"kvlist_value": {"values": [{"key": "a", "value": {"string_value": "%PROTOCOL%"}}]}},
        attributes={"values": [{"key": "b", "value": {"array_value": {"values": []}}}]},
    )
    (member,) = found.body.attributes.values
    assert member.key == "a"
    assert member.value.text.pieces[0].command.name == "PROTOCOL"
    assert [(each.key, each.value.WhichOneof("value")) for each in found.attributes] == [
        ("b", "list")
    ]


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({}, "l.typed_config: OpenTelemetry access logger requires one of"),
        (
            {"grpc_service": GRPC, "http_service": {"http_uri": URI}},
            "l.typed_config: OpenTelemetry access logger can only have one transport configured.",
        ),
        (
            {"grpc_service": GRPC, "body": {"int_value": 1}},
            "l.typed_config.body: Only string values, nested key value lists and array values",
        ),
    ],
)
def test_what_is_refused(fields, error):
    ctx = context()
    log(ctx, **fields)
    (found,) = errors(ctx)
    assert found.startswith(error)


def test_stats_have_a_prefix_of_their_own():
    ctx = context()
    one, two = (log(ctx, grpc_service=GRPC, stat_prefix=prefix) for prefix in ("", "p"))
    prefixes = [ctx.blocks[each.exporter.stats_block].prefix for each in (one, two)]
    base = "access_logs.open_telemetry_access_log"
    assert prefixes == [base, f"{base}.p"]
