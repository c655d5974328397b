"""Addresses of listeners, endpoints and bind sources.

Source: envoy/config/core/v3/address.proto; the errors are Envoy 1.40's.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.protos import worker_pb2

if TYPE_CHECKING:
    from envoy.config.core.v3.address_pb2 import Address, CidrRange, Pipe, SocketAddress

    from lateen.proxy.compile.context import CompileContext

SUPPORT = (
    Fields(
        "envoy.config.core.v3.Address",
        implemented="socket_address pipe envoy_internal_address",
    ),
    Fields(
        "envoy.config.core.v3.SocketAddress",
        implemented="protocol address port_value ipv4_compat resolver_name",
    ),
    Fields(
        "envoy.config.core.v3.Pipe",
        implemented="path mode",
    ),
    whole("envoy.config.core.v3.EnvoyInternalAddress"),
)

_UDP = 1
_LONGEST_PIPE_PATH = 107  # sun_path less the NUL
_DEFAULT_RESOLVERS = ("", "envoy.ip")


def is_ip(host: str) -> bool:
    """Whether `host` is an IPv4 or IPv6 address, with or without a zone."""
    try:
        if ":" in host:
            ipaddress.IPv6Address(host.partition("%")[0])
        else:
            ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True


def compile_address(
    ctx: CompileContext,
    address: Address,
    at: str,
    *,
    host_names: bool = False,
    internal: bool = False,
) -> worker_pb2.Address:
    """A socket address, the path of a unix socket or, where it may be, an internal listener.

    Args:
        host_names: whether a DNS name may stand for the IP address (endpoints of DNS clusters).
        internal: whether it may be an internal listener (endpoints of clusters).
    """
    kind = address.WhichOneof("address")
    if kind == "socket_address":
        inner = f"{at}.socket_address"
        compiled = compile_socket_address(ctx, address.socket_address, inner, host_names=host_names)
        return worker_pb2.Address(socket=compiled)
    if kind == "pipe":
        return _compile_pipe(ctx, address.pipe, f"{at}.pipe")
    if kind == "envoy_internal_address" and internal:
        named = address.envoy_internal_address
        return internal_address(named.server_listener_name, named.endpoint_id)
    if kind == "envoy_internal_address":
        where = f"{at}.envoy_internal_address"
        ctx.error(where, "an internal address is for endpoints of clusters")
    return worker_pb2.Address()


def internal_address(listener: str, endpoint_id: str = "") -> worker_pb2.Address:
    """The address of an internal listener."""
    named = worker_pb2.InternalAddress(listener=listener, endpoint_id=endpoint_id)
    return worker_pb2.Address(internal=named)


def compile_socket_address(
    ctx: CompileContext, address: SocketAddress, at: str, *, host_names: bool = False
) -> worker_pb2.SocketAddress:
    """An IP address or DNS name, and a port."""
    if address.protocol == _UDP:
        ctx.unimplemented(f"{at}.protocol", "protocol UDP", "TCP")
    if address.resolver_name not in _DEFAULT_RESOLVERS:
        ctx.error(f"{at}.resolver_name", f"Unknown address resolver: {address.resolver_name}")
    if not host_names and not is_ip(address.address):
        ctx.error(
            f"{at}.address",
            f"malformed IP address: {address.address}. Consider setting resolver_name or setting"
            " cluster type to 'STRICT_DNS' or 'LOGICAL_DNS'",
        )
    return worker_pb2.SocketAddress(
        host=address.address, port=address.port_value, ipv4_compat=address.ipv4_compat
    )


def _compile_pipe(ctx: CompileContext, pipe: Pipe, at: str) -> worker_pb2.Address:
    if len(pipe.path.encode()) > _LONGEST_PIPE_PATH:
        ctx.error(
            f"{at}.path",
            f'Path "{pipe.path}" exceeds maximum UNIX domain socket path size of 108.',
        )
    if pipe.path.startswith("@") and pipe.mode:
        ctx.error(f"{at}.mode", "Cannot set mode for Abstract AF_UNIX sockets")
    return worker_pb2.Address(pipe=pipe.path, pipe_mode=pipe.mode)


def address_text(address: worker_pb2.Address) -> str:
    """`127.0.0.1:10000`, `[::1]:10000`, the path of a unix socket or `envoy://NAME/ID`."""
    if address.WhichOneof("kind") == "pipe":
        return address.pipe
    if address.WhichOneof("kind") == "internal":
        return f"envoy://{address.internal.listener}/{address.internal.endpoint_id}"
    host = address.socket.host
    return f"[{host}]:{address.socket.port}" if ":" in host else f"{host}:{address.socket.port}"


def compile_cidrs(
    ctx: CompileContext, ranges: Iterable[CidrRange], at: str
) -> list[worker_pb2.Cidr]:
    """Address ranges; a prefix that is no address is an error."""
    compiled = []
    for index, cidr in enumerate(ranges):
        prefix_len = cidr.prefix_len.value
        if not is_ip(cidr.address_prefix):
            ctx.error(
                f"{at}[{index}].address_prefix", f"malformed IP address: {cidr.address_prefix}"
            )
            continue
        longest = 128 if ":" in cidr.address_prefix else 32
        compiled.append(
            worker_pb2.Cidr(address=cidr.address_prefix, prefix_len=min(prefix_len, longest))
        )
    return compiled
