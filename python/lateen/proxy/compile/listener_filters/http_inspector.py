"""envoy.filters.listener.http_inspector

Source: envoy/extensions/filters/listener/http_inspector/v3/http_inspector.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import whole
from lateen.protos import worker_pb2
from lateen.protos.worker_pb2 import ListenerFilter
from lateen.proxy.compile.registry import Extension
from lateen.proxy.compile.stats_blocks import BlockKind

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext

_TYPE = "envoy.extensions.filters.listener.http_inspector.v3.HttpInspector"

SUPPORT = (whole(_TYPE, category="envoy.filters.listener"),)


def compile_http_inspector(ctx: CompileContext, message: Message, at: str) -> ListenerFilter:
    """The filter that reads the first line of a request."""
    block = ctx.blocks.allot(BlockKind.HTTP_INSPECTOR, "http_inspector")
    return ListenerFilter(http_inspector=worker_pb2.HttpInspector(stats_block=block))


EXTENSION = Extension(
    "envoy.filters.listener.http_inspector", _TYPE, compile_http_inspector, SUPPORT
)
