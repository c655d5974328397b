"""envoy.filters.http.rbac

Source: envoy/extensions/filters/http/rbac/v3/rbac.proto; names of stats as in Envoy 1.40.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import whole
from lateen.protos.worker_pb2 import FilterOverride, HttpFilter, RbacConfig, RbacFilter
from lateen.proxy.compile.rbac import compile_filter_rules
from lateen.proxy.compile.registry import HttpExtension, Override
from lateen.proxy.compile.stats_blocks import BlockKind

if TYPE_CHECKING:
    from envoy.extensions.filters.http.rbac.v3.rbac_pb2 import RBAC, RBACPerRoute
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.network_filters.owner import HttpFilterOwner

_PACKAGE = "envoy.extensions.filters.http.rbac.v3"

SUPPORT = (
    whole(f"{_PACKAGE}.RBAC", category="envoy.filters.http"),
    whole(f"{_PACKAGE}.RBACPerRoute", category="envoy.filters.http"),
)


def compile_rbac(
    ctx: CompileContext, message: Message, owner: HttpFilterOwner, at: str
) -> HttpFilter:
    """The filter that judges who may ask for what."""
    config: RBAC = message  # type: ignore[assignment]
    rules = _stats_name(config.rules_stat_prefix)
    shadow = _stats_name(config.shadow_rules_stat_prefix)
    return HttpFilter(
        rbac=RbacFilter(
            stats_block=owner.block(ctx.blocks, BlockKind.RBAC, rules),
            shadow_stats_block=owner.block(ctx.blocks, BlockKind.RBAC_SHADOW, shadow),
            config=_compile(ctx, config, at),
        )
    )


def compile_rbac_override(
    ctx: CompileContext, message: Message, out: FilterOverride, at: str
) -> None:
    """What is judged in place of the filter's rules; nothing if the route has none."""
    config: RBACPerRoute = message  # type: ignore[assignment]
    out.rbac.CopyFrom(_compile(ctx, config.rbac, f"{at}.rbac"))


def _compile(ctx: CompileContext, config: RBAC, at: str) -> RbacConfig:
    rules, shadow_rules = compile_filter_rules(ctx, config, at, requests=True)
    return RbacConfig(
        rules=rules,
        shadow_rules=shadow_rules,
        prefix=config.rules_stat_prefix,
        shadow_prefix=config.shadow_rules_stat_prefix,
        track_per_rule_stats=config.track_per_rule_stats,
    )


def _stats_name(prefix: str) -> str:
    return f"rbac.{prefix}".removesuffix(".")


EXTENSION = HttpExtension(
    "envoy.filters.http.rbac",
    f"{_PACKAGE}.RBAC",
    compile_rbac,
    SUPPORT,
    Override(f"{_PACKAGE}.RBACPerRoute", compile_rbac_override),
)
