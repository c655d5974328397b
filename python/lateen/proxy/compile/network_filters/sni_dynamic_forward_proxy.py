"""envoy.filters.network.sni_dynamic_forward_proxy

Source:
envoy/extensions/filters/network/sni_dynamic_forward_proxy/v3/sni_dynamic_forward_proxy.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields
from lateen.protos import worker_pb2
from lateen.protos.worker_pb2 import NetworkFilter
from lateen.proxy.compile.dns_cache import compile_dns_cache
from lateen.proxy.compile.network_filters.owner import FilterOwner
from lateen.proxy.compile.registry import NetworkExtension

if TYPE_CHECKING:
    from envoy.extensions.filters.network.sni_dynamic_forward_proxy.v3 import (
        sni_dynamic_forward_proxy_pb2 as envoy,
    )
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext

_TYPE = "envoy.extensions.filters.network.sni_dynamic_forward_proxy.v3.FilterConfig"

SUPPORT = (
    Fields(
        _TYPE,
        implemented="dns_cache_config port_value",
        harmless={"save_upstream_address": "no filter reads the address from filter state yet"},
        category="envoy.filters.network",
    ),
)


def compile_sni_dynamic_forward_proxy(
    ctx: CompileContext, message: Message, owner: FilterOwner, at: str
) -> NetworkFilter:
    """The filter that lets clients wait until the name for which they ask is resolved."""
    config: envoy.FilterConfig = message  # type: ignore[assignment]
    return NetworkFilter(
        sni_dynamic_forward_proxy=worker_pb2.SniDynamicForwardProxy(
            cache=compile_dns_cache(ctx, config.dns_cache_config, f"{at}.dns_cache_config"),
            port=config.port_value,
        )
    )


EXTENSION = NetworkExtension(
    "envoy.filters.network.sni_dynamic_forward_proxy",
    _TYPE,
    compile_sni_dynamic_forward_proxy,
    SUPPORT,
)
