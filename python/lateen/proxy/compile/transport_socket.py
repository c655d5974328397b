"""Transport sockets: plain TCP is the only one so far.

Source: envoy/config/core/v3/base.proto, TransportSocket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole

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


def check_transport_socket(ctx: CompileContext, source: TransportSocket, at: str) -> None:
    """Report a transport socket that is only named and is not plain TCP."""
    if not source.HasField("typed_config") and source.name != _RAW_BUFFER:
        ctx.unimplemented(at, f"transport socket {source.name}", _RAW_BUFFER)
