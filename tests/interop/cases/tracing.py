"""Tracing: sampling, propagation, tags and names of spans, with OpenTelemetry over gRPC."""

from __future__ import annotations

from collections.abc import Mapping

from tests.interop.cases.ext_authz_grpc import OPTIONS
from tests.interop.config import FILE_LOG
from tests.interop.model import Case, Differs, Step
from tests.support.client import get
from tests.support.collector import CollectorScript
from tests.support.unary_service import UnaryScript
from tests.support.upstream import Script, reply

RUNTIME = (
    "layered_runtime: {layers: [{name: base, static_layer: {%s"
    "tracing.opentelemetry.min_flush_spans: 1, tracing.zipkin.min_flush_spans: 1}}]}"
)
OTLP = "type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig"
CLUSTERS = f"[{{name: $be, hosts: [$up]}}, {{name: $spans, hosts: [$collector], {OPTIONS}}}]"
LOG = "%RESPONSE_CODE% %REQ(X-REQUEST-ID)% trace=%TRACE_ID% span=%SPAN_ID%\n"
ROUTES = "[{match: {prefix: /}, route: {cluster: $be}}]"
# Of HPACK, of the clock, of the library's windows and pings.
UNSTABLE = r"_spans\.|_auth\.(http2\.|upstream_cx_[rt]x_bytes_total)"


def opentelemetry(fields: str = "") -> str:
    """The provider; `fields` add to its configuration."""
    more = f", {fields}" if fields else ""
    config = f"{{'@type': {OTLP}, grpc_service: {{envoy_grpc: {{cluster_name: $spans}}}}{more}}}"
    return f"provider: {{name: otlp, typed_config: {config}}}"


def traced(
    name: str,
    *steps: Step | bytes,
    tracing: str = "",
    provider: str = "",
    hcm: str = "",
    upstreams: Mapping[str, Script | UnaryScript] | None = None,
    collector: CollectorScript | None = None,
    ignored: str = "",
    server: str = "",
    runtime: str = "",
    bootstrap_node: str = "",
    differs: Differs | None = None,
    **more: str,
) -> Case:
    """Requests of a connection manager that traces; `server` is one more cluster, `runtime` a value
    of the runtime for this case alone.
    """
    node = f"\nnode: {bootstrap_node}" if bootstrap_node else ""
    fields = ", ".join(filter(None, [provider or opentelemetry(), tracing]))
    clusters = more.pop("clusters", CLUSTERS)
    return Case(
        f"tracing_{name}",
        steps or (get("/x?q=1"),),
        hcm=f"tracing: {{{fields}}}\n{hcm}",
        bootstrap=RUNTIME % (f"{runtime}, " if runtime else "") + node,
        isolated=bool(runtime or bootstrap_node),
        log_format=LOG,
        upstreams={
            "up": Script([reply(200, b"ok")]),
            "collector": collector or CollectorScript("otlp_grpc"),
            **(upstreams or {}),
        },
        clusters=f"{clusters[:-1]}, {server}]" if server else clusters,
        ignore_stats=UNSTABLE + ignored,
        differs=differs,
        **more,
    )


PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"
SAMPLED = f"traceparent: {PARENT}-01\r\ntracestate: a=b\r\n"
NOT_SAMPLED = f"traceparent: {PARENT}-00\r\n"
UPSTREAM = "spawn_upstream_span: true"
NONE = "random_sampling: {value: 0}"
TRUSTED = "internal_address_config: {cidr_ranges: [{address_prefix: 127.0.0.0, prefix_len: 8}]}"
FORCE = "X-Forwarded-For: 127.0.0.1\r\nX-Envoy-Force-Trace: true\r\n"
IDS = "12345678-1234-{}234-9234-123456789012"
UUID = "type.googleapis.com/envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig"
SAMPLER = "type.googleapis.com/envoy.extensions.tracers.opentelemetry.samplers.v3."
FAIL = reply(503, b"", reason="Service Unavailable")


def route(fields: str, action: str = "route: {cluster: $be}") -> str:
    """The only route."""
    return f"[{{match: {{prefix: /}}, {action}, {fields}}}]"


def sampler(kind: str, fields: str = "") -> str:
    """A provider with a sampler."""
    more = f", {fields}" if fields else ""
    config = f"{{'@type': {SAMPLER}{kind}, {more}}}".replace(", ,", ",").replace(", }", "}")
    return opentelemetry(f"sampler: {{name: s, typed_config: {config}}}")


def request_id(reason: str) -> str:
    """A header line: an id that tells why it is traced."""
    return f"X-Request-Id: {IDS.format(reason)}\r\n"


def uuid(fields: str) -> str:
    """Settings of request ids."""
    return f"request_id_extension: {{typed_config: {{'@type': {UUID}, {fields}}}}}"


LOG_OF_PATHS = (
    f"access_log: [{{name: l, typed_config: {{'@type': {FILE_LOG}, path: $dir/access.log,"
    ' log_format: {text_format_source: {inline_string: "%REQ(:PATH)%\\n"}}},'
    " filter: {traceable_filter: {}}}]"
)
EDGE = "use_remote_address: true"
RATIO = "sampling_percentage: {numerator: %d}"
CLIENT = "X-Client-Trace-Id: abc\r\n"
CASES = (
    traced("request"),
    traced("upstream_span", tracing=UPSTREAM),
    traced("parent", get("/x", headers=SAMPLED), tracing=UPSTREAM),
    traced("parent_not_sampled", get("/x", headers=NOT_SAMPLED), tracing=UPSTREAM),
    traced("parent_decides", get("/x", headers=SAMPLED), tracing=NONE),
    traced("parent_malformed", get("/x", headers="traceparent: 00-xyz-01\r\n")),
    traced("parent_zero", get("/x", headers=f"traceparent: 00-{'0' * 32}-{'0' * 16}-01\r\n")),
    traced("parent_version", get("/x", headers=f"traceparent: 01{PARENT[2:]}-01\r\n")),
    traced("parent_flags", get("/x", headers=f"traceparent: {PARENT}-03\r\n")),
    traced("parent_upper", get("/x", headers=f"traceparent: {PARENT.upper()}-01\r\n")),
    traced(
        "two_states",
        get("/x", headers=f"traceparent: {PARENT}-01\r\ntracestate: a=b\r\ntracestate: c=d\r\n"),
    ),
    traced("state_alone", get("/x", headers="tracestate: a=b\r\n")),
    traced("not_sampled", tracing=f"{NONE}, {UPSTREAM}"),
    traced("overall_none", tracing="overall_sampling: {value: 0}"),
    traced("client", get("/x", headers="X-Client-Trace-Id: abc\r\n"), tracing=NONE, hcm=TRUSTED),
    traced(
        "client_none",
        get("/x", headers="X-Client-Trace-Id: abc\r\n"),
        tracing=f"{NONE}, client_sampling: {{value: 0}}",
    ),
    traced("forced", get("/x", headers=FORCE), tracing=NONE, hcm=TRUSTED),
    traced("forced_outside", get("/x", headers="X-Envoy-Force-Trace: true\r\n"), tracing=NONE),
    traced("id_says_sampled", get("/x", headers=request_id("9")), tracing=NONE),
    traced("id_says_forced", get("/x", headers=request_id("a")), tracing=NONE),
    traced("id_says_client", get("/x", headers=request_id("b")), tracing=NONE),
    traced("id_is_none", get("/x", headers="X-Request-Id: abc\r\n")),
    traced("without_id", hcm="generate_request_id: false"),
    traced("id_packs_nothing", hcm=uuid("pack_trace_reason: false")),
    traced(
        "id_does_not_decide", tracing=NONE, hcm=uuid("use_request_id_for_trace_sampling: false")
    ),
    traced(
        "route_samples_none",
        routes=route("tracing: {random_sampling: {numerator: 0}}"),
    ),
    traced(
        "route_tags",
        tracing="custom_tags: [{tag: a, literal: {value: of the manager}},"
        " {tag: b, literal: {value: of the manager}}]",
        routes=route("tracing: {custom_tags: [{tag: a, literal: {value: of the route}}]}"),
    ),
    traced("always_on", tracing=NONE, provider=sampler("AlwaysOnSamplerConfig")),
    traced(
        "always_on_with_parent",
        get("/x", headers=NOT_SAMPLED),
        tracing=UPSTREAM,
        provider=sampler("AlwaysOnSamplerConfig"),
    ),
    traced("ratio_none", provider=sampler("TraceIdRatioBasedSamplerConfig", RATIO % 0)),
    traced(
        "ratio_all", tracing=NONE, provider=sampler("TraceIdRatioBasedSamplerConfig", RATIO % 100)
    ),
    traced(
        "ratio_parent",
        get("/x", headers=SAMPLED),
        provider=sampler("TraceIdRatioBasedSamplerConfig", RATIO % 40),
    ),
    traced(
        "ratio_parent_not",
        get("/x", headers=SAMPLED),
        provider=sampler("TraceIdRatioBasedSamplerConfig", RATIO % 30),
    ),
    traced(
        "parent_based",
        get("/x", headers=SAMPLED),
        get("/y", headers=NOT_SAMPLED),
        get("/z"),
        provider=sampler(
            "ParentBasedSamplerConfig",
            "wrapped_sampler: {name: w, typed_config:"
            f" {{'@type': {SAMPLER}AlwaysOnSamplerConfig}}}}",
        ),
    ),
    traced(
        "no_propagation",
        get("/x", headers=SAMPLED),
        tracing=f"no_context_propagation: true, {UPSTREAM}",
    ),
    traced(
        "retries",
        tracing=UPSTREAM,
        routes=route(
            "decorator: {operation: op}",
            "route: {cluster: $be, retry_policy: {retry_on: 5xx, num_retries: 2}}",
        ),
        upstreams={"up": Script([FAIL, FAIL, reply(200, b"ok")])},
    ),
    traced("error", tracing=UPSTREAM, upstreams={"up": Script([FAIL])}),
    traced("refused", tracing=UPSTREAM, clusters=CLUSTERS.replace("$up", "$dead")),
    traced("no_route", routes="[]", tracing=UPSTREAM),
    traced("no_cluster", routes=route("name: r", "route: {cluster_header: x-none}")),
    traced("direct", routes=route("name: r", "direct_response: {status: 200}")),
    traced("malformed", b"GET /x HTTP/1.1\r\n\r\n"),
    traced(
        "filter_traceable",
        get("/x"),
        get("/y", headers=request_id("9")),
        get("/forced", headers=request_id("a")),
        get("/z", headers="X-Client-Trace-Id: 1\r\n"),
        tracing=NONE,
        hcm=LOG_OF_PATHS,
    ),
    traced("runtime_random", runtime="tracing.random_sampling: 0"),
    traced("runtime_overall", runtime="tracing.global_enabled: 0"),
    traced(
        "runtime_client",
        get("/x", headers=CLIENT),
        runtime="tracing.client_enabled: 0",
        tracing=NONE,
    ),
    traced("no_provider", provider="verbose: false"),
    traced("no_provider_not_sampled", provider=NONE),
    traced(
        "edge_keeps_id",
        get("/x", headers=request_id("a")),
        tracing=NONE,
        hcm=f"{EDGE}\npreserve_external_request_id: true",
    ),
    traced("edge_replaces_id", get("/x", headers=request_id("a")), tracing=NONE, hcm=EDGE),
)
