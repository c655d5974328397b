"""The RBAC filter: every rule, shadow rules, matcher trees, overrides, stats, metadata, gRPC."""

from __future__ import annotations

from dataclasses import replace

from tests.interop.cases.tls_downstream import VALIDATED, asked, tls
from tests.interop.filters import chain, filtered, grpc_call, route, typed
from tests.interop.model import Case, Secure, Step
from tests.support.client import get

LOG = "md=%DYNAMIC_METADATA(envoy.filters.http.rbac)% common=%DYNAMIC_METADATA(envoy.common)%"
NO = "not_rule: {any: true}"
COMMON_INPUTS = "type.googleapis.com/envoy.extensions.matching.common_inputs"
HEADER_INPUT = "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput"


def rules(
    permission: str = "any: true", principal: str = "any: true", action: str = "ALLOW"
) -> str:
    """Rules of one policy."""
    policy = f"{{permissions: [{{{permission}}}], principals: [{{{principal}}}]}}"
    return f"{{action: {action}, policies: {{p1: {policy}}}}}"


def rbac(fields: str) -> str:
    """The filter."""
    return typed("rbac.v3.RBAC", fields)


def override(fields: str) -> str:
    """The filter's configuration at a route."""
    return typed("rbac.v3.RBACPerRoute", fields)


def judged(name: str, fields: str, *steps: Step | bytes, **more: str) -> Case:
    """Requests through the filter."""
    return filtered(f"http_rbac_{name}", rbac(fields), *(steps or (get("/x"),)), log=LOG, **more)


def asks(name: str, *requests: bytes, permission: str = "", principal: str = "") -> Case:
    """One rule, and the requests that it is asked about."""
    rule = rules(permission or "any: true", principal or "any: true")
    return judged(name, f"rules: {rule}", *requests)


def header(matcher: str, name: str = "x-a") -> str:
    """A rule about a header."""
    return f"header: {{name: {name}, {matcher}}}"


def tree(input_: str, value: str, action: str = "ALLOW", name: str = "n1") -> str:
    """A tree of one condition."""
    decided = f'{{"@type": type.googleapis.com/envoy.config.rbac.v3.Action, name: {name}'
    return (
        "{matcher_list: {matchers: [{predicate: {single_predicate:"
        f' {{input: {{name: i, typed_config: {{"@type": {input_}}}}}, value_match: {{{value}}}}}}},'
        f" on_match: {{action: {{name: a, typed_config: {decided}, action: {action}}}}}}}}}]}}}}"
    )


def secured(name: str, fields: str, secure: Secure) -> Case:
    """A request over TLS."""
    return tls(f"http_rbac_{name}", *asked(secure), common=VALIDATED, filters=chain(rbac(fields)))


SHOWN = Secure(certificate="cli", highest="TLSv1_2")
TWICE = get("/x", headers="X-A: one\r\nX-A: two\r\n")
ONCE = get("/x", headers="X-A: one\r\n")
OTHER = get("/x", headers="X-A: other\r\n")
ABSENT = get("/x")
FOUR = (TWICE, ONCE, OTHER, ABSENT)
FROM_AFAR = get("/x", headers="X-Forwarded-For: 10.1.2.3\r\n")
X_A = f"{HEADER_INPUT}, header_name: x-a"
ONE_TREE = tree(X_A, "exact: one")
IS_ONE = header("string_match: {exact: one}")
SHADOW_DENIED = (
    "{filter: envoy.filters.http.rbac, path: [{key: shadow_engine_result}],"
    " value: {string_match: {exact: denied}}}"
)
AFTER_SHADOW = f"rules: {rules(f'metadata: {SHADOW_DENIED}')}"
OF_ROUTE = (
    "sourced_metadata: {metadata_matcher: {filter: f, path: [{key: a}],"
    " value: {string_match: {exact: b}}}, metadata_source: ROUTE}"
)
HOST_OVERRIDE = override(f"rbac: {{rules: {rules()}}}")
ROUTE_OVERRIDE = override(f"rbac: {{rules: {rules(NO)}}}")
GIVEN = rbac(f"rules: {rules(NO)}")

CASES = (
    judged("allowed", f"rules: {rules()}"),
    judged("denied", f"rules: {rules(NO)}"),
    judged("denied_by_policy", f"rules: {rules(action='DENY')}"),
    judged("not_denied", f"rules: {rules(NO, action='DENY')}"),
    judged("logs", f"rules: {rules(IS_ONE, action='LOG')}", *FOUR),
    judged("no_rules", ""),
    judged("no_policies", "rules: {}"),
    judged(
        "spaces_in_a_name",
        "rules: {action: DENY, policies: {'a  b\tc': {permissions: [{any: true}],"
        " principals: [{any: true}]}}}",
    ),
    judged("shadow", f"shadow_rules: {rules(NO)}"),
    judged("shadow_prefix", f"shadow_rules: {rules()}, shadow_rules_stat_prefix: sh_"),
    judged("shadow_prefix_dot", f"shadow_rules: {rules()}, shadow_rules_stat_prefix: sh."),
    judged("shadow_and_rules", f"shadow_rules: {rules()}, rules: {rules(NO)}"),
    judged("rules_prefix", f"rules: {rules()}, rules_stat_prefix: en"),
    judged(
        "per_rule_stats",
        f"rules: {rules(IS_ONE)}, shadow_rules: {rules(action='DENY')}, track_per_rule_stats: true",
        *FOUR,
    ),
    judged(
        "per_rule_stats_prefixes",
        f"rules: {rules(action='DENY')}, rules_stat_prefix: en, shadow_rules: {rules()},"
        " shadow_rules_stat_prefix: sh, track_per_rule_stats: true",
    ),
    judged("denied_grpc", f"rules: {rules(NO)}", *grpc_call()),
    judged(
        "denied_with_body",
        f"rules: {rules(NO)}",
        b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    ),
    asks("header_exact", *FOUR, permission=IS_ONE),
    asks("header_joined", *FOUR, permission=header("string_match: {exact: 'one,two'}")),
    asks("header_prefix", *FOUR, permission=header("string_match: {prefix: tw}")),
    asks("header_regex", *FOUR, permission=header("string_match: {safe_regex: {regex: 't.o'}}")),
    asks(
        "header_inverted",
        *FOUR,
        permission=header("string_match: {exact: one}, invert_match: true"),
    ),
    asks("header_present", *FOUR, permission=header("present_match: true")),
    asks("header_absent", *FOUR, permission=header("present_match: false")),
    asks(
        "header_missing_as_empty",
        *FOUR,
        permission=header("string_match: {exact: ''}, treat_missing_header_as_empty: true"),
    ),
    asks(
        "header_range",
        get("/", headers="X-A: 5\r\n"),
        get("/", headers="X-A: 11\r\n"),
        permission=header("range_match: {start: 1, end: 10}"),
    ),
    asks(
        "header_of_one_value",
        get("/", headers="Accept: a\r\nAccept: b\r\n"),
        get("/", headers="Accept: a\r\n"),
        permission=header("string_match: {exact: a}", "accept"),
    ),
    asks(
        "pseudo_headers",
        get("/x"),
        get("/y"),
        permission=header("string_match: {exact: /x}", "':path'"),
    ),
    asks(
        "method_of_a_principal",
        get("/x"),
        principal=header("string_match: {exact: GET}", "':method'"),
    ),
    asks(
        "host_is_authority",
        get("/x"),
        permission=header("string_match: {exact: example.com}", "host"),
    ),
    asks(
        "url_path",
        get("/x?q=1"),
        get("/x#f"),
        get("/xy"),
        get("/x"),
        permission="url_path: {path: {exact: /x}}",
    ),
    asks(
        "url_path_of_a_principal",
        get("/x?q=1"),
        get("/y"),
        principal="url_path: {path: {prefix: /x}}",
    ),
    asks(
        "destination_ip",
        ABSENT,
        permission="destination_ip: {address_prefix: 127.0.0.0, prefix_len: 8}",
    ),
    asks("destination_port", ABSENT, permission="destination_port: $listener"),
    asks("destination_port_range", ABSENT, permission="destination_port_range: {start: 1, end: 2}"),
    asks("requested_server_name", ABSENT, permission="requested_server_name: {exact: ''}"),
    asks(
        "source_ip",
        FROM_AFAR,
        ABSENT,
        principal="source_ip: {address_prefix: 10.0.0.0, prefix_len: 8}",
    ),
    asks(
        "remote_ip",
        FROM_AFAR,
        ABSENT,
        principal="remote_ip: {address_prefix: 10.0.0.0, prefix_len: 8}",
    ),
    asks(
        "direct_remote_ip",
        FROM_AFAR,
        principal="direct_remote_ip: {address_prefix: 127.0.0.0, prefix_len: 8}",
    ),
    asks("authenticated_without_tls", ABSENT, principal="authenticated: {}"),
    asks(
        "metadata_absent",
        ABSENT,
        permission="metadata: {filter: f, path: [{key: a}], value: {present_match: true}}",
    ),
    asks(
        "metadata_inverted",
        ABSENT,
        permission="metadata: {filter: f, path: [{key: a}],"
        " value: {present_match: true}, invert: true}",
    ),
    asks(
        "any_of",
        *FOUR,
        permission="or_rules: {rules: ["
        f"{{{header('string_match: {exact: other}')}}}, {{{header('present_match: false')}}}]}}",
    ),
    asks(
        "all_of",
        *FOUR,
        permission="and_rules: {rules: ["
        f"{{{IS_ONE}}}, {{{header('string_match: {exact: two}')}}}]}}",
    ),
    asks(
        "principals_all_of",
        ABSENT,
        principal="and_ids: {ids: [{any: true}, {not_id: {any: true}}]}",
    ),
    asks(
        "principals_any_of", ABSENT, principal="or_ids: {ids: [{any: true}, {not_id: {any: true}}]}"
    ),
    judged("metadata_of_another", f"{AFTER_SHADOW}, shadow_rules: {rules(NO)}"),
    filtered(
        "http_rbac_metadata_of_a_filter_before",
        (rbac(f"shadow_rules: {rules(NO)}"), rbac(AFTER_SHADOW)),
        get("/x"),
        log=LOG,
    ),
    judged(
        "metadata_of_the_route",
        f"rules: {rules(OF_ROUTE)}",
        get("/x"),
        get("/y"),
        routes="[{match: {path: /x}, metadata: {filter_metadata: {f: {a: b}}}, route: {cluster:"
        " $be}}, {match: {prefix: /}, route: {cluster: $be}}]",
    ),
    judged(
        "matcher_header",
        "matcher: " + tree(f"{HEADER_INPUT}, header_name: X-A", "exact: 'one,two'"),
        *FOUR,
    ),
    judged(
        "matcher_denies",
        f"matcher: {tree(X_A, 'exact: one', 'DENY')}",
        *FOUR,
    ),
    judged(
        "matcher_logs",
        f"matcher: {tree(X_A, 'exact: one', 'LOG')}",
        *FOUR,
    ),
    judged(
        "matcher_source_ip",
        f"matcher: {tree(COMMON_INPUTS + '.network.v3.SourceIPInput', 'exact: 10.1.2.3')}",
        FROM_AFAR,
        ABSENT,
    ),
    judged(
        "matcher_shadow",
        f"shadow_matcher: {ONE_TREE}",
        *FOUR,
    ),
    judged(
        "matcher_per_rule_stats",
        f"track_per_rule_stats: true, matcher: {ONE_TREE}",
        *FOUR,
    ),
    *(
        replace(
            filtered(
                f"http_rbac_override_{name}",
                GIVEN,
                get("/x"),
                log=LOG,
                routes=f"[{route(rbac=override(fields))}]",
            )
        )
        for name, fields in (
            ("allows", f"rbac: {{rules: {rules()}}}"),
            ("denies", f"rbac: {{rules: {rules(action='DENY')}, rules_stat_prefix: ro}}"),
            ("has_no_rules", "rbac: {}"),
            ("is_empty", ""),
            ("shadow", f"rbac: {{shadow_rules: {rules(NO)}, shadow_rules_stat_prefix: so_}}"),
            ("per_rule_stats", f"rbac: {{rules: {rules()}, track_per_rule_stats: true}}"),
        )
    ),
    filtered(
        "http_rbac_override_of_virtual_host",
        GIVEN,
        get("/x"),
        get("/y"),
        log=LOG,
        virtual_hosts="[{name: vh, domains: ['*'], typed_per_filter_config:"
        f" {{rbac: {HOST_OVERRIDE}}}, routes:"
        f" [{route(match='path: /y', rbac=ROUTE_OVERRIDE)}, {route()}]}}]",
    ),
    filtered("http_rbac_without_route", GIVEN, get("/x"), log=LOG, routes="[]"),
    filtered(
        "http_rbac_before_direct_response",
        GIVEN,
        get("/x"),
        log=LOG,
        routes=f"[{route('direct_response: {status: 200}')}]",
    ),
    secured("authenticated", f"rules: {rules(principal='authenticated: {}')}", SHOWN),
    secured(
        "authenticated_uri",
        f"rules: {rules(principal='authenticated: {principal_name: {exact: spiffe://d.test/x}}')}",
        SHOWN,
    ),
    secured(
        "authenticated_dns",
        f"rules: {rules(principal='authenticated: {principal_name: {exact: c.test}}')}",
        SHOWN,
    ),
    secured(
        "authenticated_other",
        f"rules: {rules(principal='authenticated: {principal_name: {exact: spiffe://d.test/y}}')}",
        SHOWN,
    ),
    secured(
        "authenticated_without_certificate",
        f"rules: {rules(principal='authenticated: {}')}",
        Secure(highest="TLSv1_2"),
    ),
    secured("server_name", f"rules: {rules('requested_server_name: {suffix: .test}')}", SHOWN),
    *(
        secured(
            f"matcher_{name}", f"matcher: {tree(f'{COMMON_INPUTS}.ssl.v3.{kind}', value)}", SHOWN
        )
        for name, kind, value in (
            ("uri_san", "UriSanInput", "exact: spiffe://d.test/x"),
            ("dns_san", "DnsSanInput", "exact: c.test"),
            ("subject", "SubjectInput", "prefix: CN="),
        )
    ),
)
