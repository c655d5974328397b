"""Entries of access logs that a service gets: what each says of a request."""

from __future__ import annotations

from tests.interop.filters import PACKAGE
from tests.interop.log_services import CLUSTERS, QUIET_ROUTER, als, manager
from tests.interop.model import Case, Differs, Drop, Step, Wait, Write, asked
from tests.support.client import get, post
from tests.support.http2 import ask
from tests.support.telemetry_service import TelemetryScript
from tests.support.upstream import Hold, Script, raw, reply

ROUTES = """
[{match: {path: /direct}, direct_response: {status: 204}},
 {match: {prefix: /down}, route: {cluster: $down}},
 {match: {prefix: /away}, route: {cluster_header: x-cluster}},
 {match: {prefix: /again}, route: {cluster: $down, retry_policy: {retry_on: connect-failure,
   retry_back_off: {base_interval: 0.001s}}}},
 {match: {prefix: /moved}, route: {cluster: $be, prefix_rewrite: /there}},
 {match: {prefix: /}, name: main-route, route: {cluster: $be}}]
"""
UP = Script([reply(200, b"hello", "X-Up: u1\r\nX-Up: u2\r\nX-Odd: \xe9\r\n")])
RICH = get(
    "/p?q=1",
    headers="X-In: v\r\nX-In: w\r\nUser-Agent: agent/1\r\nReferer: r\r\nX-Odd: \xe9\r\n",
)
NO_H2_BYTES = (
    "downstreamHeaderBytesReceived",
    "downstreamHeaderBytesSent",
    "downstreamWireBytesReceived",
    "downstreamWireBytesSent",
)


def logged(
    name: str,
    *steps: Step | bytes,
    logs: tuple[str, ...] = (),
    expect: int = 0,
    filters: str = "",
    more: str = "",
    up: Script = UP,
    sink: TelemetryScript | None = None,
    router: str = QUIET_ROUTER,
    **others: object,
) -> Case:
    """Requests whose entries a service gets: `expect` of them, or one for each request."""
    count = expect or sum(isinstance(step, bytes) for step in steps)
    options: dict[str, object] = {"routes": ROUTES, "stats": "", **others}
    return Case(
        f"als_{name}",
        steps,
        hcm=manager(*(logs or (als(),)), filters=filters, more=more, router=router),
        clusters=CLUSTERS,
        upstreams={"up": up, "sink": sink or TelemetryScript(count)},
        **options,
    )


def filter_(message: str, fields: str) -> str:
    """A filter before the router."""
    return f'{{name: f, typed_config: {{"@type": {PACKAGE}.{message}, {fields}}}}}'


HEADERS = (
    "additional_request_headers_to_log: [x-in, X-Odd, x-none, ':path'],"
    " additional_response_headers_to_log: [x-up, x-odd, ':status', x-none]"
)
TAGS = """custom_tags: [
  {tag: literal, literal: {value: x}}, {tag: empty, literal: {value: y}},
  {tag: environment, environment: {name: HOME}},
  {tag: unset, environment: {name: LATEEN_NO_SUCH, default_value: d}},
  {tag: header, request_header: {name: x-in}},
  {tag: absent, request_header: {name: x-none, default_value: d}},
  {tag: none, request_header: {name: x-none}},
  {tag: dynamic, metadata: {kind: {request: {}}, metadata_key: {key: ns, path: [{key: a}]}}},
  {tag: number, metadata: {kind: {request: {}}, metadata_key: {key: ns, path: [{key: n}]}}},
  {tag: struct, metadata: {kind: {request: {}}, metadata_key: {key: ns, path: [{key: s}]}}},
  {tag: route, metadata: {kind: {route: {}}, metadata_key: {key: ns, path: [{key: a}]}}},
  {tag: no_route, metadata: {kind: {route: {}}, metadata_key: {key: ns, path: [{key: b}]},
    default_value: d}},
  {tag: host, metadata: {kind: {host: {}}, metadata_key: {key: ns, path: [{key: a}]}}},
  {tag: format, value: '%PROTOCOL% %REQ(x-in)% %REQ(x-none)%'}]"""
METADATA = filter_(
    "set_metadata.v3.Config",
    "metadata: [{metadata_namespace: ns, value: {a: text, n: 1.5, s: {x: [1, true]}}}]",
)
STATE = filter_(
    "set_filter_state.v3.Config",
    "on_request_headers: [{object_key: k, factory_key: envoy.string, format_string:"
    " {text_format_source: {inline_string: '%REQ(x-in)%'}}}]",
)
MATCHED_ROUTE = (
    "[{match: {prefix: /}, route: {cluster: $be}, metadata: {filter_metadata: {ns: {a: r}}}}]"
)
FAULT = filter_(
    "fault.v3.HTTPFault",
    "delay: {fixed_delay: 0.01s, percentage: {numerator: 100}},"
    " abort: {http_status: 418, percentage: {numerator: 100}}",
)
LIMIT = filter_(
    "local_ratelimit.v3.LocalRateLimit",
    "stat_prefix: $rl, token_bucket: {max_tokens: 1, tokens_per_fill: 1, fill_interval: 600s},"
    " filter_enabled: {default_value: {numerator: 100}},"
    " filter_enforced: {default_value: {numerator: 100}}",
)
ONLY_204 = (
    "{status_code_filter: {comparison: {op: EQ, value: {default_value: 204, runtime_key: k}}}}"
)
ON_NEW_REQUEST = "access_log_options: {flush_access_log_on_new_request: true}"
UPSTREAM_LOG = (
    '{name: router, typed_config: {"@type":'
    " type.googleapis.com/envoy.extensions.filters.http.router.v3.Router,"
    f" suppress_envoy_headers: true, upstream_log: [{als()}]}}}}"
)

CASES = (
    logged("request", RICH),
    logged("headers", RICH, logs=(als(fields=HEADERS),)),
    logged("body", post("/b", b"x" * 3000)),
    logged("direct", get("/direct")),
    logged(
        "methods",
        *(get("/direct").replace(b"GET", method) for method in (b"PUT", b"OPTIONS", b"PROPFIND")),
    ),
    logged(
        "http10",
        b"GET /x HTTP/1.0\r\n\r\n",
        more="http_protocol_options: {accept_http_10: true}",
    ),
    logged("no_route", get("/x"), routes="[{match: {path: /y}, route: {cluster: $be}}]"),
    logged("no_cluster", get("/away", headers="x-cluster: absent\r\n")),
    logged("upstream_down", get("/down")),
    logged("retried", get("/again")),
    logged("rewritten", get("/moved/x?y=z")),
    logged("malformed", b"GET / HTTP/1.1\r\nHost: h\r\nBad Header: x\r\n\r\n"),
    logged(
        "timeout",
        get("/x"),
        routes="[{match: {prefix: /}, route: {cluster: $be, timeout: 0.1s}}]",
        up=Script([raw(Hold())]),
    ),
    logged("forwarded", get("/x", headers="X-Forwarded-For: 1.2.3.4\r\n"),
           more="use_remote_address: true\nxff_num_trusted_hops: 1"),
    logged("fault", get("/x"), filters=FAULT),
    logged("rate_limited", get("/x"), get("/x"), filters=LIMIT),
    logged("metadata", RICH, filters=METADATA),
    logged(
        "filter_state",
        RICH,
        filters=STATE,
        logs=(als("filter_state_objects_to_log: [k, none]"),),
    ),
    logged("tags", RICH, filters=METADATA, logs=(als(TAGS),), routes=MATCHED_ROUTE),
    logged("filtered", get("/direct"), get("/x"), logs=(als(filtered=ONLY_204),), expect=1),
    logged(
        "new_request",
        get("/x"),
        more=ON_NEW_REQUEST,
        expect=2,
        differs=Differs(
            "The entry at the start of a request comes before its route is found", (200,)
        ),
    ),
    logged("two_logs", get("/x"), logs=(als(), als(fields=HEADERS)), expect=2),
    logged("at_once", get("/x"), get("/direct"), logs=(als("buffer_size_bytes: 0"),)),
    logged("tcp_kind", get("/x"), logs=(als(kind="Tcp"),)),
    logged("client_leaves", Write(get("/x")), Wait(0.2), Drop(), expect=1,
           up=Script([raw(Hold())])),
    logged("h2", *asked(ask("/x", ("x-in", "v"))), expect=1, up=Script([reply()]),
           sink=TelemetryScript(1, ignore=NO_H2_BYTES)),
    logged("of_upstream", get("/x"), get("/again"), logs=(als("buffer_size_bytes: 1"),),
           router=UPSTREAM_LOG, expect=5, differs=Differs(
               "Entries about attempts tell the sizes of the request, not those of the attempt",
               (200, 503))),
    Case("als_of_listener", (get("/x"),), listener=f"access_log: [{als()}]", clusters=CLUSTERS,
         upstreams={"up": UP, "sink": TelemetryScript(1)}, stats="",
         hcm=manager()),
    logged(
        "ends",
        get("/x"),
        Wait(0.4),
        get("/direct"),
        Wait(0.4),
        get("/x"),
        isolated=True,
        sink=TelemetryScript(3, messages_per_stream=1),
        stats="^access_logs",
    ),
    logged("unimplemented", get("/x"), expect=1, isolated=True, stats="^access_logs",
           sink=TelemetryScript(1, messages_per_stream=1, status="UNIMPLEMENTED")),
    logged("initial_metadata", get("/direct"), logs=(
        als("log_name: other, grpc_service: {envoy_grpc: {cluster_name: $tel, authority: me},"
            " initial_metadata: [{key: x-key, value: v}, {key: x-more, value: '%PROTOCOL%'}]}"),)),
)  # fmt: skip
