"""The gRPC statistics filter: names, messages, statuses, filter state."""

from __future__ import annotations

import struct
from dataclasses import replace

from tests.interop.model import Admin, Case, Step
from tests.support.client import post
from tests.support.upstream import Answer, Script, raw, reply

_FILTERS = "type.googleapis.com/envoy.extensions.filters.http"
ROUTER = f"{{name: r, typed_config: {{'@type': {_FILTERS}.router.v3.Router}}}}"
TRAILERS_UPSTREAM = """
[{name: $be, hosts: [$up], typed_extension_protocol_options: {
  envoy.extensions.upstreams.http.v3.HttpProtocolOptions: {
    '@type': type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions,
    explicit_http_config: {http_protocol_options: {enable_trailers: true}}}}}]
"""
OK_TRAILERS = b"grpc-status: 0\r\ngrpc-message: fine\r\n"
LOG = (
    "%REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_CODE_DETAILS% grpc=%GRPC_STATUS% %GRPC_STATUS_NUMBER%"
    " tr=%TRAILER(grpc-status)% rx=%BYTES_RECEIVED% tx=%BYTES_SENT% flags=%RESPONSE_FLAGS%\n"
)


def frames(*messages: bytes) -> bytes:
    """Messages with their fronts."""
    return b"".join(b"\0" + struct.pack(">I", len(message)) + message for message in messages)


def chunked(*chunks: bytes, trailers: bytes = b"") -> bytes:
    """A body in chunks."""
    parts = [b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks if chunk]
    return b"".join(parts) + b"0\r\n" + trailers + b"\r\n"


def call(
    path: str,
    body: bytes,
    headers: str = "content-type: application/grpc\r\n",
    trailers: bytes = b"",
) -> bytes:
    """A request in chunks."""
    head = f"POST {path} HTTP/1.1\r\nHost: example.com\r\n{headers}"
    return head.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(body, trailers=trailers)


def answer(
    *messages: bytes,
    trailers: bytes = OK_TRAILERS,
    headers: str = "content-type: application/grpc\r\n",
    status: str = "200 OK",
) -> Answer:
    """A gRPC response whose outcome is in its trailers."""
    head = f"HTTP/1.1 {status}\r\n{headers}transfer-encoding: chunked\r\n\r\n".encode()
    return raw(head + chunked(*messages, trailers=trailers))


def trailers_only(status: int, message: str = "", http: int = 200) -> Answer:
    """A gRPC response without a body, whose outcome is in its head."""
    headers = f"content-type: application/grpc\r\ngrpc-status: {status}\r\n"
    return reply(http, b"", headers + (f"grpc-message: {message}\r\n" if message else ""))


def filtered(
    name: str,
    *filters: str,
    steps: tuple[Step | bytes, ...],
    upstream: tuple[Answer, ...],
    routes: str = "[{match: {prefix: /}, route: {cluster: $be}}]",
    clusters: str = TRAILERS_UPSTREAM,
    hcm: str = "",
    log: str = LOG,
) -> Case:
    """Filters before the router, each as `NAME, fields`, with trailers on both sides."""
    chain = ", ".join(
        f"{{name: {each.split(',')[0]}, typed_config: {{'@type': {_FILTERS}.{each}}}}}"
        for each in filters
    )
    return Case(
        name,
        steps,
        routes=routes,
        hcm="http_protocol_options: {enable_trailers: true}\n"
        f"http_filters: [{chain}, {ROUTER}]\n{hcm}",
        clusters=clusters,
        upstreams={"up": Script(upstream)},
        log_format=log,
    )


STATS = "grpc_stats.v3.FilterConfig"
ALL = f"{STATS}, stats_for_all_methods: true"
ECHO = call("/pkg.Echo/Say", frames(b"one", b"two"))
TWO = answer(frames(b"uno"), frames(b"dos", b"tres"))


def counted(
    name: str, options: str = ALL, *answers: Answer, steps: tuple[bytes, ...] = (ECHO,)
) -> Case:
    """Calls through the filter."""
    return filtered(name, options, steps=steps, upstream=answers or (TWO,))


CASES = (
    counted("all_methods"),
    counted("default", STATS),
    counted("not_all_methods", f"{STATS}, stats_for_all_methods: false"),
    counted(
        "listed",
        f"{STATS}, individual_method_stats_allowlist:"
        " {services: [{name: pkg.Echo, method_names: [Say, Sing]},"
        " {name: pkg.Other, method_names: [Any]}]}",
        steps=(ECHO, call("/pkg.Echo/Shout", frames(b"x")), call("/pkg.Other/Say", frames(b"y"))),
    ),
    counted(
        "dots_replaced",
        f"{ALL}, replace_dots_in_grpc_service_name: true",
        steps=(ECHO, call("/a.b.c.D/E.f", frames(b"x"))),
    ),
    counted(
        "dots_replaced_listed",
        f"{STATS}, replace_dots_in_grpc_service_name: true, individual_method_stats_allowlist:"
        " {services: [{name: pkg.Echo, method_names: [Say]}]}",
    ),
    counted(
        "paths_that_name_no_method",
        ALL,
        steps=(
            call("/one", frames(b"x")),
            call("/one/two/three", frames(b"x")),
            call("//a//b?q=/c", frames(b"x")),
        ),
    ),
    counted("failure_in_trailers", ALL, answer(frames(b"x"), trailers=b"grpc-status: 13\r\n")),
    counted("failure_trailers_only", ALL, trailers_only(5, "not here")),
    counted("unknown_status", ALL, answer(trailers=b"grpc-status: 77\r\n")),
    counted("status_that_is_no_number", ALL, answer(trailers=b"grpc-status: nope\r\n")),
    counted("no_status", ALL, answer(frames(b"x"), trailers=b"")),
    counted("http_error", ALL, reply(503, b"away", reason="Service Unavailable")),
    counted(
        "not_grpc", ALL, steps=(call("/pkg.Echo/Say", frames(b"x"), "content-type: text/x\r\n"),)
    ),
    counted(
        "grpc_subtype",
        ALL,
        steps=(call("/a.B/C", frames(b"x"), "content-type: application/grpc+json\r\n"),),
    ),
    counted(
        "without_body",
        ALL,
        steps=(post("/a.B/C", b"", headers="content-type: application/grpc\r\n"),),
    ),
    counted(
        "request_trailers", ALL, steps=(call("/a.B/C", frames(b"x"), trailers=b"x-end: 1\r\n"),)
    ),
    filtered(
        "filter_state",
        f"{STATS}, emit_filter_state: true",
        steps=(ECHO, call("/a.B/C", b"")),
        upstream=(TWO, trailers_only(1)),
        log="%FILTER_STATE(envoy.filters.http.grpc_stats)%"
        " %FILTER_STATE(envoy.filters.http.grpc_stats:PLAIN)%"
        " %FILTER_STATE(envoy.filters.http.grpc_stats:TYPED)%"
        " %FILTER_STATE(envoy.filters.http.grpc_stats:FIELD:request_message_count)%\n",
    ),
    filtered(
        "as_istio_has_it",
        f"{STATS}, emit_filter_state: true, stats_for_all_methods: false",
        steps=(ECHO, call("/a.B/C", b"")),
        upstream=(TWO, trailers_only(7)),
        log="%FILTER_STATE(envoy.filters.http.grpc_stats:PLAIN)%\n",
    ),
    filtered(
        "upstream_time",
        f"{ALL}, enable_upstream_stats: true",
        steps=(
            ECHO,
            Admin("/stats?filter=rq_time&type=Histograms", keep=r"(cluster.*grpc.*rq_time)"),
        ),
        upstream=(TWO,),
    ),
    filtered(
        "no_upstream",
        ALL,
        steps=(ECHO,),
        upstream=(TWO,),
        clusters="[{name: $be, hosts: [$dead]}]",
    ),
    filtered(
        "direct_response",
        ALL,
        steps=(ECHO,),
        upstream=(TWO,),
        routes="[{match: {prefix: /}, direct_response: {status: 404, body: {inline_string: hm}}}]",
    ),
    replace(
        filtered(
            "prometheus_tags",
            ALL,
            steps=(ECHO, Admin("/stats/prometheus?filter=grpc", keep=r"^(envoy_cluster_grpc.*)")),
            upstream=(TWO,),
        ),
        isolated=True,
    ),
    replace(
        filtered(
            "counters_are_reset",
            ALL,
            steps=(
                ECHO,
                Admin("/reset_counters", method="POST"),
                Admin("/stats?filter=grpc.pkg", keep=r"(cluster.*grpc.*)"),
                ECHO,
            ),
            upstream=(TWO,),
        ),
        isolated=True,
        ignore_stats="cx_destroy",
    ),
)
