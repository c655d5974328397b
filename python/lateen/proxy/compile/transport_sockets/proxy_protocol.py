"""envoy.transport_sockets.upstream_proxy_protocol: a PROXY header before what another socket sends.

Source: envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields
from lateen.protos import worker_pb2
from lateen.proxy.compile.proxy_protocol_tlvs import compile_pass_through, compile_tlvs

if TYPE_CHECKING:
    from envoy.config.core.v3.base_pb2 import TransportSocket
    from envoy.extensions.transport_sockets.proxy_protocol.v3.upstream_proxy_protocol_pb2 import (
        ProxyProtocolUpstreamTransport,
    )

    from lateen.proxy.compile.context import CompileContext

TYPE = "envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport"

SUPPORT = (
    Fields(
        TYPE,
        implemented="config transport_socket",
        harmless={
            "allow_unspecified_address": "a header is written with the addresses as they are",
            "tlv_as_pool_key": "connections are shared by clients with the same header alone",
        },
        category="envoy.transport_sockets",
    ),
)

_V2 = 1


def unwrap_proxy_protocol(
    ctx: CompileContext, source: TransportSocket, out: worker_pb2.Cluster, at: str
) -> tuple[TransportSocket, str]:
    """Set what a cluster's connections begin with; the socket below, and where it stands.

    A transport socket of another kind comes back as it is.
    """
    message = ctx.unpack(source.typed_config) if source.HasField("typed_config") else None
    if message is None or message.DESCRIPTOR.full_name != TYPE:
        return source, at
    transport: ProxyProtocolUpstreamTransport = message  # type: ignore[assignment]
    where = f"{at}.typed_config"
    compiled = worker_pb2.UpstreamProxyProtocol(
        v2=transport.config.version == _V2,
        added_tlvs=compile_tlvs(ctx, transport.config.added_tlvs, f"{where}.config.added_tlvs"),
    )
    if transport.config.HasField("pass_through_tlvs"):
        passed = compile_pass_through(transport.config.pass_through_tlvs)
        compiled.pass_through.CopyFrom(passed)
    out.proxy_protocol.CopyFrom(compiled)
    return transport.transport_socket, f"{where}.transport_socket"
