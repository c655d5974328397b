"""Zipkin: B3 and W3C headers, shapes of spans, JSON and protobuf, what reports look like."""

from __future__ import annotations

from typing import Any

from tests.interop.cases.tracing import FAIL, PARENT, SAMPLED, UPSTREAM, route, traced
from tests.interop.model import Case, Differs, Step
from tests.support.client import get
from tests.support.collector import CollectorScript
from tests.support.upstream import Script

ZIPKIN = "type.googleapis.com/envoy.config.trace.v3.ZipkinConfig"
PLAIN = "[{name: $be, hosts: [$up]}, {name: $spans, hosts: [$collector]}]"
JSON = "collector_endpoint_version: HTTP_JSON"
PROTO = "collector_endpoint_version: HTTP_PROTO"
LONG, SHORT, SPAN, OLDER = (
    "463ac35c9f6413ad48485a3953bb6124",
    "48485a3953bb6124",
    "a2fb4a1d1a96d312",
    "0020000000000001",
)


def b3(trace: str = SHORT, span: str = SPAN, parent: str = "", sampled: str = "") -> str:
    """Header lines of B3."""
    lines = f"X-B3-TraceId: {trace}\r\nX-B3-SpanId: {span}\r\n"
    lines += f"X-B3-ParentSpanId: {parent}\r\n" if parent else ""
    return lines + (f"X-B3-Sampled: {sampled}\r\n" if sampled else "")


def one(value: str) -> str:
    """The single header of B3."""
    return f"b3: {value}\r\n"


def zipkin(
    name: str,
    *steps: Step | bytes,
    fields: str = JSON,
    status: int = 0,
    collector: str = "collector_cluster: $spans, collector_endpoint: /api/v2/spans",
    **more: Any,
) -> Case:
    """Requests whose spans go to a collector of Zipkin."""
    config = f"{{'@type': {ZIPKIN}, {collector}, {fields}}}"
    more.setdefault("clusters", PLAIN)
    return traced(
        f"zipkin_{name}",
        *steps,
        provider=f"provider: {{name: z, typed_config: {config}}}",
        collector=CollectorScript("zipkin", status),
        **more,
    )


NONE = "random_sampling: {value: 0}"
NOT_SHARED = f"{JSON}, shared_span_context: false"
W3C = f"{JSON}, trace_context_option: USE_B3_WITH_W3C_PROPAGATION"
SERVICE = (
    "collector_service: {http_uri: {uri: 'http://spans.test:99/here', cluster: $spans,"
    " timeout: 1s}, request_headers_to_add: [{header: {key: x-k, value: v}}]}"
)
BYTES = Differs("Envoy turns the bytes of span ids round in protobuf", (200,))
CASES = (
    zipkin("request"),
    zipkin("upstream_span", tracing=UPSTREAM),
    zipkin("upstream_span_split", fields=f"{JSON}, split_spans_for_request: true"),
    zipkin("proto", tracing=f"{UPSTREAM}, verbose: true", fields=PROTO, differs=BYTES),
    zipkin("proto_long", get("/x", headers=b3(LONG, parent=OLDER)), fields=PROTO, differs=BYTES),
    zipkin("long_ids", fields=f"{JSON}, trace_id_128bit: true"),
    zipkin("hostname", fields=f"{JSON}, collector_hostname: spans.test"),
    zipkin("verbose", tracing=f"{UPSTREAM}, verbose: true"),
    zipkin("parent", get("/x", headers=b3()), tracing=UPSTREAM),
    zipkin("parent_long", get("/x", headers=b3(LONG, parent=OLDER, sampled="1"))),
    zipkin(
        "parent_not_shared",
        get("/x", headers=b3(parent=OLDER)),
        fields=NOT_SHARED,
        tracing=UPSTREAM,
    ),
    zipkin("not_shared", fields=NOT_SHARED, tracing=UPSTREAM),
    zipkin("parent_not_sampled", get("/x", headers=b3(sampled="0")), tracing=UPSTREAM),
    zipkin("parent_sampled_true", get("/x", headers=b3(sampled="true")), tracing=NONE),
    zipkin("parent_sampled_one", get("/x", headers=b3(sampled="1")), tracing=NONE),
    zipkin("parent_sampled_odd", get("/x", headers=b3(sampled="yes"))),
    zipkin("sampled_alone", get("/x", headers="X-B3-Sampled: 0\r\n")),
    zipkin("flags", get("/x", headers="X-B3-Flags: 1\r\n"), tracing=NONE),
    zipkin("parent_malformed", get("/x", headers=b3("xyz"))),
    zipkin("parent_short", get("/x", headers=b3("1", "2"))),
    zipkin("span_malformed", get("/x", headers=b3(span="xyz"))),
    zipkin("single", get("/x", headers=one(f"{SHORT}-{SPAN}-1")), tracing=UPSTREAM),
    zipkin("single_long", get("/x", headers=one(f"{LONG}-{SPAN}-d-{OLDER}"))),
    zipkin("single_no_flag", get("/x", headers=one(f"{LONG}-{SPAN}"))),
    zipkin("single_not", get("/x", headers=one("0"))),
    zipkin("single_yes", get("/x", headers=one("1")), tracing=NONE),
    zipkin("single_debug", get("/x", headers=one("d")), tracing=NONE),
    zipkin("single_odd", get("/x", headers=one("x"))),
    zipkin("single_not_sampled", get("/x", headers=one(f"{SHORT}-{SPAN}-0"))),
    zipkin("single_truncated", get("/x", headers=one(f"{SHORT}-{SPAN}-"))),
    zipkin("single_too_long", get("/x", headers=one(f"{LONG}-{SPAN}-1-{OLDER}0"))),
    zipkin("single_bad", get("/x", headers=one("abc"))),
    zipkin("single_beside", get("/x", headers=one(f"{SHORT}-{SPAN}-1") + b3(LONG))),
    zipkin("not_sampled", tracing=NONE),
    zipkin("w3c", fields=W3C, tracing=UPSTREAM),
    zipkin("w3c_parent", get("/x", headers=SAMPLED), fields=W3C, tracing=UPSTREAM),
    zipkin("w3c_parent_not", get("/x", headers=f"traceparent: {PARENT}-00\r\n"), fields=W3C),
    zipkin("w3c_parent_and_b3", get("/x", headers=SAMPLED + b3()), fields=W3C),
    zipkin("w3c_malformed", get("/x", headers="traceparent: 00-xyz\r\n"), fields=W3C),
    zipkin("w3c_not_asked", get("/x", headers=SAMPLED)),
    zipkin("egress", listener="traffic_direction: OUTBOUND", tracing="verbose: true"),
    zipkin(
        "egress_parent", get("/x", headers=b3(parent=OLDER)), listener="traffic_direction: OUTBOUND"
    ),
    zipkin("egress_split", listener="traffic_direction: OUTBOUND", tracing=UPSTREAM),
    zipkin("service", collector=SERVICE),
    zipkin("service_path", collector=SERVICE.replace("99/here", "99")),
    zipkin("error", tracing=UPSTREAM, upstreams={"up": Script([FAIL])}),
    zipkin("operation", tracing="operation: op"),
    zipkin("decorator", routes=route("decorator: {operation: op}")),
    zipkin(
        "tags",
        tracing="custom_tags: [{tag: a, literal: {value: b}},"
        " {tag: component, literal: {value: mine}},"
        " {tag: n, value: '%RESPONSE_CODE%', value_type: INT}, {tag: e, value: '%REQ(x-none)%'}]",
    ),
    zipkin("refused", status=503),
    zipkin("accepted_otherwise", status=200),
    zipkin("nobody", clusters=PLAIN.replace("$collector", "$dead")),
    zipkin("no_propagation", get("/x", headers=b3()), tracing="no_context_propagation: true"),
)
