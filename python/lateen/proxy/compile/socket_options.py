"""Options set on sockets, and the keep-alive of TCP.

Source: envoy/config/core/v3/socket_option.proto and TcpKeepalive in address.proto.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.protos import worker_pb2

if TYPE_CHECKING:
    from envoy.config.core.v3 import address_pb2, socket_option_pb2

SUPPORT = (
    Fields(
        "envoy.config.core.v3.SocketOption",
        implemented="description level name int_value buf_value state",
    ),
    whole("envoy.config.core.v3.TcpKeepalive"),
)


def compile_socket_options(
    options: Iterable[socket_option_pb2.SocketOption],
) -> list[worker_pb2.SocketOption]:
    """Options in the order in which they are set."""
    compiled = []
    for option in options:
        out = worker_pb2.SocketOption(level=option.level, name=option.name, state=option.state)
        if option.WhichOneof("value") == "buf_value":
            out.buf_value = option.buf_value
        else:
            out.int_value = option.int_value
        compiled.append(out)
    return compiled


def compile_tcp_keepalive(source: address_pb2.TcpKeepalive) -> worker_pb2.TcpKeepalive:
    """Probes, idle time and interval; 0 leaves each to the system."""
    return worker_pb2.TcpKeepalive(
        probes=source.keepalive_probes.value,
        time_s=source.keepalive_time.value,
        interval_s=source.keepalive_interval.value,
    )
