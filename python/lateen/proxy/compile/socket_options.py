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
        implemented="description level name int_value buf_value state type",
    ),
    whole("envoy.config.core.v3.SocketOption.SocketType"),
    whole("envoy.config.core.v3.SocketOption.SocketType.Stream"),
    whole("envoy.config.core.v3.SocketOption.SocketType.Datagram"),
    whole("envoy.config.core.v3.TcpKeepalive"),
)

# Linux's numbers: ip(7), ipv6(7), socket(7), tcp(7).
_SOL_SOCKET, _SO_KEEPALIVE = 1, 9
_IPPROTO_IP, _IP_FREEBIND = 0, 15
_IPPROTO_IPV6, _IPV6_FREEBIND = 41, 78
_IPPROTO_TCP, _TCP_KEEPIDLE, _TCP_KEEPINTVL, _TCP_KEEPCNT = 6, 4, 5, 6


def compile_socket_options(
    options: Iterable[socket_option_pb2.SocketOption],
) -> list[worker_pb2.SocketOption]:
    """Options in the order in which they are set; those for datagram sockets are left out."""
    compiled = []
    for option in options:
        if option.HasField("type") and not option.type.HasField("stream"):
            continue
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


def freebind_options(ipv6: bool) -> list[worker_pb2.SocketOption]:
    """What lets a socket be bound to an address that this machine does not have (yet)."""
    level, name = (_IPPROTO_IPV6, _IPV6_FREEBIND) if ipv6 else (_IPPROTO_IP, _IP_FREEBIND)
    return [worker_pb2.SocketOption(level=level, name=name, int_value=1)]


def keepalive_options(source: address_pb2.TcpKeepalive) -> list[worker_pb2.SocketOption]:
    """Keep-alive of the connections that a listening socket accepts: they inherit its options."""
    settings = [(_SOL_SOCKET, _SO_KEEPALIVE, 1)]
    if source.HasField("keepalive_probes"):
        settings.append((_IPPROTO_TCP, _TCP_KEEPCNT, source.keepalive_probes.value))
    if source.HasField("keepalive_time"):
        settings.append((_IPPROTO_TCP, _TCP_KEEPIDLE, source.keepalive_time.value))
    if source.HasField("keepalive_interval"):
        settings.append((_IPPROTO_TCP, _TCP_KEEPINTVL, source.keepalive_interval.value))
    return [
        worker_pb2.SocketOption(level=level, name=name, int_value=value)
        for level, name, value in settings
    ]
