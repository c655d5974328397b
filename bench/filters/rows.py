"""The filters and policies that are measured, as Envoy configures them."""

from __future__ import annotations

from dataclasses import dataclass

from bench.proxies.base import Added

#: How many of a filter stand in the chain: what one adds is less than rounds differ by.
COPIES = 10
POLICIES = 1000
_HTTP = "type.googleapis.com/envoy.extensions.filters.http"
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


def _filter(name: str, message: str, fields: str, copies: int = COPIES) -> str:
    config = f'{{ "@type": {_HTTP}.{message}, {fields} }}'
    return "".join(f"{{ name: {name}{n}, typed_config: {config} }}, " for n in range(copies))


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
_BUCKET = "token_bucket: { max_tokens: 1000000000, tokens_per_fill: 1000000, fill_interval: 1s }"
_INLINE = "text_format_source: { inline_string: v }"
_SERVICE = "http_service: { server_uri: { uri: http://a, cluster: upstream, timeout: 1s } }"
_HASHED = """
      lb_policy: RING_HASH"""
_WATCHED = """
      outlier_detection: { consecutive_5xx: 5 }"""

ROWS = (
    _row(
        "header_mutation",
        "sets a header of the request",
        "header_mutation.v3.HeaderMutation",
        "mutations: { request_mutations: [{ append: { header: { key: x-a, value: b } } }] }",
    ),
    _row(
        "rbac",
        "one policy, by a header that is not there",
        "rbac.v3.RBAC",
        f"rules: {{ action: DENY, policies: {{ {_policies(1, 'u')} }} }}",
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
    _row("grpc_stats", "requests that are no gRPC", "grpc_stats.v3.FilterConfig", ""),
    Row("outlier_detection", "a cluster whose host does well", Added(cluster=_WATCHED)),
    Row(
        "ring_hash",
        "a host by the hash of a header",
        Added(cluster=_HASHED, route=", hash_policy: [{ header: { header_name: accept } }]"),
    ),
)
