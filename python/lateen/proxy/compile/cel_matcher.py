"""The matcher of trees that asks an expression of CEL about a request.

Source: xds/type/matcher/v3/cel.proto, http_inputs.proto; what is refused, as in Envoy 1.40.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from lateen.config.support import Fields, whole
from lateen.protos.worker_pb2 import Expression
from lateen.proxy.compile.expressions import compile_tree

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from xds.core.v3.extension_pb2 import TypedExtensionConfig
    from xds.type.matcher.v3.cel_pb2 import CelMatcher

    from lateen.proxy.compile.context import CompileContext

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


def check_attributes(
    ctx: CompileContext, source: TypedExtensionConfig, at: str, *, requests: bool
) -> None:
    """Report an input that is not the attributes of a request."""
    message = ctx.unpack(source.typed_config)
    name = message.DESCRIPTOR.full_name if message else source.name
    if name != _ATTRIBUTES:
        ctx.error(at, f"Unsupported data input type: {name}", f"write {_ATTRIBUTES}")
    elif not requests:
        ctx.error(at, f"RBAC network filter cannot match '{name}'")


def compile_cel_matcher(ctx: CompileContext, message: Message, at: str) -> Expression:
    """The expression of a matcher."""
    source = cast("CelMatcher", message).expr_match
    for kind, tree in (
        ("cel_expr_checked", source.cel_expr_checked),
        ("cel_expr_parsed", source.cel_expr_parsed),
        ("checked_expr", source.checked_expr),
        ("parsed_expr", source.parsed_expr),
    ):
        if source.HasField(kind):
            return compile_tree(ctx, tree.expr, f"{at}.expr_match.{kind}.expr")
    ctx.error(f"{at}.expr_match", "failed to create an expression: CEL expression not set.")
    return Expression()
