"""envoy.filters.http.dynamic_forward_proxy

Source: envoy/extensions/filters/http/dynamic_forward_proxy/v3/dynamic_forward_proxy.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.protos.worker_pb2 import DynamicForwardProxyFilter, FilterOverride, HttpFilter
from lateen.proxy.compile.dns_cache import compile_dns_cache
from lateen.proxy.compile.registry import HttpExtension, Override

if TYPE_CHECKING:
    from envoy.extensions.filters.http.dynamic_forward_proxy.v3 import (
        dynamic_forward_proxy_pb2 as envoy,
    )
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.network_filters.owner import HttpFilterOwner

_NAME = "envoy.filters.http.dynamic_forward_proxy"
_PACKAGE = "envoy.extensions.filters.http.dynamic_forward_proxy.v3"

SUPPORT = (
    Fields(
        f"{_PACKAGE}.FilterConfig",
        implemented="dns_cache_config allow_dynamic_host_from_filter_state",
        harmless={"save_upstream_address": "no filter reads the address from filter state yet"},
        category="envoy.filters.http",
    ),
    whole(f"{_PACKAGE}.PerRouteConfig", category="envoy.filters.http"),
)


def compile_dynamic_forward_proxy(
    ctx: CompileContext, message: Message, _owner: HttpFilterOwner, at: str
) -> HttpFilter:
    """The filter that lets requests wait until their hosts are resolved."""
    config: envoy.FilterConfig = message  # type: ignore[assignment]
    cache = compile_dns_cache(ctx, config.dns_cache_config, f"{at}.dns_cache_config")
    return HttpFilter(
        dynamic_forward_proxy=DynamicForwardProxyFilter(
            cache=cache,
            use_filter_state=config.allow_dynamic_host_from_filter_state,
        )
    )


def compile_dynamic_forward_proxy_override(
    ctx: CompileContext, message: Message, out: FilterOverride, at: str
) -> None:
    """The host that takes the place of the request's."""
    config: envoy.PerRouteConfig = message  # type: ignore[assignment]
    out.dynamic_forward_proxy.literal = config.host_rewrite_literal
    out.dynamic_forward_proxy.header = config.host_rewrite_header


EXTENSION = HttpExtension(
    _NAME,
    f"{_PACKAGE}.FilterConfig",
    compile_dynamic_forward_proxy,
    SUPPORT,
    Override(f"{_PACKAGE}.PerRouteConfig", compile_dynamic_forward_proxy_override),
)
