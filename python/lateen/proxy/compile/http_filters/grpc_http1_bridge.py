"""envoy.filters.http.grpc_http1_bridge

Source: envoy/extensions/filters/http/grpc_http1_bridge/v3/config.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import whole
from lateen.protos.worker_pb2 import GrpcHttp1BridgeFilter, HttpFilter
from lateen.proxy.compile.registry import HttpExtension

if TYPE_CHECKING:
    from envoy.extensions.filters.http.grpc_http1_bridge.v3.config_pb2 import Config
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.network_filters.owner import HttpFilterOwner

_CONFIG = "envoy.extensions.filters.http.grpc_http1_bridge.v3.Config"

SUPPORT = (whole(_CONFIG, category="envoy.filters.http"),)


def compile_grpc_http1_bridge(
    _ctx: CompileContext, message: Message, _owner: HttpFilterOwner, _at: str
) -> HttpFilter:
    """The filter for gRPC clients that speak HTTP/1.1."""
    config: Config = message  # type: ignore[assignment]
    return HttpFilter(
        grpc_http1_bridge=GrpcHttp1BridgeFilter(
            upgrade_protobuf_to_grpc=config.upgrade_protobuf_to_grpc,
            ignore_query_parameters=config.ignore_query_parameters,
        )
    )


EXTENSION = HttpExtension(
    "envoy.filters.http.grpc_http1_bridge", _CONFIG, compile_grpc_http1_bridge, SUPPORT
)
