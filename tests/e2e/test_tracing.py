"""Spans reach their collector in time, and a collector that is slow or away costs no request."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import cast

from tests.e2e.conftest import Config, bootstrap
from tests.support.client import Client, get
from tests.support.collector import Collector, CollectorScript
from tests.support.proxies import Proxy
from tests.support.upstream import Script, Upstream, reply

TRACE = "type.googleapis.com/envoy.config.trace.v3"
# A worker has so many reports under way at most.
UNDER_WAY = 64
Start = Callable[..., Proxy]
Lease = Callable[[], int]
Serve = Callable[[Script], Upstream]
GOOD = Script([reply()])


def traced(listener: int, upstream: Upstream, collector: int, **runtime: int) -> Config:
    """Tracing by the bootstrap's tracer, with a collector at a port and values of runtime."""
    config = bootstrap(listener, upstream.port, tracing={})
    static = cast("dict[str, list[Config]]", config["static_resources"])
    other = cast("dict[str, list[Config]]", bootstrap(0, collector)["static_resources"])
    assignment = cast("Config", other["clusters"][0]["load_assignment"])
    spans = {"name": "spans", "load_assignment": {**assignment, "cluster_name": "spans"}}
    static["clusters"].append({**other["clusters"][0], **spans})
    uri = {"uri": "http://spans/v1/traces", "cluster": "spans", "timeout": "30s"}
    tracer = {
        "@type": f"{TRACE}.OpenTelemetryConfig",
        "http_service": {"http_uri": uri},
        "max_cache_size": 2,
    }
    config["tracing"] = {"http": {"name": "otlp", "typed_config": tracer}}
    values = {f"tracing.opentelemetry.{name}": value for name, value in runtime.items()}
    config["layered_runtime"] = {"layers": [{"name": "base", "static_layer": values}]}
    return config


def ask(port: int, times: int) -> None:
    """Requests that are all answered."""
    with Client(("127.0.0.1", port)) as client:
        for _ in range(times):
            client.send(get("/"))
            assert client.read_response().status == 200


def collecting(stack: ExitStack, pause: float = 0.0) -> Collector:
    """A collector that takes so many seconds for each report."""
    return stack.enter_context(Collector(CollectorScript("otlp_http", pause=pause)))


def test_spans_are_sent_when_time_has_passed(
    start: Start, upstream: Serve, lease: Lease, stack: ExitStack
) -> None:
    collector, port = collecting(stack), lease()
    runtime = {"min_flush_spans": 100, "flush_interval_ms": 100}
    proxy = start(traced(port, upstream(GOOD), collector.port, **runtime))
    ask(port, 1)
    (span,) = collector.wait_for(1)
    assert span.attributes["http.status_code"] == "200"
    proxy.wait_stat("tracing.opentelemetry.spans_sent", 1)


def test_what_a_slow_collector_leaves_no_room_for_is_dropped(
    start: Start, upstream: Serve, lease: Lease, stack: ExitStack
) -> None:
    collector, port = collecting(stack, pause=5.0), lease()
    runtime = {"min_flush_spans": 1, "flush_interval_ms": 60_000}
    proxy = start(traced(port, upstream(GOOD), collector.port, **runtime))
    ask(port, UNDER_WAY + 5)
    proxy.wait_stat("tracing.opentelemetry.spans_dropped", 3)
    stats = proxy.stats("filter=tracing.opentelemetry")
    assert stats["tracing.opentelemetry.spans_sent"] == UNDER_WAY
    assert stats["tracing.opentelemetry.timer_flushed"] == 0


def test_a_collector_that_is_away_costs_no_request(
    start: Start, upstream: Serve, lease: Lease
) -> None:
    port, nobody = lease(), lease()
    proxy = start(traced(port, upstream(GOOD), nobody, min_flush_spans=1))
    ask(port, 20)
    proxy.wait_stat("tracing.opentelemetry.spans_sent", 20)
    stats = proxy.stats("filter=tracing.opentelemetry")
    assert stats["tracing.opentelemetry.spans_dropped"] == 0
