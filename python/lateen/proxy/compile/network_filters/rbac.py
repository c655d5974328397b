"""envoy.filters.network.rbac

Source: envoy/extensions/filters/network/rbac/v3/rbac.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields
from lateen.protos import worker_pb2
from lateen.protos.worker_pb2 import NetworkFilter
from lateen.proxy.compile.network_filters.owner import FilterOwner
from lateen.proxy.compile.rbac import compile_filter_rules
from lateen.proxy.compile.registry import NetworkExtension
from lateen.proxy.compile.stats_blocks import BlockKind
from lateen.proxy.compile.values import milliseconds

if TYPE_CHECKING:
    from envoy.extensions.filters.network.rbac.v3.rbac_pb2 import RBAC
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext

_TYPE = "envoy.extensions.filters.network.rbac.v3.RBAC"

SUPPORT = (
    Fields(
        _TYPE,
        implemented="""
            rules matcher shadow_rules shadow_matcher shadow_rules_stat_prefix stat_prefix
            enforcement_type delay_deny
        """,
        category="envoy.filters.network",
    ),
)

_CONTINUOUS = 1


def compile_rbac(
    ctx: CompileContext, message: Message, owner: FilterOwner, at: str
) -> NetworkFilter:
    """The filter that judges who may connect."""
    config: RBAC = message  # type: ignore[assignment]
    prefix = f"{config.stat_prefix.removesuffix('.')}.rbac"
    shadow = prefix
    if config.shadow_rules_stat_prefix:
        shadow = f"{prefix}.{config.shadow_rules_stat_prefix.removesuffix('.')}"
    rules, shadow_rules = compile_filter_rules(ctx, config, at, requests=False)
    compiled = worker_pb2.NetworkRbac(
        rules=rules,
        shadow_rules=shadow_rules,
        stats_block=ctx.blocks.allot(BlockKind.RBAC, prefix),
        shadow_stats_block=ctx.blocks.allot(BlockKind.RBAC_SHADOW, shadow),
        shadow_prefix=config.shadow_rules_stat_prefix,
        continuous=config.enforcement_type == _CONTINUOUS,
        delay_deny_ms=milliseconds(config.delay_deny),
    )
    return NetworkFilter(rbac=compiled)


EXTENSION = NetworkExtension("envoy.filters.network.rbac", _TYPE, compile_rbac, SUPPORT)
