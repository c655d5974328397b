"""envoy.filters.http.grpc_http1_reverse_bridge

Source: envoy/extensions/filters/http/grpc_http1_reverse_bridge/v3/config.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import whole
from lateen.protos.worker_pb2 import FilterOverride, GrpcHttp1ReverseBridgeFilter, HttpFilter
from lateen.proxy.compile.registry import HttpExtension, Override

if TYPE_CHECKING:
    from envoy.extensions.filters.http.grpc_http1_reverse_bridge.v3 import config_pb2 as envoy
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.network_filters.owner import HttpFilterOwner

_PACKAGE = "envoy.extensions.filters.http.grpc_http1_reverse_bridge.v3"
_NAME = "envoy.filters.http.grpc_http1_reverse_bridge"

SUPPORT = (
    whole(f"{_PACKAGE}.FilterConfig", category="envoy.filters.http"),
    whole(f"{_PACKAGE}.FilterConfigPerRoute", category="envoy.filters.http"),
)


def compile_reverse_bridge(
    _ctx: CompileContext, message: Message, _owner: HttpFilterOwner, _at: str
) -> HttpFilter:
    """The filter for upstreams that take gRPC messages as plain requests."""
    config: envoy.FilterConfig = message  # type: ignore[assignment]
    return HttpFilter(
        grpc_http1_reverse_bridge=GrpcHttp1ReverseBridgeFilter(
            content_type=config.content_type,
            withhold_grpc_frames=config.withhold_grpc_frames,
            response_size_header=config.response_size_header.lower(),
        )
    )


def compile_reverse_bridge_override(
    _ctx: CompileContext, message: Message, out: FilterOverride, _at: str
) -> None:
    """A route can only switch the filter off."""
    config: envoy.FilterConfigPerRoute = message  # type: ignore[assignment]
    out.disabled = out.disabled or config.disabled


EXTENSION = HttpExtension(
    _NAME,
    f"{_PACKAGE}.FilterConfig",
    compile_reverse_bridge,
    SUPPORT,
    Override(f"{_PACKAGE}.FilterConfigPerRoute", compile_reverse_bridge_override),
)
