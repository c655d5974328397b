"""Spans of what goes wrong or is odd, and how reports are made."""

from __future__ import annotations

from tests.interop.cases.ext_authz_grpc import OPTIONS
from tests.interop.cases.tracing import CLUSTERS, FORCE, OTLP, TRUSTED, UPSTREAM, route, traced
from tests.interop.cases.tracing_spans import EGRESS, OPERATION
from tests.interop.filters import chain, typed
from tests.interop.model import Drop, Wait, Write
from tests.support.client import get
from tests.support.collector import CollectorScript
from tests.support.http2_upstream import Script2, reply2
from tests.support.upstream import Close, Hold, Script, raw, reply

HTTP10 = "http_protocol_options: {accept_http_10: true}"
RETRIED = "route: {cluster: $be, retry_policy: {retry_on: connect-failure, num_retries: 1}}"
FULL = CLUSTERS.replace(
    "hosts: [$up]",
    "hosts: [$up], circuit_breakers: {thresholds: [{max_requests: 0, max_pending_requests: 0}]}",
)
UPSTREAM2 = CLUSTERS.replace("hosts: [$up]", f"hosts: [$up], {OPTIONS}")
H2 = Script2([reply2()])
HTTP = (
    f"provider: {{name: otlp, typed_config: {{'@type': {OTLP}, http_service: {{http_uri:"
    " {uri: 'http://spans.test:55/v1/traces', cluster: $spans, timeout: 1s}%s}}}"
)
PLAIN = "[{name: $be, hosts: [$up]}, {name: $spans, hosts: [$collector]}]"

CHECKED = "pass_through_mode: false, headers: [{name: ':path', string_match: {exact: '/x?q=1'}}]"
HEALTH = f"http_filters: {chain(typed('health_check.v3.HealthCheck', CHECKED))}"

CASES = (
    traced("reset", tracing=UPSTREAM, upstreams={"up": Script([raw(Close())])}),
    traced(
        "timeout",
        tracing=UPSTREAM,
        routes=route("name: r", "route: {cluster: $be, timeout: 0.2s}"),
        upstreams={"up": Script([raw(Hold())])},
    ),
    traced("over_http", provider=HTTP % "", clusters=PLAIN, collector=CollectorScript("otlp_http")),
    traced(
        "over_http_headers",
        provider=HTTP % ", request_headers_to_add: [{header: {key: x-k, value: v}}]",
        clusters=PLAIN,
        collector=CollectorScript("otlp_http"),
    ),
    traced("collector_refuses", collector=CollectorScript("otlp_grpc", "UNAVAILABLE")),
    traced("health_check", hcm=HEALTH),
    traced("not_found", tracing=UPSTREAM, upstreams={"up": Script([reply(404, b"")])}),
    traced("http10", b"GET /x HTTP/1.0\r\nHost: a.b\r\nConnection: close\r\n\r\n", hcm=HTTP10),
    traced(
        "decorator_and_close",
        get("/x", headers="Connection: close\r\n"),
        routes=route("decorator: {operation: op}"),
    ),
    traced("decorator_and_404", routes="[]"),
    traced(
        "decorator_of_direct",
        routes=route("decorator: {operation: op}", "direct_response: {status: 200}"),
    ),
    traced(
        "operation_absent_decorator",
        tracing="operation: '%REQ(x-a)%'",
        routes=route("decorator: {operation: op}"),
    ),
    traced(
        "operation_egress_of_upstream",
        tracing="operation: op",
        listener=EGRESS,
        upstreams={"up": Script([reply(200, b"ok", OPERATION)])},
    ),
    traced("decorator_empty_theirs", get("/x", headers="X-Envoy-Decorator-Operation:\r\n")),
    traced("decorator_trusted", get("/x", headers=OPERATION), hcm="use_remote_address: true"),
    traced("force_trace_answer", get("/x", headers=FORCE), hcm=TRUSTED),
    traced(
        "client_leaves",
        Write(get("/x")),
        Wait(0.2),
        Drop(),
        Wait(0.2),
        tracing=UPSTREAM,
        upstreams={"up": Script([raw(Hold())])},
    ),
    traced(
        "node",
        bootstrap_node="{id: the_node, cluster: the_cluster, locality: {zone: the_zone}}",
        hcm="add_user_agent: true",
    ),
    # HPACK makes ids, which are random, longer or shorter.
    traced(
        "upstream_http2",
        tracing=UPSTREAM,
        clusters=UPSTREAM2,
        upstreams={"up": H2},
        ignored="|upstream_cx_tx_bytes_total",
    ),
    traced("overflow", tracing=UPSTREAM, clusters=FULL),
    traced("no_hosts", tracing=UPSTREAM, clusters=CLUSTERS.replace("[$up]", "[]")),
    traced(
        "retries_exhausted",
        tracing=UPSTREAM,
        routes=route("name: r", RETRIED),
        clusters=CLUSTERS.replace("$up", "$dead"),
    ),
    traced(
        "mirrored_alone",
        get("/x"),
        Wait(0.3),
        routes=route(
            "name: r", "route: {cluster: $be, request_mirror_policies: [{cluster: $copy}]}"
        ),
        server="{name: $copy, hosts: [$copied]}",
        upstreams={"copied": Script([reply(500, b"ok")])},
    ),
    traced(
        "tag_order",
        tracing="custom_tags: [{tag: a, literal: {value: '1'}}, {tag: a, literal: {value: '2'}}]",
    ),
    traced(
        "alt_stat_name",
        tracing=UPSTREAM,
        clusters=CLUSTERS.replace("hosts: [$up]", "hosts: [$up], alt_stat_name: $alt"),
    ),
    traced(
        "over_http_root",
        provider=HTTP.replace(":55/v1/traces", "") % "",
        clusters=PLAIN,
        collector=CollectorScript("otlp_http"),
    ),
)
