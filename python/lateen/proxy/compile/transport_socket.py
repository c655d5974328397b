"""Transport sockets: plain TCP, with a PROXY header at the beginning if asked.

Source: envoy/config/core/v3/base.proto, TransportSocket;
envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.protos import worker_pb2
from lateen.proxy.compile.proxy_protocol_tlvs import compile_pass_through, compile_tlvs

if TYPE_CHECKING:
    from envoy.config.core.v3.base_pb2 import TransportSocket
    from envoy.extensions.transport_sockets.proxy_protocol.v3.upstream_proxy_protocol_pb2 import (
        ProxyProtocolUpstreamTransport,
    )

    from lateen.proxy.compile.context import CompileContext

_PROXY_PROTOCOL = (
    "envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport"
)

SUPPORT = (
    Fields("envoy.config.core.v3.TransportSocket", implemented="name typed_config"),
    whole(
        "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer",
        category="envoy.transport_sockets",
    ),
    Fields(
        _PROXY_PROTOCOL,
        implemented="config transport_socket",
        harmless={
            "allow_unspecified_address": "a header is written with the addresses as they are",
            "tlv_as_pool_key": "connections are shared by clients with the same header alone",
        },
        category="envoy.transport_sockets",
    ),
)

_RAW_BUFFER = "envoy.transport_sockets.raw_buffer"
_V2 = 1


def check_transport_socket(ctx: CompileContext, source: TransportSocket, at: str) -> None:
    """Report a transport socket that is only named and is not plain TCP, or one for upstreams."""
    if not source.HasField("typed_config"):
        if source.name != _RAW_BUFFER:
            ctx.unimplemented(at, f"transport socket {source.name}", _RAW_BUFFER)
        return
    message = ctx.unpack(source.typed_config)
    if message is not None and message.DESCRIPTOR.full_name == _PROXY_PROTOCOL:
        ctx.error(
            f"{at}.typed_config",
            "the upstream PROXY protocol is for clusters",
            "use the listener filter envoy.filters.listener.proxy_protocol",
        )


def compile_upstream_transport(
    ctx: CompileContext, source: TransportSocket, out: worker_pb2.Cluster, at: str
) -> None:
    """The transport of a cluster."""
    message = ctx.unpack(source.typed_config) if source.HasField("typed_config") else None
    if message is None or message.DESCRIPTOR.full_name != _PROXY_PROTOCOL:
        check_transport_socket(ctx, source, at)
        return
    transport: ProxyProtocolUpstreamTransport = message  # type: ignore[assignment]
    where = f"{at}.typed_config"
    check_transport_socket(ctx, transport.transport_socket, f"{where}.transport_socket")
    compiled = worker_pb2.UpstreamProxyProtocol(
        v2=transport.config.version == _V2,
        added_tlvs=compile_tlvs(ctx, transport.config.added_tlvs, f"{where}.config.added_tlvs"),
    )
    if transport.config.HasField("pass_through_tlvs"):
        passed = compile_pass_through(transport.config.pass_through_tlvs)
        compiled.pass_through.CopyFrom(passed)
    out.proxy_protocol.CopyFrom(compiled)
