"""envoy.filters.listener.tls_inspector

Source: envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields
from lateen.protos import worker_pb2
from lateen.protos.worker_pb2 import ListenerFilter
from lateen.proxy.compile.registry import Extension
from lateen.proxy.compile.stats_blocks import BlockKind

if TYPE_CHECKING:
    from envoy.extensions.filters.listener.tls_inspector.v3.tls_inspector_pb2 import TlsInspector
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext

_TYPE = "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"

SUPPORT = (
    Fields(
        _TYPE,
        implemented="""
            enable_ja3_fingerprinting enable_ja4_fingerprinting max_client_hello_size
            close_connection_on_client_hello_parsing_errors
        """,
        harmless={"initial_read_buffer_size": "what is there is looked at in one piece"},
        category="envoy.filters.listener",
    ),
)

_LONGEST_HELLO = 16 * 1024


def compile_tls_inspector(ctx: CompileContext, message: Message, at: str) -> ListenerFilter:
    """The filter that reads the ClientHello."""
    config: TlsInspector = message  # type: ignore[assignment]
    longest = _LONGEST_HELLO
    if config.HasField("max_client_hello_size"):
        longest = config.max_client_hello_size.value
    if longest > _LONGEST_HELLO:
        ctx.error(
            f"{at}.max_client_hello_size",
            f"max_client_hello_size of {longest} is greater than maximum of {_LONGEST_HELLO}.",
        )
    return ListenerFilter(
        tls_inspector=worker_pb2.TlsInspector(
            stats_block=ctx.blocks.allot(BlockKind.TLS_INSPECTOR, "tls_inspector"),
            ja3=config.enable_ja3_fingerprinting.value,
            ja4=config.enable_ja4_fingerprinting.value,
            close_on_error=config.close_connection_on_client_hello_parsing_errors,
            max_client_hello_bytes=longest,
        )
    )


EXTENSION = Extension("envoy.filters.listener.tls_inspector", _TYPE, compile_tls_inspector, SUPPORT)
