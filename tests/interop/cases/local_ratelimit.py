"""The local rate limit filter: buckets, descriptors and what they are made of, headers, routes."""

from __future__ import annotations

from tests.interop.filters import FORWARD, filtered, grpc_call, route, typed
from tests.interop.model import Case, End, Read, Step, Write
from tests.support.client import get

# So long that no token comes while a case runs; how long it is until then is no matter.
FILL = "tokens_per_fill: 1, fill_interval: 600s"
STATS = r"^(http|cluster|listener|vhost)\.|http_local_rate_limit"
ALWAYS = "{default_value: {numerator: 100}}"
NEVER = "{default_value: {numerator: 0}}"
TELL = "enable_x_ratelimit_headers: DRAFT_VERSION_03"
ON = f"filter_enabled: {ALWAYS}, filter_enforced: {ALWAYS}"
TWICE = (get("/x"), get("/x"))


def bucket(tokens: int) -> str:
    """A bucket for all."""
    return f"token_bucket: {{max_tokens: {tokens}, {FILL}}}"


def rate(fields: str) -> str:
    """The filter, or its configuration at a route."""
    return typed("local_ratelimit.v3.LocalRateLimit", f"stat_prefix: $lp, {fields}")


def limited(name: str, fields: str, *steps: Step | bytes, **more: str) -> Case:
    """Requests through the filter."""
    options = {"stats": STATS, **more}
    return filtered(f"local_ratelimit_{name}", rate(fields), *(steps or TWICE), **options)


def descriptor(*entries: tuple[str, str], tokens: int = 1, more: str = "") -> str:
    """A descriptor with a bucket of its own."""
    each = ", ".join(f"{{key: {key}, value: '{value}'}}" for key, value in entries)
    return f"{{entries: [{each}], token_bucket: {{max_tokens: {tokens}, {FILL}}}{more}}}"


def described(
    name: str, actions: str, entries: tuple[tuple[str, str], ...], *steps: bytes, **more: str
) -> Case:
    """Requests that actions describe; the bucket of the descriptor has one token."""
    fields = (
        f"{ON}, {bucket(50)}, {TELL}, descriptors: [{descriptor(*entries)}],"
        f" rate_limits: [{{actions: [{actions}]}}]"
    )
    return limited(name, fields, *(steps or TWICE), **more)


def at_routes(name: str, routes: str, fields: str = "", host: str = "", **more: str) -> Case:
    """Rate limits of routes and virtual hosts."""
    given = f"{ON}, {bucket(50)}, {TELL}, descriptors: [{AB}, {HOST}]"
    hosts = f"[{{name: vh, domains: ['*'], routes: [{routes}]{host}}}]"
    return limited(name, f"{given}, {fields}" if fields else given, virtual_hosts=hosts, **more)


def generic(value: str, key: str = "k", more: str = "") -> str:
    """A rate limit of one generic key."""
    action = f"{{generic_key: {{descriptor_key: {key}, descriptor_value: {value}}}}}"
    return f"{{actions: [{action}]{more}}}"


def if_header(present: str) -> str:
    """The beginning of a rate limit of requests with a header, or without."""
    return (
        "{actions: [{header_value_match: {descriptor_key: k, descriptor_value: a,"
        f" headers: [{{name: x-a, present_match: {present}}}]}}}}]"
    )


AB = descriptor(("k", "a"))
HOST = descriptor(("k", "host"))
BY_K = f"rate_limits: [{generic('a')}]"
K = (("k", "a"),)
HEADER = "request_headers: {header_name: X-A, descriptor_key: k%s}"
QUERY = "query_parameters: {query_parameter_name: a, descriptor_key: k%s}"
OF_HOST = f", rate_limits: [{generic('host')}]"
OWN = f"{FORWARD[:-1]}, {BY_K}}}"
PLENTY = f"{ON}, {bucket(50)}, {TELL}"
OF_FIVE = f"descriptors: [{descriptor(*K, tokens=5)}]"
ADDS_HEADER = (
    "request_headers_to_add_when_not_enforced: [{header: {key: x-over, value: '%PROTOCOL%'}}]"
)
IN_A = get("/x", headers="X-A: a\r\n")
IN_B = get("/x", headers="X-A: b\r\n")

CASES = (
    limited("no_default", f"{ON}, {TELL}"),
    limited("one", f"{ON}, {bucket(1)}"),
    limited("none", f"{ON}, {bucket(0)}, {TELL}"),
    limited("not_enabled", bucket(0)),
    limited("never_enabled", f"filter_enabled: {NEVER}, filter_enforced: {ALWAYS}, {bucket(0)}"),
    limited("not_enforced", f"filter_enabled: {ALWAYS}, {bucket(0)}"),
    limited("never_enforced", f"filter_enabled: {ALWAYS}, filter_enforced: {NEVER}, {bucket(1)},"
            f" {ADDS_HEADER}"),
    limited("status", f"{ON}, {bucket(0)}, status: {{code: 503}}"),
    limited("status_below_400", f"{ON}, {bucket(0)}, status: {{code: 200}}"),
    limited("response_headers", f"{ON}, {bucket(1)}, response_headers_to_add: [{{header:"
            " {key: x-limit, value: 'at %REQ(:PATH)%'}}, {header: {key: x-two, value: b}}]"),
    limited("x_headers", f"{ON}, {bucket(2)}, {TELL}", *(get("/x"),) * 3),
    limited("retry_after", f"{ON}, {bucket(0)}, enable_retry_after_header: true"),
    limited("grpc", f"{ON}, {bucket(0)}", *grpc_call()),
    limited("grpc_resource_exhausted",
            f"{ON}, {bucket(0)}, rate_limited_as_resource_exhausted: true", *grpc_call()),
    limited("per_connection",
            f"{ON}, {bucket(1)}, local_rate_limit_per_downstream_connection: true",
            Write(get("/a")), Read(), Write(get("/b")), Read(), End(), get("/c")),
    limited("shared_by_connections", f"{ON}, {bucket(1)}",
            Write(get("/a")), Read(), End(), get("/c")),
    limited("before_direct_response", f"{ON}, {bucket(1)}, {TELL}",
            routes=f"[{route('direct_response: {status: 200}')}]"),
    limited("without_a_route", f"{ON}, {bucket(1)}, {TELL}", routes="[]"),
    limited("at_a_route", f"{ON}, {bucket(0)}",
            routes=f"[{route(local_ratelimit=rate(f'{ON}, {bucket(1)}, {TELL}'))}]"),
    limited("off_at_a_route", f"{ON}, {bucket(0)}",
            routes=f"[{route(local_ratelimit=rate(bucket(1)))}]"),
    limited("at_a_route_alone", "",
            routes=f"[{route(local_ratelimit=rate(f'{ON}, {bucket(1)}'))}]"),
    described("generic_key", "{generic_key: {descriptor_key: k, descriptor_value: a}}", K),
    described("generic_key_unnamed", "{generic_key: {descriptor_value: a}}",
              (("generic_key", "a"),)),
    described("two_actions", "{generic_key: {descriptor_key: k, descriptor_value: a}},"
              " {remote_address: {}}", (("k", "a"), ("remote_address", "127.0.0.1"))),
    described("request_header", f"{{{HEADER % ''}}}", K, IN_A, IN_B, IN_A, get("/x")),
    described("request_header_optional",
              f"{{{HEADER % ', skip_if_absent: true'}}}, {{generic_key: {{descriptor_value: b}}}}",
              (("generic_key", "b"),), get("/x"), get("/x"), IN_A),
    described("request_header_twice", f"{{{HEADER % ''}}}", K,
              get("/x", headers="X-A: a\r\nX-A: b\r\n"), IN_A),
    described("query_parameter", f"{{{QUERY % ''}}}", K, get("/x?a=a"), get("/x?a=a"), get("/x")),
    described("query_parameter_optional", f"{{{QUERY % ', skip_if_absent: true'}}}", K, get("/x")),
    described("remote_address", "{remote_address: {}}", (("remote_address", "127.0.0.1"),)),
    described("remote_address_forwarded", "{remote_address: {}}", (("remote_address", "10.1.2.3"),),
              *(get("/x", headers="X-Forwarded-For: 10.1.2.3\r\n"),) * 2),
    described("masked_remote_address", "{masked_remote_address: {v4_prefix_mask_len: 8}}",
              (("masked_remote_address", "127.0.0.0/8"),)),
    described("remote_address_match", "{remote_address_match: {descriptor_value: a,"
              " address_matcher: {ranges: [{address_prefix: 127.0.0.0, prefix_len: 8}]}}}",
              (("remote_address_match", "a"),)),
    described("remote_address_no_match", "{remote_address_match: {descriptor_value: a,"
              " address_matcher: {ranges: [{address_prefix: 127.0.0.0, prefix_len: 8}],"
              " invert_match: true}}}", (("remote_address_match", "a"),)),
    described("destination_cluster",
              "{destination_cluster: {}}, {generic_key: {descriptor_value: a}}",
              (("destination_cluster", "$be"), ("generic_key", "a"))),
    described("source_cluster", "{source_cluster: {}}, {generic_key: {descriptor_value: a}}",
              (("source_cluster", ""), ("generic_key", "a"))),
    described("header_value_match", "{header_value_match: {descriptor_value: a, headers:"
              " [{name: x-a, string_match: {exact: a}}]}}", (("header_match", "a"),),
              IN_A, IN_A, IN_B),
    described("header_value_no_match", "{header_value_match: {descriptor_key: k,"
              " descriptor_value: a, expect_match: false,"
              " headers: [{name: x-a, string_match: {exact: a}}]}}", K,
              IN_A, IN_B, IN_B),
    described("query_parameter_value_match", "{query_parameter_value_match: {descriptor_value: a,"
              " query_parameters: [{name: q, string_match: {exact: '1'}}]}}",
              (("query_match", "a"),), get("/x?q=1"), get("/x?q=1"), get("/x?q=2")),
    described("metadata_of_the_route", "{metadata: {descriptor_key: k, source: ROUTE_ENTRY,"
              " metadata_key: {key: f, path: [{key: p}]}}}", K,
              routes="[{match: {prefix: /}, metadata: {filter_metadata: {f: {p: a}}},"
              " route: {cluster: $be}}]"),
    described("metadata_default", "{metadata: {descriptor_key: k, default_value: a,"
              " metadata_key: {key: f, path: [{key: p}]}}}", K),
    described("metadata_absent", "{metadata: {descriptor_key: k,"
              " metadata_key: {key: f, path: [{key: p}]}}}", K),
    described("metadata_optional", "{metadata: {descriptor_key: k, skip_if_absent: true,"
              " metadata_key: {key: f, path: [{key: p}]}}}, {generic_key: {descriptor_value: b}}",
              (("generic_key", "b"),)),
    described("wildcard", f"{{{HEADER % ''}}}", (("k", ""),), IN_A, IN_B, IN_A, IN_B),
    limited("wildcard_of_one", f"{PLENTY}, max_dynamic_descriptors: 1,"
            f" descriptors: [{descriptor(('k', ''))}],"
            f" rate_limits: [{{actions: [{{{HEADER % ''}}}]}}]",
            IN_A, IN_A, IN_B, IN_A),
    limited("shadow", f"{PLENTY}, {BY_K},"
            f" descriptors: [{descriptor(*K, more=', shadow_mode: true')}],"
            f" {ADDS_HEADER}"),
    limited("descriptor_of_none", f"{PLENTY}, {BY_K}, descriptors: [{descriptor(*K, tokens=0)}]"),
    limited("slowest_first", f"{PLENTY}, rate_limits: [{generic('a')},"
            f" {generic('b')}], descriptors: [{descriptor(('k', 'b'), tokens=7)}, {{entries:"
            " [{key: k, value: a}], token_bucket: {max_tokens: 2, tokens_per_fill: 1,"
            " fill_interval: 900s}}]", *(get("/x"),) * 3),
    limited("spares_default", f"{ON}, {bucket(1)}, {TELL}, {BY_K},"
            f" always_consume_default_token_bucket: false, {OF_FIVE}"),
    limited("takes_from_both", f"{ON}, {bucket(1)}, {TELL}, {BY_K},"
            f" {OF_FIVE}"),
    limited("hits", f"{PLENTY}, {OF_FIVE},"
            f" rate_limits: [{generic('a', more=', hits_addend: {number: 3}')}]"),
    limited("hits_of_a_header", f"{PLENTY}, {OF_FIVE},"
            " rate_limits: [" + generic('a', more=", hits_addend: {format: '%REQ(n)%'}") + "]",
            get("/x", headers="N: 4\r\n"), get("/x", headers="N: many\r\n"), get("/x"),
            get("/x", headers="N: 0\r\n")),
    limited("hits_given_back", f"{PLENTY}, {OF_FIVE}, rate_limits:"
            f" [{if_header(present='false')}, hits_addend: {{number: 4}}}},"
            f" {if_header(present='true')}, hits_addend: {{number: 2, is_negative_hits: true}}}}]",
            get("/x"), IN_A, get("/x"), get("/x")),
    limited("headers_off_for_one", f"{PLENTY}, descriptors: [{AB}],"
            " rate_limits: [" + generic("a", more=", x_ratelimit_option: 'OFF'") + "]"),
    limited("headers_on_for_one", f"{ON}, {bucket(50)}, descriptors: [{AB}],"
            " rate_limits: [" + generic("a", more=", x_ratelimit_option: DRAFT_VERSION_03") + "]"),
    at_routes("of_a_route", route(OWN)),
    at_routes("of_a_virtual_host", route(), host=OF_HOST),
    at_routes("of_a_route_in_place_of_the_host", route(OWN), host=OF_HOST),
    at_routes("of_a_route_and_the_host", route(OWN), "vh_rate_limits: INCLUDE", OF_HOST),
    at_routes("of_a_route_that_includes_the_host",
              route(f"{OWN[:-1]}, include_vh_rate_limits: true}}"), "", OF_HOST),
    at_routes("of_no_host", route(), "vh_rate_limits: IGNORE", OF_HOST),
    at_routes("of_another_stage", route(OWN), "stage: 2"),
    at_routes("of_the_stage", route(f"{FORWARD[:-1]}, rate_limits:"
              f" [{generic('a', more=', stage: 2')}]}}"), "stage: 2"),
    at_routes("with_a_disable_key", route(f"{FORWARD[:-1]}, rate_limits:"
              f" [{generic('a', more=', disable_key: key')}]}}")),
)  # fmt: skip
