"""envoy.filters.http.grpc_web

Source: envoy/extensions/filters/http/grpc_web/v3/grpc_web.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import whole
from lateen.protos.worker_pb2 import GrpcWebFilter, HttpFilter
from lateen.proxy.compile.registry import HttpExtension

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.network_filters.owner import HttpFilterOwner

_CONFIG = "envoy.extensions.filters.http.grpc_web.v3.GrpcWeb"

SUPPORT = (whole(_CONFIG, category="envoy.filters.http"),)


def compile_grpc_web(
    _ctx: CompileContext, _message: Message, _owner: HttpFilterOwner, _at: str
) -> HttpFilter:
    """The filter that lets browsers call gRPC services."""
    return HttpFilter(grpc_web=GrpcWebFilter())


EXTENSION = HttpExtension("envoy.filters.http.grpc_web", _CONFIG, compile_grpc_web, SUPPORT)
