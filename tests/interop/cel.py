"""What cases of CEL have in common: syntax trees, and logs of what expressions come to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from tests.interop.cases.access_log import log
from tests.support.client import get

# A syntax tree as the API has it.
Expr = Mapping[str, object]

FORMATTER = "type.googleapis.com/envoy.extensions.formatter.cel.v3.Cel"
ALL = "enable_string_conversion: true, enable_string_concat: true, enable_string_functions: true"
ONE = get("/a/b?x=1&y=2", headers="X-A: one\r\nUser-Agent: ua\r\nReferer: ref\r\n")
TWO = get("/a/b", headers="X-A: one\r\nX-A: two\r\n")
NONE = get("/none")


def const(value: bool | int | str) -> Expr:
    """A constant."""
    kinds = {bool: "bool_value", int: "int64_value", str: "string_value"}
    return {"const_expr": {kinds[type(value)]: value}}


def name(path: str) -> Expr:
    """An identifier with fields, as `request.path`."""
    first, *fields = path.split(".")
    expr: Expr = {"ident_expr": {"name": first}}
    for field in fields:
        expr = {"select_expr": {"operand": expr, "field": field}}
    return expr


def call(function: str, *arguments: Expr) -> Expr:
    """A call of a function or an operator."""
    return {"call_expr": {"function": function, "args": list(arguments)}}


def method(function: str, target: Expr, *arguments: Expr) -> Expr:
    """A call whose first argument stands before it."""
    return {"call_expr": {"target": target, "function": function, "args": list(arguments)}}


def header(key: str) -> Expr:
    """A header of the request."""
    return call("_[_]", name("request.headers"), const(key))


def printed(expressions: Sequence[str], config: str = "", command: str = "CEL") -> str:
    """The log of a connection manager with what each expression comes to."""
    lines = {f"{index:02}": f"%{command}({each})%" for index, each in enumerate(expressions)}
    functions = f", cel_config: {{{config}}}" if config else ""
    formatter = f'{{name: c, typed_config: {{"@type": {FORMATTER}{functions}}}}}'
    return log(f"log_format: {{json_format: {json.dumps(lines)}, formatters: [{formatter}]}}")
