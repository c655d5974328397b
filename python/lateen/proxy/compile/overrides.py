"""typed_per_filter_config: what a route, virtual host or table changes in an HTTP filter.

Source: envoy/config/route/v3/route_components.proto, FilterConfig; errors as in Envoy 1.40.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lateen.config.support import Fields
from lateen.protos.worker_pb2 import FilterOverride

if TYPE_CHECKING:
    from envoy.config.route.v3 import route_components_pb2 as route
    from google.protobuf.any_pb2 import Any as PackedAny
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext

SUPPORT = (
    Fields(
        "envoy.config.route.v3.FilterConfig",
        implemented="config is_optional disabled",
    ),
)

_FILTER_CONFIG = "envoy.config.route.v3.FilterConfig"


def compile_overrides(
    ctx: CompileContext, configs: Mapping[str, PackedAny], at: str
) -> list[FilterOverride]:
    """The overrides of one level, in the order of the filters' names."""
    if not configs:
        return []
    compiled = []
    for name in sorted(configs):
        where = f'{at}.typed_per_filter_config["{name}"]'
        message = ctx.unpack(configs[name])
        if message is None:
            continue
        override = FilterOverride(filter=name)
        if message.DESCRIPTOR.full_name == _FILTER_CONFIG:
            config: route.FilterConfig = message  # type: ignore[assignment]
            usable = _compile_filter_config(ctx, config, override, where)
        else:
            usable = _compile_config(ctx, message, override, where, optional=False)
        if usable:
            compiled.append(override)
    return compiled


def _compile_filter_config(
    ctx: CompileContext, config: route.FilterConfig, out: FilterOverride, at: str
) -> bool:
    out.disabled = config.disabled
    if config.HasField("config"):
        message = ctx.unpack(config.config)
        if message is None:
            return False
        optional = config.is_optional
        return _compile_config(ctx, message, out, f"{at}.config", optional=optional) or out.disabled
    if not config.disabled:
        reason = f"Empty route/virtual host per filter configuration for {out.filter} filter"
        ctx.error(at, reason)
    return config.disabled


def _compile_config(
    ctx: CompileContext, message: Message, out: FilterOverride, at: str, *, optional: bool
) -> bool:
    kind = message.DESCRIPTOR.full_name
    compiler = ctx.extensions.overrides.get(kind)
    if compiler is not None:
        compiler(ctx, message, out, at)
        return True
    if optional:
        ctx.excuse(at, "left out, as it is optional")
    elif kind in ctx.extensions.without_override:
        ctx.error(
            at,
            f"The filter {out.filter} doesn't support virtual host or route specific"
            " configurations",
        )
    return False
