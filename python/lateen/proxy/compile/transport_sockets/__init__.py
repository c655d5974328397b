"""Transport sockets: plain TCP and TLS, and what is around them.

Source: envoy/config/core/v3/base.proto, TransportSocket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.protos import worker_pb2
from lateen.proxy.compile.stats_blocks import BlockKind
from lateen.proxy.compile.transport_sockets.internal_upstream import unwrap_internal_upstream
from lateen.proxy.compile.transport_sockets.plan import Side, plan_context
from lateen.proxy.compile.transport_sockets.proxy_protocol import TYPE as PROXY_PROTOCOL

if TYPE_CHECKING:
    from envoy.config.core.v3.base_pb2 import TransportSocket

    from lateen.proxy.compile.context import CompileContext

SUPPORT = (
    Fields("envoy.config.core.v3.TransportSocket", implemented="name typed_config"),
    whole(
        "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer",
        category="envoy.transport_sockets",
    ),
)

_RAW_BUFFER = "envoy.transport_sockets.raw_buffer"
_TLS = "envoy.transport_sockets.tls"
_PACKAGE = "envoy.extensions.transport_sockets.tls.v3"
_SIDES = {
    f"{_PACKAGE}.DownstreamTlsContext": Side.SERVER,
    f"{_PACKAGE}.UpstreamTlsContext": Side.CLIENT,
}


def compile_downstream_socket(
    ctx: CompileContext, source: TransportSocket, tag: str, at: str
) -> worker_pb2.TransportSocket | None:
    """The transport socket of a filter chain; None for plain TCP.

    Args:
        tag: the listener's address as its stats have it.
    """
    prefix, tags = f"listener.{tag}", {"envoy.listener_address": tag}
    return _compile(ctx, source, (Side.SERVER, BlockKind.DOWNSTREAM_SSL, prefix, tags), at)


def compile_upstream_socket(
    ctx: CompileContext,
    source: TransportSocket,
    cluster: str,
    at: str,
    alpn: tuple[str, ...] = (),
) -> worker_pb2.TransportSocket | None:
    """The transport socket of a cluster, by the name in its stats; None for plain TCP.

    Args:
        alpn: the protocols to offer where the configuration names none.
    """
    prefix, tags = f"cluster.{cluster}", {"envoy.cluster_name": cluster}
    internal, source, at = unwrap_internal_upstream(ctx, source, at)
    socket = _compile(ctx, source, (Side.CLIENT, BlockKind.UPSTREAM_SSL, prefix, tags), at, alpn)
    if internal is not None:
        socket = socket or worker_pb2.TransportSocket()
        socket.internal_upstream.CopyFrom(internal)
    return socket


def _compile(
    ctx: CompileContext,
    source: TransportSocket,
    owner: tuple[Side, BlockKind, str, dict[str, str]],
    at: str,
    alpn: tuple[str, ...] = (),
) -> worker_pb2.TransportSocket | None:
    side, kind, prefix, tags = owner
    if not source.HasField("typed_config"):
        if source.name == _TLS:
            ctx.error(at, f"{_TLS} needs a typed_config", "such as " + f"{_PACKAGE}.{side.value}")
        elif source.name != _RAW_BUFFER:
            ctx.unimplemented(at, f"transport socket {source.name}", f"{_RAW_BUFFER}, {_TLS}")
        return None
    message = ctx.unpack(source.typed_config)
    if message is not None and message.DESCRIPTOR.full_name == PROXY_PROTOCOL:
        ctx.error(
            f"{at}.typed_config",
            "the upstream PROXY protocol is for clusters, outside of all else",
            "of clients, the listener filter envoy.filters.listener.proxy_protocol takes it",
        )
    if message is None or _SIDES.get(message.DESCRIPTOR.full_name) is not side:
        return None
    block = ctx.blocks.allot(kind, prefix, tags)
    plan = plan_context(ctx, message, side, block, f"{at}.typed_config", alpn)
    return worker_pb2.TransportSocket(tls_context=plan.name, stats_block=block)
