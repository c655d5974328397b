"""URI templates: `/api/{version}/**`, for matching and for rewriting a path.

Source: envoy/extensions/path/{match,rewrite}/uri_template/v3. The workers check the templates.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lateen.config.support import Fields

if TYPE_CHECKING:
    from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
    from envoy.extensions.path.match.uri_template.v3.uri_template_match_pb2 import (
        UriTemplateMatchConfig,
    )
    from envoy.extensions.path.rewrite.uri_template.v3.uri_template_rewrite_pb2 import (
        UriTemplateRewriteConfig,
    )

    from lateen.proxy.compile.context import CompileContext

SUPPORT = (
    Fields(
        "envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig",
        implemented="path_template",
        category="envoy.path.match",
    ),
    Fields(
        "envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig",
        implemented="path_template_rewrite",
        category="envoy.path.rewrite",
    ),
)

_MATCH = "envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig"
_REWRITE = "envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig"
_VARIABLE = re.compile(r"\{([A-Za-z][A-Za-z0-9_]*)")


def compile_match_policy(ctx: CompileContext, config: TypedExtensionConfig, at: str) -> str:
    """The template of a path_match_policy."""
    message = ctx.unpack(config.typed_config)
    if message is None or message.DESCRIPTOR.full_name != _MATCH:
        return ""
    match: UriTemplateMatchConfig = message  # type: ignore[assignment]
    return match.path_template


def compile_rewrite_policy(
    ctx: CompileContext, config: TypedExtensionConfig, match_template: str, at: str
) -> str:
    """The template of a path_rewrite_policy; its variables must be those of the match."""
    message = ctx.unpack(config.typed_config)
    if message is None or message.DESCRIPTOR.full_name != _REWRITE:
        return ""
    rewrite: UriTemplateRewriteConfig = message  # type: ignore[assignment]
    template = rewrite.path_template_rewrite
    if not match_template:
        ctx.error(
            at,
            "unable to use envoy.path.rewrite.uri_template.uri_template_rewriter extension without"
            " envoy.path.match.uri_template.uri_template_matcher extension",
        )
    elif not set(_VARIABLE.findall(template)) <= set(_VARIABLE.findall(match_template)):
        ctx.error(
            at,
            f"mismatch between variables in path_match_policy {match_template} and"
            f" path_rewrite_policy {template}",
        )
    return template
