"""Every place that takes an expression of CEL: policies, matchers, logs, formats, rate limits."""

from __future__ import annotations

import json

from tests.interop.cases.access_log import log
from tests.interop.cases.local_ratelimit import ON, TELL, bucket, descriptor, rate
from tests.interop.cases.local_ratelimit import STATS as LIMIT_STATS
from tests.interop.cases.network_filters import PROXY, STATS, network
from tests.interop.cases.rbac import LOG, override, rbac
from tests.interop.cel import NONE, ONE, TWO, Expr, call, const, header, method, name
from tests.interop.filters import filtered, route
from tests.interop.model import Case, Differs, Receive, Step, Write
from tests.support.client import get
from tests.support.upstream import Echo, tcp

FILTER = "type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter"
MATCHER = "type.googleapis.com/xds.type.matcher.v3.CelMatcher"
INPUT = "type.googleapis.com/xds.type.matcher.v3.HttpAttributesCelMatchInput"
DESCRIPTOR = "type.googleapis.com/envoy.extensions.rate_limit_descriptors.expr.v3.Descriptor"
ACTION = "type.googleapis.com/envoy.config.rbac.v3.Action"

IS_ONE = call("_==_", header("x-a"), const("one"))
NO_HEADER = header("x-none")
IS_GET = call("_==_", name("request.method"), const("GET"))
AMONG = {"list_expr": {"elements": [const("/a"), const("/a/b")]}}


def policy(
    condition: Expr | None = None,
    checked: Expr | None = None,
    config: str = "",
    action: str = "ALLOW",
) -> str:
    """Rules of one policy with a condition."""
    fields = "permissions: [{any: true}], principals: [{any: true}]"
    if condition is not None:
        fields += f", condition: {json.dumps(condition)}"
    if checked is not None:
        fields += f", checked_condition: {{expr: {json.dumps(checked)}}}"
    if config:
        fields += f", cel_config: {{{config}}}"
    return f"{{action: {action}, policies: {{p1: {{{fields}}}}}}}"


def judged(title: str, fields: str, *steps: Step | bytes, **more: object) -> Case:
    """Requests through an RBAC filter."""
    steps = steps or (ONE, TWO, NONE)
    return filtered(f"cel_rbac_{title}", rbac(fields), *steps, log=LOG, **more)  # type: ignore[arg-type]


def tree(expression: str, action: str = "ALLOW") -> str:
    """A matcher tree of one expression."""
    decided = f'{{"@type": {ACTION}, name: n1, action: {action}}}'
    return (
        "{matcher_list: {matchers: [{predicate: {single_predicate:"
        f' {{input: {{name: i, typed_config: {{"@type": {INPUT}}}}}, custom_match: {{name: c,'
        f' typed_config: {{"@type": {MATCHER}, expr_match: {{{expression}}}}}}}}}}},'
        f" on_match: {{action: {{name: a, typed_config: {decided}}}}}}}]}}}}"
    )


def logged(title: str, expression: str, config: str = "") -> Case:
    """Requests of which a log filter chooses some."""
    functions = f", cel_config: {{{config}}}" if config else ""
    chosen = (
        "{extension_filter: {name: c, typed_config:"
        f' {{"@type": {FILTER}, expression: {json.dumps(expression)}{functions}}}}}}}'
    )
    text = 'log_format: {text_format_source: {inline_string: "%REQ(:PATH)% %RESPONSE_CODE%\\n"}}'
    return Case(
        f"cel_log_{title}",
        (get("/ok"), get("/direct", headers="X-A: one\r\n"), get("/down"), get("/none/x")),
        hcm=log(text, filtered=chosen),
        virtual_hosts="""
- name: vh
  domains: ["*"]
  routes:
  - {match: {path: /direct}, direct_response: {status: 403}}
  - {match: {prefix: /down}, route: {cluster: $down}}
  - {match: {prefix: /ok}, route: {cluster: $be}}
""",
        clusters="[{name: $be, hosts: [$up]}, {name: $down, hosts: [$dead]}]",
        stats="",
    )


def limited(title: str, expression: str, value: str, *steps: bytes, more: str = "") -> Case:
    """Requests whose descriptor an expression makes; the bucket of `value` has one token."""
    action = (
        f'{{extension: {{name: e, typed_config: {{"@type": {DESCRIPTOR}, descriptor_key: k,'
        f" {expression}{more}}}}}}}"
    )
    fields = (
        f"{ON}, {bucket(50)}, {TELL}, descriptors: [{descriptor(('k', value))}],"
        f" rate_limits: [{{actions: [{action}]}}]"
    )
    return filtered(f"cel_limit_{title}", rate(fields), *(steps or (ONE, ONE, NONE)),
                    stats=LIMIT_STATS)  # fmt: skip


def connected(title: str, condition: Expr) -> Case:
    """A connection that a network filter judges by an expression."""
    rules = policy(condition)
    judge = network("rbac", "rbac.v3.RBAC", f"stat_prefix: $n, rules: {rules}")
    return Case(
        f"cel_network_{title}", (Write(b"hello"), Receive(5, within=0.3)), stats=STATS,
        upstreams={"up": tcp(Echo())},
        listener=f"filter_chains: [{{filters: [{judge}, {PROXY}]}}]",
    )  # fmt: skip


def headed(title: str, *formats: str, **more: str) -> Case:
    """A request whose response has headers with what formats make."""
    headers = ", ".join(
        f"{{header: {{key: x-{index}, value: {json.dumps(text)}}}}}"
        for index, text in enumerate(formats)
    )
    action = f"route: {{cluster: $be}}, response_headers_to_add: [{headers}]"
    return Case(f"cel_header_{title}", (ONE,), routes=f"[{route(action)}]", stats="", **more)


NEVER_CHECKED = Differs(
    "Lateen holds a policy to its checked_condition; Envoy 1.40 does not look at it", (403,)
)

CASES = (
    judged("condition", f"rules: {policy(IS_ONE)}"),
    judged("condition_denies", f"rules: {policy(IS_ONE, action='DENY')}"),
    judged("condition_logs", f"rules: {policy(IS_ONE, action='LOG')}"),
    judged("condition_of_shadow_rules", f"shadow_rules: {policy(IS_ONE)}"),
    judged("condition_is_no_bool", f"rules: {policy(name('request.path'))}"),
    judged("condition_has_an_error", f"rules: {policy(name('request.nothing'))}"),
    judged(
        "condition_with_an_error_denies",
        f"rules: {policy(call('_==_', name('request.nothing'), const('a')), action='DENY')}",
    ),
    judged(
        "condition_of_both",
        f"rules: {policy(call('_&&_', IS_GET, call('_||_', IS_ONE, name('request.nope'))))}",
    ),
    judged(
        "condition_with_methods",
        f"rules: {policy(method('startsWith', name('request.path'), const('/a')))}",
    ),
    judged(
        "condition_in_a_list",
        f"rules: {policy(call('@in', name('request.url_path'), AMONG))}",
    ),
    judged(
        "condition_by_source",
        f"rules: {policy(method('startsWith', name('source.address'), const('127.0.0.1:')))}",
    ),
    judged("condition_asks_for_the_node", f"rules: {policy(name('xds.node.id'))}"),
    judged(
        "condition_with_conversion",
        "rules: "
        + policy(
            call("_==_", call("string", name("destination.port")), const("x")),
            config="enable_string_conversion: true",
            action="DENY",
        ),
    ),
    judged(
        "checked_condition",
        f"rules: {policy(checked=const(False))}",
        ONE,
        differs=NEVER_CHECKED,
    ),
    judged("checked_condition_besides", f"rules: {policy(IS_ONE, const(False))}"),
    judged(
        "condition_at_a_route",
        f"rules: {policy(const(False))}",
        routes=f"[{route(rbac=override(f'rbac: {{rules: {policy(IS_ONE)}}}'))}]",
    ),
    judged(
        "per_rule_stats", f"rules: {policy(IS_ONE)}, track_per_rule_stats: true"
    ),
    *(
        judged(f"matcher_{kind}", f"matcher: {tree(f'{kind}: {{expr: {json.dumps(IS_ONE)}}}')}")
        for kind in ("cel_expr_parsed", "cel_expr_checked", "parsed_expr", "checked_expr")
    ),
    judged(
        "matcher_denies",
        f"matcher: {tree(f'parsed_expr: {{expr: {json.dumps(IS_ONE)}}}', 'DENY')}",
    ),
    judged(
        "matcher_error",
        f"shadow_matcher: {tree(f'parsed_expr: {{expr: {json.dumps(NO_HEADER)}}}')}",
    ),
    logged("code", "response.code >= 400"),
    logged("code_details", "response.code_details == 'direct_response'"),
    logged("flags", "response.flags != 0"),
    logged("header", "request.headers['x-a'] == 'one'"),
    logged("negated_header", "!('x-a' in request.headers)"),
    logged("route", "xds.cluster_name != ''"),
    logged("no_bool", "response.code"),
    logged("conversion", "string(response.code).startsWith('4')", "enable_string_conversion: true"),
    limited("text", "text: 'request.method'", "GET"),
    limited("header", "text: \"request.headers['x-a']\"", "one"),
    limited("error", "text: \"request.headers['x-a']\"", "one", NONE, NONE),
    limited(
        "error_skipped", "text: \"request.headers['x-a']\"", "one", NONE, ONE, ONE,
        more=", skip_if_error: true",
    ),
    limited("number", "text: 'size(request.method)'", "3"),
    limited("bool", "text: \"request.url_path == '/a/b'\"", "true", ONE, ONE, NONE),
    limited("double", "text: '1.0 / 3.0'", "0.333333"),
    limited("list", "text: '[1]'", "CelList value"),
    limited("parsed", f"parsed: {json.dumps(name('request.method'))}", "GET"),
    connected("allows", method("startsWith", name("source.address"), const("127.0.0.1:"))),
    connected("denies", method("startsWith", name("source.address"), const("10."))),
    connected("has_no_request", name("request.path")),
    connected("has_no_headers", call("_==_", call("size", name("request.headers")), const(0))),
    headed(
        "values",
        "%CEL(request.method)%", "a%CEL(request.nope)%b", "%CEL(request.path):3%",
        "%TYPED_CEL(request.method)%", "%TYPED_CEL([1])%", "%CEL(size('a)b'))%",
        "%CEL(5 % 3)%", "%CEL('%')%", "%TYPED_CEL('abcdef'):3%", "%CEL(123456):3%",
        "%CEL(null)%", "%TYPED_CEL(null)%", "%CEL('abc'):0%",
    ),
    headed("response", "%CEL(response.code)%", "%CEL(response.headers['content-length'])%"),
)  # fmt: skip
