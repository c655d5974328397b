"""Tunnels of a tcp_proxy through an HTTP proxy.

Source: TcpProxy.TunnelingConfig in envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields
from lateen.protos.worker_pb2 import Tunnel
from lateen.proxy.compile.format import compile_format
from lateen.proxy.compile.headers import compile_options

if TYPE_CHECKING:
    from envoy.extensions.filters.network.tcp_proxy.v3.tcp_proxy_pb2 import TcpProxy

    from lateen.proxy.compile.context import CompileContext

SUPPORT = (
    Fields(
        "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.TunnelingConfig",
        implemented="""
            hostname use_post headers_to_add post_path
            propagate_response_headers propagate_response_trailers
        """,
    ),
)


def compile_tunnel(ctx: CompileContext, source: TcpProxy.TunnelingConfig, at: str) -> Tunnel:
    """A request for a tunnel: CONNECT, or POST if asked."""
    if source.post_path and not source.use_post:
        ctx.error(
            f"{at}.post_path",
            "Can't set a post path when POST method isn't used",
        )
    tunnel = Tunnel(
        hostname=compile_format(ctx, source.hostname, f"{at}.hostname"),
        headers=compile_options(ctx, source.headers_to_add, f"{at}.headers_to_add"),
        propagate_response_headers=source.propagate_response_headers,
        propagate_response_trailers=source.propagate_response_trailers,
    )
    if source.use_post:
        tunnel.post_path = source.post_path or "/"
    return tunnel
