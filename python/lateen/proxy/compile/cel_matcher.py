"""The matcher of trees that asks an expression of CEL about a request.

Source: xds/type/matcher/v3/cel.proto, http_inputs.proto; what is refused, as in Envoy 1.40.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from lateen.config.support import Fields, whole
from lateen.protos.worker_pb2 import Expression
from lateen.proxy.compile.expressions import compile_tree
from lateen.proxy.compile.match_inputs import Asked

if TYPE_CHECKING:
    from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig as EnvoyExtension
    from xds.core.v3.extension_pb2 import TypedExtensionConfig as XdsExtension
    from xds.type.matcher.v3.cel_pb2 import CelMatcher

    from lateen.proxy.compile.context import CompileContext

    TypedExtensionConfig = XdsExtension | EnvoyExtension

CEL_MATCHER = "xds.type.matcher.v3.CelMatcher"
_ATTRIBUTES = "xds.type.matcher.v3.HttpAttributesCelMatchInput"

SUPPORT = (
    whole(_ATTRIBUTES, category="envoy.matching.http.input"),
    whole(CEL_MATCHER, category="envoy.matching.input_matchers"),
    Fields(
        "xds.type.v3.CelExpression",
        implemented="cel_expr_checked cel_expr_parsed checked_expr parsed_expr",
        rejected={"cel_expr_string": "Envoy takes no text here, either"},
    ),
)


def is_cel_matcher(ctx: CompileContext, source: TypedExtensionConfig) -> bool:
    """Whether a custom matcher is this one."""
    message = ctx.unpack(source.typed_config)
    return message is not None and message.DESCRIPTOR.full_name == CEL_MATCHER


def check_attributes(
    ctx: CompileContext, source: TypedExtensionConfig, at: str, asked: Asked
) -> None:
    """Report an input that is not the attributes of a request."""
    message = ctx.unpack(source.typed_config)
    name = message.DESCRIPTOR.full_name if message else source.name
    if name != _ATTRIBUTES:
        ctx.error(at, f"Unsupported data input type: {name}", f"write {_ATTRIBUTES}")
    elif asked is Asked.CONNECTION:
        ctx.error(at, f"RBAC network filter cannot match '{name}'")
    elif asked is Asked.ROUTE:
        ctx.error(at, f"Route table can only match on request headers, saw {name}")


def compile_cel_matcher(ctx: CompileContext, source: TypedExtensionConfig, at: str) -> Expression:
    """The expression of a matcher that `is_cel_matcher`."""
    expression = cast("CelMatcher", ctx.unpack(source.typed_config)).expr_match
    for kind, tree in (
        ("cel_expr_checked", expression.cel_expr_checked),
        ("cel_expr_parsed", expression.cel_expr_parsed),
        ("checked_expr", expression.checked_expr),
        ("parsed_expr", expression.parsed_expr),
    ):
        if expression.HasField(kind):
            return compile_tree(ctx, tree.expr, f"{at}.expr_match.{kind}.expr")
    ctx.error(f"{at}.expr_match", "failed to create an expression: CEL expression not set.")
    return Expression()
