"""Stats that go to services: the real Envoy and Lateen send the same for the same requests."""

from __future__ import annotations

import contextlib
import re
import time

import pytest

from tests.interop.test_load_reports import HCM, HTTP2, ROUTER, address, cluster
from tests.support.client import Client, get
from tests.support.ports import PortLease
from tests.support.proxies import Proxy, envoy_command, lateen_command
from tests.support.telemetry_service import (
    TelemetryScript,
    TelemetryService,
    describe,
    items_of,
)

LIMIT = 20
METRICS = "type.googleapis.com/envoy.config.metrics.v3.MetricsServiceConfig"
OTLP = "type.googleapis.com/envoy.extensions.stat_sinks.open_telemetry.v3.SinkConfig"
GRPC = {"grpc_service": {"envoy_grpc": {"cluster_name": "sink"}}}
POST = {"uri": "http://collector/v1/metrics", "cluster": "sink", "timeout": "5s"}
HTTP = {"http_service": {"http_uri": POST}}
# What these requests count, whatever else the proxies do.
COUNTED = re.compile(r"downstream_rq_(total|2xx|xx|time)$|^server\.concurrency$")
PLAIN = TelemetryScript()
IGNORED = ("bucket", "summary", "sum", "bucketCounts", "explicitBounds")


def bootstrap(port, sink_port, typed, http):
    sink = cluster("sink", {"": [sink_port]})
    if not http:
        options = {"explicit_http_config": {"http2_protocol_options": {}}}
        typed_options = {"@type": f"type.googleapis.com/{HTTP2}", **options}
        sink["typed_extension_protocol_options"] = {HTTP2: typed_options}
    manager = {
        "@type": HCM,
        "stat_prefix": "in",
        "http_filters": [{"name": "router", "typed_config": {"@type": ROUTER}}],
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "v",
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "direct_response": {"status": 200}}],
                }
            ]
        },
    }
    chain = {"filters": [{"name": "hcm", "typed_config": manager}]}
    listener = {"name": "l", "address": address(port), "filter_chains": [chain]}
    return {
        "node": {"id": "n", "cluster": "c"},
        "stats_flush_interval": "0.3s",
        "stats_sinks": [{"name": "s", "typed_config": typed}],
        "static_resources": {"listeners": [listener], "clusters": [sink]},
    }


class Setting:
    """A proxy that sends its stats to a service."""

    def __init__(self, command, typed, script, stack):
        self.service = stack.enter_context(TelemetryService(script))
        self.port = stack.enter_context(PortLease()).port
        config = bootstrap(self.port, self.service.port, typed, script.http)
        self.proxy = stack.enter_context(Proxy(command, config))

    def ask(self, times):
        with Client(("127.0.0.1", self.port), timeout=5) as client:
            for _ in range(times):
                client.send(get("/"))
                client.read_response()

    def wait(self, condition):
        deadline = time.monotonic() + LIMIT
        while not condition():
            assert time.monotonic() < deadline, "the stats did not come"
            time.sleep(0.02)

    def settled(self, name, count):
        """The stats once a counter has come to `count` and more was sent since."""
        self.wait(
            lambda: any(
                number(item) == count for item in self.service.items if item.name.endswith(name)
            )
        )
        self.wait_for_messages(1)
        self.proxy.process.kill()
        return self.shown()

    def wait_for_messages(self, more):
        """Waits until so many messages more have come, and another."""
        seen = len(self.service.came)
        self.wait(lambda: len(self.service.came) > seen + more)

    def wait_for_streams(self, count):
        """Waits until so many streams were opened."""
        self.wait(lambda: self.service.streams >= count)

    def shown(self):
        """The stats of these requests, sorted: name, kind, labels and the highest value."""
        highest = {}
        for item in self.service.items:
            if COUNTED.search(item.name) and "admin" not in describe(item):
                kind = describe(item, (*IGNORED, "metric", "gauge", "histogram"))
                key = f"{kind} {labels(item)}".replace(str(self.port), "<port>")
                value = number(item) if counts_requests(item) else 0
                highest[key] = max(value, highest.get(key, 0))
        return sorted(highest.items())


def counts_requests(item):
    """Whether a value is of these requests alone: admin's have the same name without tags."""
    return ".in." in item.name or ("envoy.http_conn_manager_prefix", "in") in labels(item)


def labels(item):
    """Tags of the first data point, in their order by name."""
    if hasattr(item, "metric"):
        return tuple(sorted((each.name, each.value) for each in item.metric[0].label))
    data = getattr(item, item.WhichOneof("data")).data_points[0]
    return tuple(sorted((each.key, each.value.string_value) for each in data.attributes))


def number(item):
    """The value of a counter or a gauge; of a histogram whether it has values, as those of one
    interval may come in two.
    """
    if hasattr(item, "metric"):
        metric = item.metric[0]
        counts = metric.summary.sample_count + metric.histogram.sample_count
        return int(metric.counter.value + metric.gauge.value) or min(1, counts)
    data = getattr(item, item.WhichOneof("data")).data_points[0]
    return min(1, data.count) if hasattr(data, "count") else data.as_int


@pytest.fixture
def both():
    commands = (envoy_command(), lateen_command())
    if None in commands:
        pytest.skip("no real Envoy or no lateen command: run make build")
    with contextlib.ExitStack() as stack:

        def start(typed, script=PLAIN):
            return [Setting(command, typed, script, stack) for command in commands]

        yield start


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("typed", "script"),
    [
        ({"@type": METRICS, **GRPC}, PLAIN),
        ({"@type": METRICS, **GRPC, "emit_tags_as_labels": True}, PLAIN),
        ({"@type": METRICS, **GRPC, "histogram_emit_mode": "SUMMARY"}, PLAIN),
        ({"@type": METRICS, **GRPC, "histogram_emit_mode": "HISTOGRAM"}, PLAIN),
        ({"@type": METRICS, **GRPC, "batch_size": 7}, PLAIN),
        ({"@type": OTLP, **GRPC}, PLAIN),
        ({"@type": OTLP, **GRPC, "prefix": "pre"}, PLAIN),
        ({"@type": OTLP, **GRPC, "emit_tags_as_attributes": False}, PLAIN),
        ({"@type": OTLP, **GRPC, "use_tag_extracted_name": False}, PLAIN),
        ({"@type": OTLP, **GRPC, "max_data_points_per_request": 5}, PLAIN),
        ({"@type": OTLP, **HTTP}, TelemetryScript(http=True)),
    ],
)
def test_the_same_stats(both, typed, script):
    seen = []
    for setting in both(typed, script):
        setting.ask(3)
        seen.append(setting.settled("rq_total", 3))
    envoy, lateen = seen
    assert lateen == envoy
    assert len(lateen) >= 4


@pytest.mark.oracle
@pytest.mark.parametrize("sink", [METRICS, OTLP])
def test_deltas_come_to_the_same(both, sink):
    for setting in both({"@type": sink, **GRPC, "report_counters_as_deltas": True}):
        for _ in range(3):
            setting.ask(2)
            time.sleep(0.4)
        of_requests = [
            item
            for item in setting.service.wait_for(1)
            if item.name == "http.in.downstream_rq_total"
            or ("http.downstream_rq_total" in item.name and "in" in dict(labels(item)).values())
        ]
        assert sum(map(number, of_requests)) == 6
        assert max(map(number, of_requests)) < 6


@pytest.mark.oracle
def test_a_stream_that_ends_is_opened_again(both):
    script = TelemetryScript(messages_per_stream=1)
    for setting in both({"@type": METRICS, **GRPC}, script):
        setting.wait_for_streams(2)
        first = [each for each in setting.service.came if each.message.HasField("identifier")]
        assert len(first) >= 2
        assert {each.message.identifier.node.id for each in first} == {"n"}


def test_a_service_that_is_away_gets_what_comes_later():
    if (command := lateen_command()) is None:
        pytest.skip("no lateen command: run make build")
    with contextlib.ExitStack() as stack:
        away = stack.enter_context(PortLease())
        port = stack.enter_context(PortLease()).port
        config = bootstrap(port, away.port, {"@type": METRICS, **GRPC}, http=False)
        proxy = stack.enter_context(Proxy(command, config))
        proxy.wait_stat("stats_sinks.messages_dropped", 1)
        away.close()
        service = stack.enter_context(TelemetryService(TelemetryScript(), away.port))
        assert service.wait_for(1)
        assert list(items_of(service.came[0].message))
