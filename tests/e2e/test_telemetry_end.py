"""What waits to be sent to a receiver of telemetry gets there when the proxy ends."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from contextlib import ExitStack
from typing import cast

import pytest

from tests.e2e.conftest import Config, bootstrap
from tests.support.client import Client, get
from tests.support.collector import Collector, CollectorScript
from tests.support.proxies import Proxy
from tests.support.telemetry_service import TelemetryScript, TelemetryService, describe
from tests.support.upstream import Script, Upstream, reply

LOGGERS = "type.googleapis.com/envoy.extensions.access_loggers"
TRACE = "type.googleapis.com/envoy.config.trace.v3"
HTTP2 = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
# Longer than any test.
LATER = "600s"
COUNT = 3
GRPC = {"envoy_grpc": {"cluster_name": "sink"}}
POST = {"http_uri": {"uri": "http://sink/v1/logs", "cluster": "sink", "timeout": "5s"}}
LOGS: dict[str, Config] = {
    "als": {
        "@type": f"{LOGGERS}.grpc.v3.HttpGrpcAccessLogConfig",
        "common_config": {
            "log_name": "x",
            "transport_api_version": "V3",
            "grpc_service": GRPC,
            "buffer_flush_interval": LATER,
        },
    },
    "otlp_grpc": {
        "@type": f"{LOGGERS}.open_telemetry.v3.OpenTelemetryAccessLogConfig",
        "grpc_service": GRPC,
        "buffer_flush_interval": LATER,
    },
    "otlp_http": {
        "@type": f"{LOGGERS}.open_telemetry.v3.OpenTelemetryAccessLogConfig",
        "http_service": POST,
        "buffer_flush_interval": LATER,
    },
}
TRACERS: dict[str, Config] = {
    "otlp_grpc": {"@type": f"{TRACE}.OpenTelemetryConfig", "grpc_service": GRPC},
    "otlp_http": {"@type": f"{TRACE}.OpenTelemetryConfig", "http_service": POST},
    "zipkin": {
        "@type": f"{TRACE}.ZipkinConfig",
        "collector_cluster": "sink",
        "collector_endpoint": "/api/v2/spans",
        "collector_endpoint_version": "HTTP_JSON",
    },
}
METRICS = "type.googleapis.com/envoy.config.metrics.v3"
SINKS: dict[str, Config] = {
    "metrics_service": {
        "@type": f"{METRICS}.MetricsServiceConfig",
        "grpc_service": GRPC,
        "transport_api_version": "V3",
    },
    "otlp": {
        "@type": "type.googleapis.com/envoy.extensions.stat_sinks.open_telemetry.v3.SinkConfig",
        "grpc_service": GRPC,
        "use_tag_extracted_name": False,
    },
}
# Spans are reported by themselves later than any test ends.
RUNTIME = {
    f"tracing.{tracer}.{name}": value
    for tracer in ("opentelemetry", "zipkin")
    for name, value in (("min_flush_spans", 100), ("flush_interval_ms", 600_000))
}
Start = Callable[..., Proxy]
Serve = Callable[[Script], Upstream]
Lease = Callable[[], int]


def telling(listener: int, upstream: int, sink: int, *, grpc: bool, **hcm: object) -> Config:
    """A connection manager that tells a receiver of its requests."""
    config = bootstrap(listener, upstream, **hcm)
    static = cast("dict[str, list[Config]]", config["static_resources"])
    other = cast("dict[str, list[Config]]", bootstrap(0, sink)["static_resources"])
    assignment = cast("Config", other["clusters"][0]["load_assignment"])
    cluster: Config = {
        **other["clusters"][0],
        "name": "sink",
        "load_assignment": {**assignment, "cluster_name": "sink"},
    }
    if grpc:
        options = {"explicit_http_config": {"http2_protocol_options": {}}}
        typed = {"@type": f"type.googleapis.com/{HTTP2}", **options}
        cluster["typed_extension_protocol_options"] = {HTTP2: typed}
    static["clusters"].append(cluster)
    config["layered_runtime"] = {"layers": [{"name": "base", "static_layer": RUNTIME}]}
    return config


def ask_and_end(proxy: Proxy, port: int) -> None:
    """Some requests, which are answered; then the proxy ends."""
    with Client(("127.0.0.1", port)) as client:
        for _ in range(COUNT):
            client.send(get("/"))
            assert client.read_response().status == 200
    proxy.signal(signal.SIGTERM)
    assert proxy.wait_exit() == 0


@pytest.mark.parametrize("kind", LOGS)
def test_entries_of_access_logs(
    kind: str, start: Start, upstream: Serve, lease: Lease, stack: ExitStack
) -> None:
    http, port = kind.endswith("http"), lease()
    service = stack.enter_context(TelemetryService(TelemetryScript(http=http)))
    log = {"name": "log", "typed_config": LOGS[kind]}
    up = upstream(Script([reply()]))
    proxy = start(telling(port, up.port, service.port, grpc=not http, access_log=[log]))
    ask_and_end(proxy, port)
    assert len(service.items) == COUNT


@pytest.mark.parametrize("kind", TRACERS)
def test_spans(kind: str, start: Start, upstream: Serve, lease: Lease, stack: ExitStack) -> None:
    port, up = lease(), upstream(Script([reply()]))
    collector = stack.enter_context(Collector(CollectorScript(kind)))
    tracing = {"provider": {"name": "t", "typed_config": TRACERS[kind]}}
    grpc = kind == "otlp_grpc"
    proxy = start(telling(port, up.port, collector.port, grpc=grpc, tracing=tracing))
    ask_and_end(proxy, port)
    assert len(collector.spans) == COUNT


@pytest.mark.parametrize("kind", SINKS)
def test_stats(kind: str, start: Start, upstream: Serve, lease: Lease, stack: ExitStack) -> None:
    port, up = lease(), upstream(Script([reply()]))
    service = stack.enter_context(TelemetryService(TelemetryScript()))
    config = telling(port, up.port, service.port, grpc=True)
    config["stats_sinks"] = [{"name": "s", "typed_config": SINKS[kind]}]
    config["stats_flush_interval"] = "299s"
    ask_and_end(start(config), port)
    name = "http.in.downstream_rq_2xx"
    (found,) = (item for item in service.items if getattr(item, "name", "") == name)
    assert str(COUNT) in describe(found)


def test_stats_over_udp(start: Start, upstream: Serve, lease: Lease, stack: ExitStack) -> None:
    port, up = lease(), upstream(Script([reply()]))
    receiver = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    receiver.bind(("127.0.0.1", 0))
    receiver.settimeout(10)
    address = {"address": "127.0.0.1", "port_value": receiver.getsockname()[1], "protocol": "UDP"}
    typed = {"@type": f"{METRICS}.StatsdSink", "address": {"socket_address": address}}
    config = bootstrap(port, up.port)
    config["stats_sinks"] = [{"name": "s", "typed_config": typed}]
    config["stats_flush_interval"] = "299s"
    ask_and_end(start(config), port)
    wanted = f"envoy.http.in.downstream_rq_2xx:{COUNT}|c"
    seen: list[str] = []
    while wanted not in seen:
        seen += receiver.recv(65536).decode().split("\n")
    assert seen.count(wanted) == 1


def test_a_receiver_that_does_not_answer_is_not_waited_for_long(
    start: Start, upstream: Serve, lease: Lease, stack: ExitStack
) -> None:
    port, up = lease(), upstream(Script([reply()]))
    collector = stack.enter_context(Collector(CollectorScript("otlp_http", pause=60.0)))
    tracing = {"provider": {"name": "t", "typed_config": TRACERS["otlp_http"]}}
    proxy = start(telling(port, up.port, collector.port, grpc=False, tracing=tracing))
    ask_and_end(proxy, port)
    assert len(collector.spans) == COUNT
