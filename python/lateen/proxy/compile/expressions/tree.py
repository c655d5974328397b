"""Reading the syntax tree of a CEL expression.

Source: google/api/expr/v1alpha1/syntax.proto and cel/expr/syntax.proto, which are alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.protos.worker_pb2 import ExpressionNode
from lateen.proxy.compile.expressions.program import Program, ProgramError

if TYPE_CHECKING:
    from cel.expr import syntax_pb2 as cel
    from google.api.expr.v1alpha1 import syntax_pb2 as alpha

    Expr = alpha.Expr | cel.Expr
    Constant = alpha.Constant | cel.Constant

_FIELDS = {
    "bool_value": "boolean",
    "int64_value": "integer",
    "uint64_value": "unsigned",
    "double_value": "double",
    "string_value": "text",
    "bytes_value": "data",
}
_EMPTY = "Invalid empty expression"
_NANOSECONDS = 1_000_000_000
_RANGE_NS = range(-(2**63), 2**63)


def read_tree(expr: Expr, program: Program) -> int:
    """Put the nodes of a tree into `program`; the place of its root.

    Raises:
        ProgramError: the tree is not whole, or something in it is not evaluated.
    """
    kind = expr.WhichOneof("expr_kind")
    if kind == "const_expr":
        return _constant(expr.const_expr, program)
    if kind == "ident_expr":
        if not expr.ident_expr.name:
            raise ProgramError("Invalid expression: identifier 'name' must not be empty")
        return program.name(expr.ident_expr.name.removeprefix("."))
    if kind == "select_expr":
        return _select(expr.select_expr, program)
    if kind == "call_expr":
        return _call(expr.call_expr, program)
    if kind == "list_expr":
        if expr.list_expr.optional_indices:
            raise ProgramError("optional elements are not implemented")
        return program.list([read_tree(item, program) for item in expr.list_expr.elements])
    if kind == "struct_expr":
        return _map(expr.struct_expr, program)
    if kind == "comprehension_expr":
        raise ProgramError("Comprehension support is disabled")
    raise ProgramError(_EMPTY)


def _select(select: alpha.Expr.Select | cel.Expr.Select, program: Program) -> int:
    if not select.HasField("operand"):
        raise ProgramError("invalid expression: select must specify an operand")
    operand = read_tree(select.operand, program)
    return program.select(operand, select.field, presence=select.test_only)


def _call(call: alpha.Expr.Call | cel.Expr.Call, program: Program) -> int:
    method = call.HasField("target")
    arguments = [read_tree(call.target, program)] if method else []
    arguments += [read_tree(argument, program) for argument in call.args]
    return program.call(call.function, arguments, method=method)


def _map(struct: alpha.Expr.CreateStruct | cel.Expr.CreateStruct, program: Program) -> int:
    if struct.message_name:
        raise ProgramError("messages are not implemented")
    items: list[int] = []
    for entry in struct.entries:
        if entry.WhichOneof("key_kind") != "map_key" or entry.optional_entry:
            raise ProgramError("an entry of a map has a key")
        items += (read_tree(entry.map_key, program), read_tree(entry.value, program))
    return program.map(items)


def _constant(constant: Constant, program: Program) -> int:
    kind = constant.WhichOneof("constant_kind")
    if kind == "null_value":
        return program.null()
    if kind in _FIELDS:
        node = ExpressionNode()
        setattr(node, _FIELDS[kind], getattr(constant, kind))
        return program.add(node)
    if kind == "duration_value":
        duration = constant.duration_value
        nanoseconds = _in_range(duration.seconds * _NANOSECONDS + duration.nanos)
        return program.add(ExpressionNode(duration_ns=nanoseconds))
    if kind == "timestamp_value":
        timestamp = constant.timestamp_value
        nanoseconds = _in_range(timestamp.seconds * _NANOSECONDS + timestamp.nanos)
        return program.add(ExpressionNode(timestamp_ns=nanoseconds))
    raise ProgramError("unspecified constant")


def _in_range(nanoseconds: int) -> int:
    if nanoseconds not in _RANGE_NS:
        raise ProgramError("a constant is further from 1970 than 292 years, or longer")
    return nanoseconds
