"""Expressions of CEL: as text and as syntax trees, compiled to what workers evaluate.

Source: Envoy docs, "Attributes"; envoy/config/core/v3/cel.proto; https://github.com/google/cel-spec.
Which functions there are, workers say when they take an expression.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.protos.worker_pb2 import Expression
from lateen.proxy.compile.expressions.lexer import ExpressionError
from lateen.proxy.compile.expressions.parser import parse
from lateen.proxy.compile.expressions.program import Program, ProgramError
from lateen.proxy.compile.expressions.tree import read_tree

if TYPE_CHECKING:
    from envoy.config.core.v3.cel_pb2 import CelExpressionConfig

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.expressions.tree import Expr

_PACKAGES = ("google.api.expr.v1alpha1", "cel.expr")
# Where a parser or a checker found what is in a tree changes nothing in how it is evaluated.
_TREES = """
CheckedExpr Constant Expr Expr.Call Expr.Comprehension Expr.CreateList Expr.CreateStruct
Expr.CreateStruct.Entry Expr.Ident Expr.Select ParsedExpr Reference SourceInfo SourceInfo.Extension
SourceInfo.Extension.Version Type Type.AbstractType Type.FunctionType Type.ListType Type.MapType
"""

SUPPORT: tuple[Fields, ...] = (
    whole("envoy.config.core.v3.CelExpressionConfig"),
    *(whole(f"{package}.{name}") for package in _PACKAGES for name in _TREES.split()),
)


def compile_text(
    ctx: CompileContext,
    text: str,
    at: str,
    config: CelExpressionConfig | None = None,
    *,
    with_node: bool = False,
) -> Expression:
    """An expression as it is written; what is wrong with it is reported with its place.

    Args:
        with_node: it may ask for `xds.node`, as in logs and formats; elsewhere that is missing.
    """
    program = Program(ctx.node if with_node else None)
    try:
        parse(text, program)
        return _with_config(program.finished(), config)
    except (ExpressionError, ProgramError) as error:
        ctx.error(at, f"Not able to parse expression: {error}")
        return Expression()


def compile_tree(
    ctx: CompileContext, expr: Expr, at: str, config: CelExpressionConfig | None = None
) -> Expression:
    """An expression as a syntax tree; it knows nothing of `xds.node`."""
    program = Program(None)
    try:
        read_tree(expr, program)
        return _with_config(program.finished(), config)
    except ProgramError as error:
        ctx.error(at, f"failed to create an expression: {error}")
        return Expression()


def _with_config(expression: Expression, config: CelExpressionConfig | None) -> Expression:
    if config is not None:
        expression.string_conversion = config.enable_string_conversion
        expression.string_concat = config.enable_string_concat
        expression.string_functions = config.enable_string_functions
    return expression
