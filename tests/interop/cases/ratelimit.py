"""The rate limit filter with a real service: what it is asked, what its answers do, faults."""

from __future__ import annotations

from typing import Any

from tests.interop.cases.ext_authz_grpc import OPTIONS, SILENT, UNSTABLE
from tests.interop.filters import FORWARD, filtered, grpc_call, route, typed
from tests.interop.model import Case, Differs, Drop, Step, Wait, Write
from tests.support.client import get, post
from tests.support.unary_service import Reply, UnaryScript
from tests.support.upstream import Script, reply

CLUSTERS = f"[{{name: $be, hosts: [$up]}}, {{name: $auth, hosts: [$auth_server], {OPTIONS}}}]"
SERVICE = "envoy_grpc: {cluster_name: $auth}"
LOG = "md=%DYNAMIC_METADATA(envoy.filters.http.ratelimit)% ns=%DYNAMIC_METADATA(ns)%"
OK = Reply("overall_code: OK")
OVER = Reply("overall_code: OVER_LIMIT")
LIMITS = "{actions: [{generic_key: {descriptor_value: a}}]}"
ALWAYS = "{default_value: {numerator: 100}}"
NEVER = "{default_value: {numerator: 0}}"
TELL = "enable_x_ratelimit_headers: DRAFT_VERSION_03"


def limited(
    name: str,
    *steps: Step | bytes,
    replies: tuple[Reply, ...] = (OK,),
    fields: str = "",
    limits: str = LIMITS,
    service: str = SERVICE,
    timeout: str = "0.4s",
    filters: tuple[str, ...] = (),
    silent: bool = False,
    differs: Differs | None = None,
    **more: str,
) -> Case:
    """Requests that the service counts, or never answers (`silent`); `limits` are the route's."""
    rate_service = f"rate_limit_service: {{transport_api_version: V3, grpc_service: {{{service}}}}}"
    more_fields = f", timeout: {timeout}" + (f", {fields}" if fields else "")
    config = typed("ratelimit.v3.RateLimit", f"domain: d, {rate_service}{more_fields}")
    more.setdefault("clusters", CLUSTERS)
    action = f"route: {{cluster: $be, rate_limits: [{limits}]}}"
    if "virtual_hosts" not in more:
        more.setdefault("routes", f"[{route(action)}]")
    script = UnaryScript(
        "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit",
        "envoy.service.ratelimit.v3.RateLimitRequest",
        "envoy.service.ratelimit.v3.RateLimitResponse",
        replies,
    )
    upstreams = {
        "up": Script([reply(200, b"ok", "X-Up: 1\r\n")]),
        "auth_server": SILENT if silent else script,
    }
    return filtered(
        f"ratelimit_{name}",
        (*filters, config),
        *(steps or (get("/x?q=1"),)),
        log=LOG,
        upstreams=upstreams,
        ignore_stats=UNSTABLE,
        differs=differs,
        **more,
    )


def runtime(key: str) -> dict[str, Any]:
    """A case of its own in which runtime has set a share to 0."""
    layer = f"{{name: s, static_layer: {{{key}: 0}}}}"
    return {"bootstrap": f"layered_runtime: {{layers: [{layer}]}}", "isolated": True}


def generic(value: str, more: str = "") -> str:
    """A rate limit of one generic key."""
    return f"{{actions: [{{generic_key: {{descriptor_value: {value}}}}}]{more}}}"


def at_routes(name: str, own: str, host: str, *, of_route: str = "", **more: str) -> Case:
    """Rate limits of a route and of its virtual host; `of_route` is what the route says else."""
    action = f"route: {{cluster: $be, rate_limits: [{own}]}}"
    if of_route:
        override = {
            "envoy.filters.http.ratelimit": typed("ratelimit.v3.RateLimitPerRoute", of_route)
        }
        override["ratelimit"] = override.pop("envoy.filters.http.ratelimit")
        made = route(action, **override)
    else:
        made = route(action)
    hosts = f"[{{name: vh, domains: ['*'], routes: [{made}], rate_limits: [{host}]}}]"
    return limited(name, virtual_hosts=hosts, **more)


def status(code: str, per_unit: int, unit: str, remaining: int, more: str = "") -> str:
    """What an answer says of one descriptor."""
    limit = f"{{requests_per_unit: {per_unit}, unit: {unit}{more}}}"
    return (
        f"{{code: {code}, current_limit: {limit}, limit_remaining: {remaining},"
        " duration_until_reset: 7.5s}"
    )


STATUSES = (
    f"statuses: [{status('OK', 10, 'MINUTE', 5)}, {status('OVER_LIMIT', 4, 'SECOND', 2)},"
    f" {status('OK', 9, 'UNKNOWN', 3)}, {{code: OK}}]"
)
HEADERS = (
    "response_headers_to_add: [{key: x-a, value: '1'}, {key: x-up, value: '2'}],"
    " request_headers_to_add: [{key: x-r, value: '3'}, {key: x-r, value: '4'}]"
)
METADATA = typed(
    "set_metadata.v3.Config",
    "metadata: [{metadata_namespace: envoy.ratelimit, value: {hits_addend: 3}},"
    " {metadata_namespace: ns, value: {limit: {requests_per_unit: 42, unit: HOUR}, n: 5}}]",
)
STATE = typed(
    "set_filter_state.v3.Config",
    "on_request_headers: [{object_key: envoy.ratelimit.hits_addend,"
    " format_string: {text_format_source: {inline_string: '7'}}}]",
)
OVERRIDE = ", limit: {dynamic_metadata: {metadata_key: {key: ns, path: [{key: limit}]}}}"
TWO = f"{generic('a')}, {{actions: [{{request_headers: {{header_name: x-k, descriptor_key: k}}}}]}}"

OVER_LIMITS = Reply(f"{{overall_code: OVER_LIMIT, {STATUSES}}}")
NONE = "{actions: [{request_headers: {header_name: x, descriptor_key: k}}]}"
DIRECT = "[{match: {prefix: /}, direct_response: {status: 200}}]"
POLICY = "override_option: {}_POLICY"
FAILS = (Reply(status="INTERNAL"),)
DENY = "failure_mode_deny: true"

CASES = (
    limited("asked"),
    limited("asked_of_two", get("/x", headers="X-K: v\r\n"), limits=TWO),
    limited(
        "asked_of_none",
        limits=NONE,
    ),
    limited("asked_without_limits", routes=f"[{route()}]"),
    limited("asked_with_post", post("/x", b"hello")),
    limited("asked_over_http2", *grpc_call()),
    limited(
        "asked_of_a_direct_response",
        routes=DIRECT,
    ),
    limited("asked_without_route", routes="[{match: {path: /other}, route: {cluster: $be}}]"),
    limited("stage", limits=f"{generic('a', ', stage: 1')}, {generic('b')}", fields="stage: 1"),
    limited("disable_key", limits=generic("a", ", disable_key: key")),
    limited(
        "disable_key_of_runtime",
        limits=f"{generic('a', ', disable_key: key')}, {generic('b')}",
        **runtime("ratelimit.key.http_filter_enabled"),
    ),
    limited("switched_off", **runtime("ratelimit.http_filter_enabled")),
    limited("not_enforcing", replies=(OVER,), **runtime("ratelimit.http_filter_enforcing")),
    limited(
        "hits_of_the_filter",
        fields=f"rate_limits: [{generic('a', ', hits_addend: {number: 5}')}]",
        filters=(METADATA,),
    ),
    limited("hits_of_filter_state", filters=(STATE,)),
    limited("hits", limits=generic("a", ", hits_addend: {number: 5}"), filters=(METADATA,)),
    limited(
        "hits_of_a_format",
        limits=generic("a", ", hits_addend: {format: '%DYNAMIC_METADATA(ns:n)%'}"),
        filters=(METADATA,),
    ),
    limited("override", limits=generic("a", OVERRIDE), filters=(METADATA,)),
    limited("override_missing", limits=generic("a", OVERRIDE)),
    limited("internal_alone", fields="request_type: internal"),
    limited("external_alone", fields="request_type: external"),
    limited(
        "internal_of_internal",
        fields="request_type: internal",
        hcm="use_remote_address: true\ninternal_address_config:"
        " {cidr_ranges: [{address_prefix: 127.0.0.0, prefix_len: 8}]}",
    ),
    limited("enabled", fields=f"filter_enabled: {NEVER}"),
    limited("enforced", replies=(OVER,), fields=f"filter_enforced: {NEVER}"),
    limited("over", replies=(OVER,)),
    limited("over_of_grpc", *grpc_call(), replies=(OVER,)),
    limited(
        "over_of_grpc_exhausted",
        *grpc_call(),
        replies=(OVER,),
        fields="rate_limited_as_resource_exhausted: true",
    ),
    limited("over_unmarked", replies=(OVER,), fields="disable_x_envoy_ratelimited_header: true"),
    limited("over_with_status", replies=(OVER,), fields="rate_limited_status: {code: 503}"),
    limited("over_with_low_status", replies=(OVER,), fields="rate_limited_status: {code: 302}"),
    limited(
        "over_with_headers",
        replies=(Reply(f"{{overall_code: OVER_LIMIT, {HEADERS}}}"),),
        fields="response_headers_to_add: [{header: {key: x-c, value: '%REQ(:path)%'}},"
        " {header: {key: x-a, value: z}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}]",
    ),
    limited("over_with_body", replies=(Reply("{overall_code: OVER_LIMIT, raw_body: aGVsbG8=}"),)),
    limited("over_then_ok", get("/x"), get("/x"), replies=(OVER, OK)),
    limited("ok_with_headers", replies=(Reply(f"{{overall_code: OK, {HEADERS}}}"),)),
    limited("unknown_code", replies=(Reply("{}"),)),
    limited("tells_limits", replies=(Reply(f"{{overall_code: OK, {STATUSES}}}"),), fields=TELL),
    limited(
        "tells_limits_over",
        replies=(OVER_LIMITS,),
        fields=TELL,
    ),
    limited("tells_no_limits", replies=(OVER_LIMITS,)),
    limited("tells_limits_of_none", fields=TELL),
    limited(
        "tells_named_limits",
        replies=(
            Reply(f"{{overall_code: OK, statuses: [{status('OK', 3, 'WEEK', 1, ', name: n')}]}}"),
        ),
        fields=TELL,
    ),
    limited(
        "retry_after",
        replies=(OVER_LIMITS,),
        fields="enable_retry_after_header: true",
    ),
    limited("retry_after_of_none", replies=(OVER,), fields="enable_retry_after_header: true"),
    limited(
        "retry_after_when_ok",
        replies=(Reply(f"{{overall_code: OK, {STATUSES}}}"),),
        fields="enable_retry_after_header: true",
    ),
    limited("metadata", replies=(Reply("{overall_code: OK, dynamic_metadata: {a: {b: [1, x]}}}"),)),
    limited(
        "metadata_of_a_namespace",
        replies=(Reply("{overall_code: OVER_LIMIT, dynamic_metadata: {a: true}}"),),
        fields="metadata_namespace: ns",
    ),
    limited("stat_prefix", get("/x"), get("/x"), replies=(OVER, OK), fields="stat_prefix: p"),
    limited("fails", replies=FAILS),
    limited("fails_and_denies", replies=FAILS, fields=DENY),
    limited(
        "fails_with_status",
        replies=FAILS,
        fields="failure_mode_deny: true, status_on_error: {code: 503}",
    ),
    limited(
        "fails_and_denies_some",
        replies=FAILS,
        fields=f"failure_mode_deny_percent: {ALWAYS}",
    ),
    limited(
        "fails_and_denies_none",
        replies=FAILS,
        fields=f"failure_mode_deny: true, failure_mode_deny_percent: {NEVER}",
    ),
    limited("talks_nonsense", replies=(Reply(raw=b"\xff\xff"),), fields=DENY),
    limited("timeout_of_the_service", service=f"{SERVICE}, timeout: 0.1s"),
    limited("is_silent", silent=True, fields=DENY),
    limited(
        "is_away",
        clusters=f"[{{name: $be, hosts: [$up]}}, {{name: $auth, hosts: [$dead], {OPTIONS}}}]",
        fields=DENY,
    ),
    limited("has_no_cluster", clusters="[{name: $be, hosts: [$up]}]"),
    limited(
        "client_goes",
        Write(get("/x")),
        Wait(0.1),
        Drop(),
        Wait(0.1),
        replies=(Reply("{}", pause=0.3),),
    ),
    at_routes("host_alone", "", generic("h")),
    at_routes("host_after_own", generic("a"), generic("h")),
    at_routes("host_included", generic("a"), generic("h"), of_route="vh_rate_limits: INCLUDE"),
    at_routes("host_ignored", "", generic("h"), of_route="vh_rate_limits: IGNORE"),
    at_routes("policy_included", generic("a"), generic("h"), of_route=POLICY.format("INCLUDE")),
    at_routes("policy_ignored", "", generic("h"), of_route=POLICY.format("IGNORE")),
    at_routes("policy_override", "", generic("h"), of_route=POLICY.format("OVERRIDE")),
    at_routes("domain", generic("a"), "", of_route="domain: other"),
    at_routes(
        "limits_of_the_filter_at_a_route",
        generic("a"),
        "",
        of_route=f"rate_limits: [{generic('o')}]",
    ),
    limited("limits_of_the_filter", fields=f"rate_limits: [{generic('f')}]"),
    limited(
        "limits_of_the_filter_alone",
        fields=f"rate_limits: [{generic('f')}]",
        routes=f"[{route(FORWARD)}]",
    ),
)
