"""Internal listeners: the bootstrap extension that they need, and what they cannot have.

Source: envoy/extensions/bootstrap/internal_listener/v3/internal_listener.proto, internal_listener
in envoy/config/listener/v3/listener.proto; errors as in Envoy 1.40.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.protos import worker_pb2

if TYPE_CHECKING:
    from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
    from envoy.config.listener.v3 import listener_pb2 as envoy
    from envoy.extensions.bootstrap.internal_listener.v3.internal_listener_pb2 import (
        InternalListener,
    )

    from lateen.proxy.compile.context import CompileContext

_EXTENSION = "envoy.extensions.bootstrap.internal_listener.v3.InternalListener"

SUPPORT = (
    Fields(_EXTENSION, implemented="buffer_size_kb", category="envoy.bootstrap"),
    whole("envoy.config.listener.v3.Listener.InternalListenerConfig"),
)

_BUFFER_SIZE_KB = 1024
_SOCKET_FEATURES = (
    "connection_balance_config",
    "enable_reuse_port",
    "tcp_backlog_size",
    "tcp_fast_open_queue_length",
)
_SOCKET_FLAGS = ("freebind", "transparent")


def internal_buffer_bytes(
    ctx: CompileContext, extensions: Iterable[TypedExtensionConfig]
) -> int | None:
    """What a connection to an internal listener may have on its way in each direction.

    None when no bootstrap extension allows such listeners.
    """
    size = None
    for extension in extensions:
        message = ctx.unpack(extension.typed_config)
        if message is not None and message.DESCRIPTOR.full_name == _EXTENSION:
            config: InternalListener = message  # type: ignore[assignment]
            sized = config.HasField("buffer_size_kb")
            size = (config.buffer_size_kb.value if sized else _BUFFER_SIZE_KB) * 1024
    return size


def compile_internal_listener(
    ctx: CompileContext, source: envoy.Listener, out: worker_pb2.Listener, at: str
) -> None:
    """Make an internal listener of a compiled one: it has no socket, and no limits of sockets."""
    out.internal_buffer_bytes = ctx.internal_buffer_bytes or 0
    out.bind_to_port = True
    out.max_connections = out.max_global_connections = 0
    named = f"error adding listener named '{source.name}':"
    where = f"{at}.internal_listener"
    if source.HasField("address") or source.additional_addresses:
        reason = "address should not be used when an internal listener config is provided"
        place = "address" if source.HasField("address") else "additional_addresses"
        ctx.error(f"{at}.{place}", f"error adding listener '{source.name}': {reason}")
    if ctx.internal_buffer_bytes is None:
        hint = f"add it to bootstrap_extensions: {_EXTENSION}"
        ctx.error(where, f"{named} InternalListener bootstrap extension is mandatory", hint)
    features = [name for name in _SOCKET_FEATURES if source.HasField(name)]
    flags = [name for name in _SOCKET_FLAGS if getattr(source, name).value]
    for name in (*features, *flags):
        ctx.error(f"{at}.{name}", f"{named} has unsupported tcp listener feature")
    if source.socket_options:
        ctx.error(f"{at}.socket_options", f"{named} does not support socket option")


def check_no_internal_address(ctx: CompileContext, source: envoy.Listener, at: str) -> None:
    """A listener that is not internal has no address of one."""
    addresses = [source.address, *(more.address for more in source.additional_addresses)]
    if any(address.HasField("envoy_internal_address") for address in addresses):
        reason = "use internal_listener field instead of address for internal listeners"
        ctx.error(at, f"error adding listener named '{source.name}': {reason}")
