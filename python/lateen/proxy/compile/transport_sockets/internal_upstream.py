"""envoy.transport_sockets.internal_upstream: what goes along to internal listeners.

Source: envoy/extensions/transport_sockets/internal_upstream/v3/internal_upstream.proto; errors as
in Envoy 1.40.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.protos import worker_pb2

if TYPE_CHECKING:
    from envoy.config.core.v3.base_pb2 import TransportSocket
    from envoy.extensions.transport_sockets.internal_upstream.v3.internal_upstream_pb2 import (
        InternalUpstreamTransport,
    )

    from lateen.proxy.compile.context import CompileContext

TYPE = "envoy.extensions.transport_sockets.internal_upstream.v3.InternalUpstreamTransport"

SUPPORT = (
    whole(TYPE, category="envoy.transport_sockets"),
    whole(f"{TYPE}.MetadataValueSource"),
    Fields("envoy.type.metadata.v3.MetadataKind", implemented="host cluster request route"),
    whole("envoy.type.metadata.v3.MetadataKind.Host"),
    whole("envoy.type.metadata.v3.MetadataKind.Cluster"),
    whole("envoy.type.metadata.v3.MetadataKind.Request"),
    whole("envoy.type.metadata.v3.MetadataKind.Route"),
)

_KINDS = {
    "host": worker_pb2.InternalMetadata.HOST,
    "cluster": worker_pb2.InternalMetadata.CLUSTER,
}


def unwrap_internal_upstream(
    ctx: CompileContext, source: TransportSocket, at: str
) -> tuple[worker_pb2.InternalUpstream | None, TransportSocket, str]:
    """What goes along, the socket below, and where it stands.

    None and the transport socket itself when it is of another kind.
    """
    message = ctx.unpack(source.typed_config) if source.HasField("typed_config") else None
    if message is None or message.DESCRIPTOR.full_name != TYPE:
        return None, source, at
    transport: InternalUpstreamTransport = message  # type: ignore[assignment]
    compiled = worker_pb2.InternalUpstream()
    for index, metadata in enumerate(transport.passthrough_metadata):
        kind = metadata.kind.WhichOneof("kind") or ""
        if kind not in _KINDS:
            where = f"{at}.typed_config.passthrough_metadata[{index}].kind"
            ctx.error(where, f"metadata type is not supported: {kind}", "use host or cluster")
            continue
        compiled.metadata.add(kind=_KINDS[kind], name=metadata.name)
    return compiled, transport.transport_socket, f"{at}.typed_config.transport_socket"
