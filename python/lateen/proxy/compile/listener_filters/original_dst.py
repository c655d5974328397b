"""envoy.filters.listener.original_dst

Source: envoy/extensions/filters/listener/original_dst/v3/original_dst.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import whole
from lateen.protos import worker_pb2
from lateen.protos.worker_pb2 import ListenerFilter
from lateen.proxy.compile.registry import Extension

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext

_TYPE = "envoy.extensions.filters.listener.original_dst.v3.OriginalDst"

SUPPORT = (whole(_TYPE, category="envoy.filters.listener"),)


def compile_original_dst(ctx: CompileContext, message: Message, at: str) -> ListenerFilter:
    """The filter that restores the address to which a redirected connection went."""
    return ListenerFilter(original_dst=worker_pb2.OriginalDst())


EXTENSION = Extension("envoy.filters.listener.original_dst", _TYPE, compile_original_dst, SUPPORT)
