"""envoy.filters.http.buffer

Source: envoy/extensions/filters/http/buffer/v3/buffer.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import whole
from lateen.protos.worker_pb2 import BufferFilter, FilterOverride, HttpFilter
from lateen.proxy.compile.registry import HttpExtension, Override

if TYPE_CHECKING:
    from envoy.extensions.filters.http.buffer.v3 import buffer_pb2 as envoy
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.network_filters.owner import HttpFilterOwner

_PACKAGE = "envoy.extensions.filters.http.buffer.v3"

SUPPORT = (
    whole(f"{_PACKAGE}.Buffer", category="envoy.filters.http"),
    whole(f"{_PACKAGE}.BufferPerRoute", category="envoy.filters.http"),
)


def compile_buffer(
    _ctx: CompileContext, message: Message, _owner: HttpFilterOwner, _at: str
) -> HttpFilter:
    """The filter that lets requests go on when they are whole."""
    config: envoy.Buffer = message  # type: ignore[assignment]
    return HttpFilter(buffer=BufferFilter(max_request_bytes=config.max_request_bytes.value))


def compile_buffer_override(
    _ctx: CompileContext, message: Message, out: FilterOverride, _at: str
) -> None:
    """Another limit for a route, or none: its requests are not kept."""
    config: envoy.BufferPerRoute = message  # type: ignore[assignment]
    out.buffer.SetInParent()
    if not config.disabled:
        out.buffer.max_request_bytes = config.buffer.max_request_bytes.value


EXTENSION = HttpExtension(
    "envoy.filters.http.buffer",
    f"{_PACKAGE}.Buffer",
    compile_buffer,
    SUPPORT,
    Override(f"{_PACKAGE}.BufferPerRoute", compile_buffer_override),
)
