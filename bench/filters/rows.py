"""The filters and policies that are measured, as Envoy configures them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.proxies.base import Added

#: How many of a filter stand in the chain: what one adds is less than rounds differ by.
COPIES = 10
POLICIES = 1000
_TYPES = "type.googleapis.com"
_HTTP = f"{_TYPES}/envoy.extensions.filters.http"
_PERCENT = "{ default_value: { numerator: 100 } }"


@dataclass(frozen=True)
class Row:
    """One filter or policy: what it adds to the configuration, and how many times."""

    name: str
    title: str
    added: Added
    copies: int = 1
    #: The most that it may add, as a share of what it adds in Envoy.
    limit: float = 1.0
    #: The same for Envoy, where it has another filter for it; None: `added`.
    envoy: Added | None = None
    #: Headers of every request, `Name: value`.
    sent: tuple[str, ...] = ()


def _filter(name: str, message: str, fields: str, copies: int = COPIES) -> str:
    config = f'{{ "@type": {_HTTP}.{message}, {fields} }}'
    return "".join(f"{{ name: {name}{n}, typed_config: {config} }}, " for n in range(copies))


def _python() -> Row:
    file = Path(__file__).with_name("header.py")
    ours = (
        f'{{ "@type": {_TYPES}/lateen.filters.http.python.v1.Python, file: {file}, name: header }}'
    )
    code = 'function envoy_on_request(h) h:headers():replace("x-a", "b") end'
    theirs = f"default_source_code: {{ inline_string: '{code}' }}"
    return Row(
        "python",
        "sets a header of the request in Python (Envoy: in Lua)",
        Added(filters="".join(f"{{ name: p{n}, typed_config: {ours} }}, " for n in range(COPIES))),
        COPIES,
        envoy=Added(filters=_filter("l", "lua.v3.Lua", theirs)),
    )


def _row(name: str, title: str, message: str, fields: str, route: str = "") -> Row:
    return Row(name, title, Added(filters=_filter(name, message, fields), route=route), COPIES)


def _policies(count: int, value: str) -> str:
    """So many policies of rbac, each for another value of a header."""
    policy = (
        "{{ permissions: [{{ any: true }}], principals: [{{ header: {{ name: x-user, {} }} }}] }}"
    )
    each = (policy.format(f"string_match: {{ exact: {value}{n} }}") for n in range(count))
    return ", ".join(f"p{n}: {one}" for n, one in enumerate(each))


PLAIN = Row("plain", "nothing but the router", Added())
_ANY = "permissions: [{ any: true }], principals: [{ any: true }]"
# request.headers["x-user"] == "u"
_HEADERS = "{ select_expr: { operand: { ident_expr: { name: request } }, field: headers } }"
_USER = (
    f"{{ call_expr: {{ function: '_[_]', args: [{_HEADERS},"
    " { const_expr: { string_value: x-user } }] } }"
)
_EQUAL = "{ call_expr: { function: _==_, args: [%s, { const_expr: { string_value: u } }] } }"
_CONDITION = _EQUAL % _USER
_BUCKET = "token_bucket: { max_tokens: 1000000000, tokens_per_fill: 1000000, fill_interval: 1s }"
# The token and key of RFC 7515, appendix A.2. Its time was over in 2011: so much skew is allowed.
_TOKEN = (
    "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNv"
    "bS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm"
    "4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6x"
    "BArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ"
    "1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
)
_N = (
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4"
    "d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5re"
    "xMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxX"
    "FvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
)
_KEYS = f'{{ "keys": [{{ "kty": "RSA", "n": "{_N}", "e": "AQAB" }}] }}'
_PROVIDER = (
    f"issuer: joe, clock_skew_seconds: 4294967295, local_jwks: {{ inline_string: '{_KEYS}' }}"
)
_INLINE = "text_format_source: { inline_string: v }"
_SERVICE = "http_service: { server_uri: { uri: http://a, cluster: upstream, timeout: 1s } }"
_GRPC = "transport_api_version: V3, grpc_service: { envoy_grpc: { cluster_name: service } }"
_LIMITED = ", rate_limits: [{ actions: [{ generic_key: { descriptor_value: all } }] }]"
_HASHED = """
      lb_policy: RING_HASH"""
_WATCHED = """
      outlier_detection: { consecutive_5xx: 5 }"""
_TO_SERVICE = "grpc_service: { envoy_grpc: { cluster_name: service }, timeout: 5s }"
_OTLP = "type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig"
_TRACED = f"""
                tracing:
                  provider: {{ name: t, typed_config: {{ "@type": {_OTLP}, {_TO_SERVICE} }} }}"""
_ALS = "type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig"
_LOGGED = (
    f'{{ name: als, typed_config: {{ "@type": {_ALS}, common_config: {{ log_name: bench, '
    f"transport_api_version: V3, {_TO_SERVICE} }} }} }}"
)

_MUTATION = (
    f'{{ "@type": {_HTTP}.header_mutation.v3.HeaderMutation, mutations: {{ request_mutations: '
    "[{ append: { header: { key: x-a, value: b } } }] } }"
)
_TREE = (
    'matcher_tree: { input: { name: i, typed_config: { "@type": '
    f"{_TYPES}/envoy.type.matcher.v3.HttpRequestHeaderMatchInput, header_name: x-user }} }},"
    " exact_match_map: { map: { u: { action: { name: a, typed_config: %s } } } } }"
)
_EXECUTE = (
    f'{{ "@type": {_HTTP}.composite.v3.ExecuteFilterAction, '
    f"typed_config: {{ name: m, typed_config: {_MUTATION} }} }}"
)
_SKIP = f'{{ "@type": {_TYPES}/envoy.extensions.filters.common.matcher.action.v3.SkipFilter }}'
_CHOOSING = f"{_TYPES}/envoy.extensions.common.matching.v3.ExtensionWithMatcher"


def _choosing(filter_: str, action: str) -> Added:
    """Filters of which a tree decides by a header that every request has."""
    extension = f"{{ name: f, typed_config: {filter_} }}"
    fields = f"xds_matcher: {{ {_TREE % action} }}, extension_config: {extension}"
    config = f'{{ "@type": {_CHOOSING}, {fields} }}'
    chain = (f"{{ name: c{n}, typed_config: {config} }}, " for n in range(COPIES))
    return Added(filters="".join(chain))


ROWS = (
    _row(
        "header_mutation",
        "sets a header of the request",
        "header_mutation.v3.HeaderMutation",
        "mutations: { request_mutations: [{ append: { header: { key: x-a, value: b } } }] }",
    ),
    _python(),
    Row(
        "composite",
        "a header decides for a filter that sets another",
        _choosing(f'{{ "@type": {_HTTP}.composite.v3.Composite }}', _EXECUTE),
        COPIES,
        sent=("x-user: u",),
    ),
    Row(
        "match_delegate",
        "a header decides against such a filter",
        _choosing(_MUTATION, _SKIP),
        COPIES,
        sent=("x-user: u",),
    ),
    _row(
        "rbac",
        "one policy, by a header that is not there",
        "rbac.v3.RBAC",
        f"rules: {{ action: DENY, policies: {{ {_policies(1, 'u')} }} }}",
    ),
    _row(
        "rbac-cel",
        "one policy with a condition in CEL, by a header that is not there",
        "rbac.v3.RBAC",
        f"rules: {{ action: DENY, policies: {{ p: {{ {_ANY}, condition: {_CONDITION} }} }} }}",
    ),
    Row(
        "rbac-1000",
        f"{POLICIES:,} policies, none of which applies",
        Added(
            filters=_filter(
                "rbac",
                "rbac.v3.RBAC",
                f"rules: {{ action: DENY, policies: {{ {_policies(POLICIES, 'u')} }} }}",
                1,
            )
        ),
        limit=0.5,
    ),
    _row(
        "local_ratelimit",
        "a bucket that is never empty",
        "local_ratelimit.v3.LocalRateLimit",
        f"stat_prefix: l, {_BUCKET}, filter_enabled: {_PERCENT}, filter_enforced: {_PERCENT}",
    ),
    _row(
        "fault",
        "aborts none of the requests",
        "fault.v3.HTTPFault",
        "abort: { http_status: 503, percentage: { numerator: 0 } }",
    ),
    Row(
        "ext_authz",
        "asks the upstream whether a request may pass",
        Added(filters=_filter("ext_authz", "ext_authz.v3.ExtAuthz", _SERVICE, 1)),
    ),
    Row(
        "ext_authz-grpc",
        "asks a gRPC service whether a request may pass",
        Added(filters=_filter("ext_authz", "ext_authz.v3.ExtAuthz", _GRPC, 1)),
    ),
    Row(
        "ratelimit",
        "asks a gRPC service with one descriptor",
        Added(
            filters=_filter(
                "ratelimit",
                "ratelimit.v3.RateLimit",
                f"domain: d, rate_limit_service: {{ {_GRPC} }}",
                1,
            ),
            route=_LIMITED,
        ),
    ),
    _row(
        "health_check",
        "requests that are no health checks",
        "health_check.v3.HealthCheck",
        "pass_through_mode: false, headers: [{ name: ':path', string_match: { exact: /healthz } }]",
    ),
    _row("cors", "requests without an origin", "cors.v3.Cors", ""),
    _row("csrf", "GET, which it lets pass", "csrf.v3.CsrfPolicy", f"filter_enabled: {_PERCENT}"),
    _row("buffer", "requests without a body", "buffer.v3.Buffer", "max_request_bytes: 1024"),
    _row(
        "header_to_metadata",
        "a value where the header is missing",
        "header_to_metadata.v3.Config",
        "request_rules: [{ header: x-a, on_header_missing: "
        "{ metadata_namespace: m, key: k, value: v } }]",
    ),
    _row(
        "set_metadata",
        "one value",
        "set_metadata.v3.Config",
        "metadata: [{ metadata_namespace: m, value: { k: v } }]",
    ),
    _row(
        "set_filter_state",
        "one text",
        "set_filter_state.v3.Config",
        "on_request_headers: [{ object_key: k, factory_key: envoy.string, "
        f"format_string: {{ {_INLINE} }} }}]",
    ),
    Row(
        "jwt_authn",
        "verifies a token (RS256)",
        Added(
            filters=_filter(
                "jwt_authn",
                "jwt_authn.v3.JwtAuthentication",
                f"providers: {{ p: {{ {_PROVIDER} }} }}, "
                "rules: [{ match: { prefix: / }, requires: { provider_name: p } }]",
                1,
            )
        ),
        limit=0.5,
        sent=(f"Authorization: Bearer {_TOKEN}",),
    ),
    _row("grpc_stats", "requests that are no gRPC", "grpc_stats.v3.FilterConfig", ""),
    Row("outlier_detection", "a cluster whose host does well", Added(cluster=_WATCHED)),
    Row(
        "ring_hash",
        "a host by the hash of a header",
        Added(cluster=_HASHED, route=", hash_policy: [{ header: { header_name: accept } }]"),
    ),
    Row("tracing-otlp", "a span of each request, to a collector", Added(manager=_TRACED)),
    Row("als-grpc", "an entry of each request, to a service", Added(access_log=_LOGGED)),
)
