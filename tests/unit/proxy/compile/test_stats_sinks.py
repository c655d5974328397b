import json

import pytest

from lateen.proxy.compile.stats_sink_plans import StatsdPlan
from lateen.proxy.compile.stats_sinks import compile_stats_sinks
from tests.support.messages import context, errors, message

PREFIX = "type.googleapis.com/envoy.config.metrics.v3."
HERE = {"socket_address": {"address": "127.0.0.1", "port_value": 8125}}
METRICS = {"@type": PREFIX + "MetricsServiceConfig"}


def compiled(kind, ctx=None, **fields):
    sink = {"name": "s", "typed_config": {"@type": PREFIX + kind, **fields}}
    source = message("config.bootstrap.v3.Bootstrap", json.dumps({"stats_sinks": [sink]}))
    return compile_stats_sinks(ctx or context(), source)


@pytest.mark.parametrize(
    ("kind", "fields", "plan"),
    [
        ("StatsdSink", {"address": HERE}, StatsdPlan(("127.0.0.1", 8125), "envoy")),
        ("StatsdSink", {"address": HERE, "prefix": "p"}, StatsdPlan(("127.0.0.1", 8125), "p")),
        (
            "DogStatsdSink",
            {"address": {"pipe": {"path": "/s"}}, "max_bytes_per_datagram": 512},
            StatsdPlan("/s", "envoy", tags=True, datagram_bytes=512),
        ),
    ],
)
def test_where_stats_go(kind, fields, plan):
    ctx = context()
    assert compiled(kind, ctx, **fields) == [plan]
    assert errors(ctx) == []


def test_an_address_that_is_a_name():
    ctx = context()
    address = {"socket_address": {"address": "localhost", "port_value": 1}}
    compiled("StatsdSink", ctx, address=address)
    (error,) = errors(ctx)
    assert error == (
        "stats_sinks[0].typed_config.address.socket_address.address:"
        " malformed IP address: localhost"
    )


CLUSTERS = {"clusters": [{"name": "be"}]}
GRPC = {"grpc_service": {"envoy_grpc": {"cluster_name": "be"}}}
OTLP = "type.googleapis.com/envoy.extensions.stat_sinks.open_telemetry.v3.SinkConfig"
URI = {"uri": "http://host/v1/metrics", "cluster": "be", "timeout": "2s"}


def served(ctx, typed):
    sinks = [{"name": "s", "typed_config": typed}]
    fields = {"stats_sinks": sinks, "static_resources": CLUSTERS}
    return compile_stats_sinks(ctx, message("config.bootstrap.v3.Bootstrap", json.dumps(fields)))


def test_a_metrics_service():
    ctx = context(serialized_node=b"\n\x01n")
    (plan,) = served(ctx, {**METRICS, **GRPC})
    assert (plan.cluster, plan.node) == ("be", b"\n\x01n")
    assert (plan.deltas, plan.labels, plan.batch_size) == (False, False, 0)
    assert (plan.summaries, plan.histograms) == (True, True)
    more = {"report_counters_as_deltas": True, "emit_tags_as_labels": True, "batch_size": 3}
    (plan,) = served(ctx, {**METRICS, **GRPC, **more, "histogram_emit_mode": "SUMMARY"})
    assert (plan.deltas, plan.labels, plan.batch_size) == (True, True, 3)
    assert (plan.summaries, plan.histograms) == (True, False)
    assert errors(ctx) == []


def test_open_telemetry():
    ctx = context()
    (plan,) = served(ctx, {"@type": OTLP, **GRPC, "prefix": "p"})
    assert (plan.prefix, plan.tags, plan.short_names) == ("p.", True, True)
    assert isinstance(plan.service, bytes)
    header = {"header": {"key": "K", "value": "v"}}
    http = {"http_uri": URI, "request_headers_to_add": [header]}
    (plan,) = served(ctx, {"@type": OTLP, "http_service": http, "use_tag_extracted_name": False})
    assert plan.service.headers[-1] == ("k", "v")
    assert (plan.service.authority, plan.service.path) == ("host", "/v1/metrics")
    assert (plan.service.timeout_s, plan.short_names) == (2.0, False)
    assert errors(ctx) == []


def test_a_cluster_that_there_is_not():
    ctx = context()
    absent = {"grpc_service": {"envoy_grpc": {"cluster_name": "no"}}}
    served(ctx, {**METRICS, **absent})
    (error,) = errors(ctx)
    assert error.endswith("envoy_grpc.cluster_name: Unknown gRPC client cluster 'no'")


def test_headers_of_posts_are_fixed():
    ctx = context()
    header = {"header": {"key": "k", "value": "%PROTOCOL%"}}
    http = {"http_uri": URI, "request_headers_to_add": [header]}
    served(ctx, {"@type": OTLP, "http_service": http})
    (error,) = errors(ctx)
    assert "a header with a command is not implemented" in error


def test_other_sinks_are_left_out():
    ctx = context()
    assert compiled("HystrixSink", ctx) == []
    assert ctx.excused == {"stats_sinks[0]": "stats are sent to no sink of this kind yet"}
