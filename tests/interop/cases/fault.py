"""The fault filter: delays, aborts, limited responses, by header and by runtime, at routes."""

from __future__ import annotations

from tests.interop.filters import filtered, grpc_call, route, typed
from tests.interop.model import Admin, Case, Drop, Read, Step, Wait, Write
from tests.support.client import get, post
from tests.support.upstream import Script, reply

LOG = "md=%DYNAMIC_METADATA(fault)%"
ALL = "percentage: {numerator: 100}"
NONE = "percentage: {numerator: 0}"
ABORT = f"abort: {{http_status: 503, {ALL}}}"
DELAY = f"delay: {{fixed_delay: 0.05s, {ALL}}}"
LIMIT = f"response_rate_limit: {{fixed_limit: {{limit_kbps: 64}}, {ALL}}}"
BY_HEADER = (
    f"delay: {{header_delay: {{}}, {ALL}}}, abort: {{header_abort: {{}}, {ALL}}},"
    f" response_rate_limit: {{header_limit: {{}}, {ALL}}}"
)
LONG = {"up": Script([reply(200, b"x" * 20_000)])}


def fault(fields: str) -> str:
    """The filter, or its configuration at a route."""
    return typed("fault.v3.HTTPFault", fields)


def injected(name: str, fields: str, *steps: Step | bytes, **more: str) -> Case:
    """Requests through the filter."""
    return filtered(f"fault_{name}", fault(fields), *(steps or (get("/x"),)), log=LOG, **more)


def asking(**headers: object) -> bytes:
    """A request that asks for faults, or tells who it is from."""
    lines = "".join(
        f"X-Envoy-{key.replace('_', '-')}: {value}\r\n" for key, value in headers.items()
    )
    return get("/x", headers=lines)


def running(name: str, fields: str, *steps: Step | bytes, runtime: str) -> Case:
    """The same with values of runtime."""
    layers = f"layered_runtime: {{layers: [{{name: l, static_layer: {{{runtime}}}}}]}}"
    return Case(**{**vars(injected(name, fields, *steps)), "bootstrap": layers, "isolated": True})


FROM_A = asking(downstream_service_cluster="a", downstream_service_node="n1")
TEAPOT = fault(f"abort: {{http_status: 418, {ALL}}}")
ACTIVE = Admin("/stats?filter=$http.fault", keep="active.*")

CASES = (
    injected("abort", ABORT),
    injected("abort_body", f"abort: {{http_status: 429, response_body: much, {ALL}}}"),
    injected("abort_never", f"abort: {{http_status: 503, {NONE}}}"),
    injected("abort_of_a_million", "abort: {http_status: 503,"
             " percentage: {numerator: 1000000, denominator: MILLION}}"),
    injected("abort_grpc_status", f"abort: {{grpc_status: 14, {ALL}}}", *grpc_call(), get("/x")),
    injected("abort_of_grpc", ABORT, *grpc_call()),
    injected("abort_with_body", ABORT, post("/x", b"hello")),
    injected("delay", DELAY),
    injected("delay_with_body", DELAY, post("/x", b"hello")),
    injected("delay_of_grpc", DELAY, *grpc_call()),
    injected("delay_and_abort", f"{DELAY}, {ABORT}"),
    injected("delay_and_client_goes", f"delay: {{fixed_delay: 5s, {ALL}}}",
             Write(get("/x")), Wait(0.1), Drop(), Wait(0.1)),
    injected("delay_and_idle", f"delay: {{fixed_delay: 5s, {ALL}}}",
             hcm="stream_idle_timeout: 0.1s"),
    injected("delay_active", f"delay: {{fixed_delay: 0.5s, {ALL}}}",
             Write(get("/x")), Wait(0.15), ACTIVE, Read()),
    injected("response_limited", LIMIT, upstreams=LONG),
    injected("response_limited_and_delayed", f"{LIMIT}, {DELAY}", upstreams=LONG),
    injected("response_limited_empty", LIMIT, upstreams={"up": Script([reply(204, b"")])}),
    injected("response_limited_never",
             f"response_rate_limit: {{fixed_limit: {{limit_kbps: 1}}, {NONE}}}", upstreams=LONG),
    injected("by_header_without", BY_HEADER),
    injected("by_header_delay", BY_HEADER, asking(fault_delay_request=20)),
    injected("by_header_delay_bad", BY_HEADER, asking(fault_delay_request="soon")),
    injected("by_header_delay_share", BY_HEADER,
             asking(fault_delay_request=20, fault_delay_request_percentage=0),
             asking(fault_delay_request=20, fault_delay_request_percentage=900)),
    injected("by_header_abort", BY_HEADER, asking(fault_abort_request=429)),
    injected("by_header_abort_out_of_range", BY_HEADER, asking(fault_abort_request=100),
             asking(fault_abort_request=600), asking(fault_abort_request=599)),
    injected("by_header_abort_share", BY_HEADER,
             asking(fault_abort_request=429, fault_abort_request_percentage=0)),
    injected("by_header_abort_grpc", BY_HEADER,
             *grpc_call("/a.B/C", ("x-envoy-fault-abort-grpc-request", "5"))),
    injected("by_header_both", BY_HEADER,
             asking(fault_abort_request=429, fault_abort_grpc_request=5)),
    injected("by_header_limit", BY_HEADER, asking(fault_throughput_response=64), upstreams=LONG),
    injected("by_header_limit_share", BY_HEADER,
             asking(fault_throughput_response=1, fault_throughput_response_percentage=0),
             upstreams=LONG),
    injected("headers_ignored_without", f"delay: {{fixed_delay: 0.01s, {NONE}}}",
             asking(fault_abort_request=429)),
    injected("max_active_none", f"{ABORT}, {DELAY}, {LIMIT}, max_active_faults: 0"),
    injected("max_active_one", f"delay: {{fixed_delay: 0.4s, {ALL}}}, max_active_faults: 1",
             Write(get("/x")), Wait(0.1), get("/y"), Read()),
    injected("upstream_cluster", f"{ABORT}, upstream_cluster: $be"),
    injected("upstream_cluster_other", f"{ABORT}, upstream_cluster: other"),
    injected("upstream_cluster_direct", f"{ABORT}, upstream_cluster: $be",
             routes=f"[{route('direct_response: {status: 200}')}]"),
    injected("headers", f"{ABORT}, headers: [{{name: x-a, string_match: {{exact: one}}}},"
             " {name: x-b, present_match: true}]",
             get("/x", headers="X-A: one\r\nX-B: 1\r\n"), get("/x", headers="X-A: one\r\n")),
    injected("downstream_nodes", f"{ABORT}, downstream_nodes: [n1, n2]", FROM_A, get("/x"),
             asking(downstream_service_node="n3")),
    injected("downstream_cluster_stats", f"{ABORT}, {DELAY}", FROM_A),
    injected("downstream_cluster_stats_off",
             f"{ABORT}, {DELAY}, disable_downstream_cluster_stats: true", FROM_A),
    injected("metadata", f"{ABORT}, filter_metadata: {{a: b, n: 1}}"),
    injected("metadata_of_a_delay", f"{DELAY}, filter_metadata: {{a: {{b: [1, true]}}}}"),
    injected("metadata_without_a_fault",
             f"abort: {{http_status: 503, {NONE}}}, {LIMIT}, filter_metadata: {{a: b}}"),
    injected("at_a_route", ABORT,
             routes=f"[{route(fault=TEAPOT)}]"),
    injected("none_at_a_route", ABORT, routes=f"[{route(fault=fault(''))}]"),
    injected("nothing", ""),
    injected("without_a_route", ABORT, routes="[]"),
    running("runtime_percent", ABORT, get("/x"),
            runtime="fault: {http: {abort: {abort_percent: 0}}}"),
    running("runtime_status", ABORT, get("/x"),
            runtime="fault: {http: {abort: {http_status: 418}}}"),
    running("runtime_delay", f"{DELAY}, {ABORT}", get("/x"),
            runtime="fault: {http: {delay: {fixed_duration_ms: 0}}}"),
    running("runtime_max_active", ABORT, get("/x"),
            runtime="fault: {http: {max_active_faults: 0}}"),
    running("runtime_of_a_cluster", ABORT, FROM_A, get("/x"),
            runtime="fault: {http: {a: {abort: {http_status: 418}}}}"),
    running("runtime_percent_of_a_cluster", ABORT, FROM_A, get("/x"),
            runtime="fault: {http: {a: {abort: {abort_percent: 0}}}}"),
    running("runtime_own_keys", f"{ABORT}, abort_percent_runtime: ap,"
            " abort_http_status_runtime: as, max_active_faults_runtime: m",
            get("/x"), runtime="as: 418"),
)  # fmt: skip
