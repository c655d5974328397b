"""Expressions of CEL whose verdict by `--mode validate` is compared."""

from __future__ import annotations

import json

from tests.interop.cases.access_log import FILE_LOG
from tests.interop.cases.cel_places import INPUT, policy, tree
from tests.interop.cases.rbac import COMMON_INPUTS, rbac
from tests.interop.cel import FORMATTER, Expr, call, const, method, name
from tests.interop.verdicts import ROUTER, Verdict, with_manager

STRINGS = "enable_string_functions: true"


def with_text(title: str, expression: str, config: str = "", differs: str = "") -> Verdict:
    """An expression in a format."""
    formatter = f'{{name: c, typed_config: {{"@type": {FORMATTER}, cel_config: {{{config}}}}}}}'
    text = json.dumps({"a": f"%CEL({expression})%"})
    log = (
        f'[{{name: l, typed_config: {{"@type": {FILE_LOG}, path: /dev/null,'
        f" log_format: {{json_format: {text}, formatters: [{formatter}]}}}}}}]"
    )
    verdict = with_manager(f"cel_{title}", f"access_log: {log}")
    return Verdict(verdict.name, verdict.text, differs)


def with_filter(title: str, config: str, differs: str = "") -> Verdict:
    """An RBAC filter."""
    chain = f"[{{name: rbac, typed_config: {config}}}, {ROUTER[1:]}"
    verdict = with_manager(f"cel_{title}", filters=chain)
    return Verdict(verdict.name, verdict.text, differs)


def with_condition(title: str, condition: Expr, config: str = "", differs: str = "") -> Verdict:
    """A policy."""
    return with_filter(
        f"condition_{title}", rbac(f"rules: {policy(condition, config=config)}"), differs
    )


def with_matcher(title: str, expression: str, differs: str = "") -> Verdict:
    """A matcher of a tree."""
    return with_filter(f"matcher_{title}", rbac(f"matcher: {tree(expression)}"), differs)


TRUE = const(True)
VERDICTS = (
    *(with_text(f"text_{index}", text) for index, text in enumerate((
        "request.path", "1 +", "'a", "1 2", "if", "a.if", "a.in", "a.null", "[1].all(x, x)",
        "x.exists_one(y, true)", "[1].all(x)", "foo(1)", "size(1, 2)", "int()", "'a'.int()",
        "string(1)", "'a'.lowerAscii()", "'abc'.matches('(')", "has(a.b)", "has(a)", "has(a[b])",
        "-!true", "!-1", "- 9223372036854775808", "9223372036854775808", "0x8000000000000000",
        "18446744073709551616u", "1.5u", "1a", "a..b", "f(a,)", "{1}", "(1", "a ? b", "1 = 1",
        "true?false?1:2:3", "rb'x'", "br'x'", r"'\400'", r"b'\u00e9'", "1 // c", "x.?y", "[?a]",
        "a.b{c: 1}", "1<2<3", "1 in [1] in [true]", "(" * 31 + "1" + ")" * 31,
        "(" * 33 + "1" + ")" * 33, "&&".join(["true"] * 40), "!" * 40 + "true",
        "startsWith('a', 'b')", "getHours(duration('1h'))", "5.size()", "dyn(a)", "a.dyn()",
        "request.`path`", "`a`",
    ))),
    with_text("strings", "'a'.lowerAscii()", STRINGS),
    with_text("zone", "request.time.getHours('Europe/Berlin')", "", "time zones have no names"),
    with_text("format", "'%d'.format([1])", STRINGS, "`format` and `strings.quote` are refused"),
    with_text("message", "google.protobuf.Duration{seconds: 1}", "", "messages cannot be made"),
    with_condition("call", call("_==_", name("request.path"), const("/"))),
    with_condition("empty", {}),
    with_condition("unknown", call("foo")),
    with_condition("too_few", call("_==_", TRUE)),
    with_condition("method", method("size", const("a"))),
    with_condition("constant", {"const_expr": {}}),
    with_condition("select", {"select_expr": {"field": "a"}}),
    with_condition("name", {"ident_expr": {}}),
    with_condition("string", call("string", TRUE)),
    with_condition("string_enabled", call("string", TRUE), "enable_string_conversion: true"),
    with_condition("message", {"struct_expr": {"message_name": "M"}}),
    *(
        with_matcher(kind, f"{kind}: {{expr: {json.dumps(TRUE)}}}")
        for kind in ("parsed_expr", "checked_expr", "cel_expr_parsed", "cel_expr_checked")
    ),
    with_matcher("text", "cel_expr_string: 'true'"),
    with_matcher("none", ""),
    with_matcher("empty", "parsed_expr: {}"),
    with_filter(
        "matcher_of_an_address",
        rbac(
            "matcher: "
            + tree(f"parsed_expr: {{expr: {json.dumps(TRUE)}}}").replace(
                INPUT, f"{COMMON_INPUTS}.network.v3.SourceIPInput"
            )
        ),
    ),
)  # fmt: skip
