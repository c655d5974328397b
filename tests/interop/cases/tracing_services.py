"""Spans of questions to services, and what is counted of spans that are sent or lost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.interop.cases.ext_authz_grpc import OPTIONS, SILENT
from tests.interop.cases.tracing import CLUSTERS, route, traced
from tests.interop.cases.tracing_zipkin import PLAIN, zipkin
from tests.interop.filters import chain, typed
from tests.interop.model import Case, Wait
from tests.support.client import get
from tests.support.unary_service import Reply, UnaryScript
from tests.support.upstream import Answer, Close, Hold, Script, raw, reply

AUTHZ = UnaryScript(
    "/envoy.service.auth.v3.Authorization/Check",
    "envoy.service.auth.v3.CheckRequest",
    "envoy.service.auth.v3.CheckResponse",
    (Reply("status: {code: 0}"),),
    ("attributes",),
)
RATE = UnaryScript(
    "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit",
    "envoy.service.ratelimit.v3.RateLimitRequest",
    "envoy.service.ratelimit.v3.RateLimitResponse",
    (Reply("overall_code: OK"),),
)
GRPC_SERVER = f"{{name: $auth, hosts: [$auth_server], {OPTIONS}}}"
HTTP_SERVER = "{name: $auth, hosts: [$auth_server]}"
LIMITED = (
    "[{match: {prefix: /}, route: {cluster: $be,"
    " rate_limits: [{actions: [{generic_key: {descriptor_value: a}}]}]}}]"
)


def authz_grpc(*replies: Reply, fields: str = "") -> dict[str, Any]:
    """ext_authz by gRPC."""
    service = "grpc_service: {envoy_grpc: {cluster_name: $auth}, timeout: 0.4s}"
    return {
        "hcm": f"http_filters: {chain(typed('ext_authz.v3.ExtAuthz', f'{service}{fields}'))}",
        "server": GRPC_SERVER,
        "upstreams": {"auth_server": replace(AUTHZ, replies=replies or AUTHZ.replies)},
    }


def authz_http(*answers: Answer, fields: str = "") -> dict[str, Any]:
    """ext_authz by HTTP."""
    service = "http_service: {server_uri: {uri: 'http://auth', cluster: $auth, timeout: 0.3s}}"
    return {
        "hcm": f"http_filters: {chain(typed('ext_authz.v3.ExtAuthz', f'{service}{fields}'))}",
        "server": HTTP_SERVER,
        "upstreams": {"auth_server": Script(answers or [reply(200, b"")])},
    }


def of_route(fields: str) -> str:
    """A route that says of the filter what `fields` do."""
    package = "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3"
    config = f"{{'@type': {package}.ExtAuthzPerRoute, check_settings: {{{fields}}}}}"
    return route(f"typed_per_filter_config: {{ext_authz: {config}}}")


def rate(*replies: Reply) -> dict[str, Any]:
    """ratelimit."""
    service = "transport_api_version: V3, grpc_service: {envoy_grpc: {cluster_name: $auth}}"
    config = f"domain: d, rate_limit_service: {{{service}}}, timeout: 0.4s"
    return {
        "hcm": f"http_filters: {chain(typed('ratelimit.v3.RateLimit', config))}",
        "server": GRPC_SERVER,
        "routes": LIMITED,
        "upstreams": {"auth_server": replace(RATE, replies=replies or RATE.replies)},
    }


def counted(case: Case) -> Case:
    """The case by itself, with what is counted of spans."""
    steps = (*case.steps, Wait(0.4))
    return replace(
        case, name=f"{case.name}_counted", isolated=True, stats=r"^tracing\.", steps=steps
    )


CHANGES = "{status: {code: 0}, ok_response: {headers: [{header: {key: x-b, value: v}}]}}"


def two_routes(first: str = "", second: str = "") -> str:
    """A route, and one that requests take after a change by the service; what each samples."""
    return f"""
- match: {{prefix: /, headers: [{{name: x-b, present_match: true}}]}}
  route: {{cluster: $be}}
  decorator: {{operation: second}}
  tracing: {{custom_tags: [{{tag: which, literal: {{value: second}}}}], {second}}}
- match: {{prefix: /}}
  route: {{cluster: $be}}
  decorator: {{operation: first}}
  tracing: {{custom_tags: [{{tag: which, literal: {{value: first}}}}], {first}}}
"""


def rerouted(name: str, routes: str, *steps: bytes, **more: str) -> Case:
    """Requests whose route changes in a filter."""
    judged = authz_grpc(Reply(CHANGES), fields=", clear_route_cache: true")
    return traced(name, *steps, routes=routes, **judged, **more)


THEIRS = "X-Envoy-Decorator-Operation: theirs\r\n"
NO_SPAN = ", emit_client_span: false"
CASES = (
    traced("authz_grpc", **authz_grpc()),
    traced("authz_grpc_denied", **authz_grpc(Reply("status: {code: 7}"))),
    traced("authz_grpc_failed", **authz_grpc(Reply(status="UNAVAILABLE"))),
    traced("authz_grpc_late", **{**authz_grpc(), "upstreams": {"auth_server": SILENT}}),
    traced("authz_grpc_no_span", **authz_grpc(fields=NO_SPAN)),
    traced("authz_grpc_span", **authz_grpc(fields=", emit_client_span: true")),
    traced("authz_grpc_not_sampled", tracing="random_sampling: {value: 0}", **authz_grpc()),
    traced("authz_grpc_no_propagation", tracing="no_context_propagation: true", **authz_grpc()),
    traced("authz_http", **authz_http()),
    traced("authz_http_denied", **authz_http(reply(403, b""))),
    traced("authz_http_error", **authz_http(reply(500, b""))),
    traced("authz_http_away", **authz_http(raw(Close()))),
    traced("authz_http_late", **authz_http(raw(Hold()))),
    traced("authz_http_no_span", **authz_http(fields=NO_SPAN)),
    traced("authz_no_span_of_route", routes=of_route("emit_client_span: false"), **authz_http()),
    traced(
        "authz_span_of_route",
        routes=of_route("emit_client_span: true"),
        **authz_http(fields=NO_SPAN),
    ),
    traced(
        "authz_no_span_at_all",
        routes=of_route("context_extensions: {a: b}"),
        **authz_http(fields=NO_SPAN),
    ),
    rerouted("filter_changes_route", two_routes()),
    rerouted("filter_changes_route_egress", two_routes(), listener="traffic_direction: OUTBOUND"),
    rerouted("filter_ends_sampling", two_routes(second="overall_sampling: {numerator: 0}")),
    rerouted("filter_begins_sampling", two_routes(first="random_sampling: {numerator: 0}")),
    rerouted("filter_changes_operation", two_routes("operation: one", "operation: two")),
    rerouted("filter_names_theirs", two_routes(), get("/x", headers=THEIRS)),
    traced("rate_limit", **rate()),
    traced("rate_limit_over", **rate(Reply("overall_code: OVER_LIMIT"))),
    traced("rate_limit_failed", **rate(Reply(status="UNAVAILABLE"))),
    zipkin("authz_http", **authz_http()),
    zipkin("authz_grpc", **authz_grpc()),
    zipkin(
        "split",
        fields="collector_endpoint_version: HTTP_JSON, split_spans_for_request: true",
        listener="traffic_direction: OUTBOUND",
    ),
    counted(traced("sent")),
    counted(traced("many", *[get(f"/{n}") for n in range(12)])),
    counted(traced("nobody", clusters=CLUSTERS.replace("$collector", "$dead"))),
    counted(zipkin("sent")),
    counted(zipkin("refused_", status=503)),
    counted(zipkin("other", status=200)),
    counted(zipkin("away", clusters=PLAIN.replace("$collector", "$dead"))),
)
