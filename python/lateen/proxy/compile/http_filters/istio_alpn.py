"""istio.alpn: envoy.filters.http.alpn

Source: contrib/envoy/extensions/filters/http/alpn/v3/alpn.proto, and the filter of Envoy's
contrib/istio.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import whole
from lateen.protos.worker_pb2 import HttpFilter, IstioAlpnFilter
from lateen.proxy.compile.registry import HttpExtension
from lateen.proxy.compile.values import enum_name

if TYPE_CHECKING:
    from contrib.envoy.extensions.filters.http.alpn.v3.alpn_pb2 import FilterConfig
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.network_filters.owner import HttpFilterOwner

_CONFIG = "istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig"

SUPPORT = (
    whole(_CONFIG, category="envoy.filters.http"),
    whole(f"{_CONFIG}.AlpnOverride"),
)


def compile_istio_alpn(
    ctx: CompileContext, message: Message, owner: HttpFilterOwner, at: str
) -> HttpFilter:
    """The filter that says what connections to clusters of the mesh offer by ALPN.

    No cluster is spoken to in HTTP/1.0; of several lists for a protocol the first counts.
    """
    config: FilterConfig = message  # type: ignore[assignment]
    lists: dict[str, list[str]] = {}
    for override in config.alpn_override:
        protocol = enum_name(override, "upstream_protocol")
        lists.setdefault(protocol, list(override.alpn_override))
    return HttpFilter(
        istio_alpn=IstioAlpnFilter(http1=lists.get("HTTP11"), http2=lists.get("HTTP2"))
    )


EXTENSION = HttpExtension("envoy.filters.http.alpn", _CONFIG, compile_istio_alpn, SUPPORT)
