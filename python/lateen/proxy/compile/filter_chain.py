"""Filter chains: which connections they take and what happens to those.

Source: FilterChain, FilterChainMatch in envoy/config/listener/v3/listener_components.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields
from lateen.protos import worker_pb2
from lateen.proxy.compile.address import compile_cidrs
from lateen.proxy.compile.network_filters.owner import FilterOwner
from lateen.proxy.compile.transport_sockets import compile_downstream_socket
from lateen.proxy.compile.values import metadata_json, milliseconds

if TYPE_CHECKING:
    from envoy.config.listener.v3 import listener_components_pb2 as envoy

    from lateen.proxy.compile.context import CompileContext

SUPPORT = (
    Fields(
        "envoy.config.listener.v3.FilterChain",
        implemented="""
            filter_chain_match filters transport_socket name metadata
            transport_socket_connect_timeout
        """,
    ),
    Fields(
        "envoy.config.listener.v3.FilterChainMatch",
        implemented="""
            destination_port prefix_ranges direct_source_prefix_ranges source_type
            source_prefix_ranges source_ports server_names transport_protocol
            application_protocols
        """,
    ),
    Fields("envoy.config.listener.v3.Filter", implemented="name typed_config"),
)


def compile_filter_chain(
    ctx: CompileContext, source: envoy.FilterChain, owner: FilterOwner, at: str
) -> worker_pb2.FilterChain:
    """One filter chain with its network filters."""
    chain = worker_pb2.FilterChain(
        name=source.name,
        filters=_compile_filters(ctx, source, owner, f"{at}.filters"),
        metadata_json=metadata_json(source.metadata),
    )
    if source.HasField("filter_chain_match"):
        where = f"{at}.filter_chain_match"
        chain.match.CopyFrom(_compile_match(ctx, source.filter_chain_match, where))
    if source.HasField("transport_socket"):
        where = f"{at}.transport_socket"
        socket = compile_downstream_socket(ctx, source.transport_socket, owner.address_tag, where)
        if socket is not None:
            chain.transport_socket.CopyFrom(socket)
    chain.transport_socket_connect_timeout_ms = milliseconds(
        source.transport_socket_connect_timeout
    )
    return chain


def _compile_match(
    ctx: CompileContext, source: envoy.FilterChainMatch, at: str
) -> worker_pb2.FilterChainMatch:
    for index, name in enumerate(source.server_names):
        if "*" in name and not name.startswith("*."):
            where = f"{at}.server_names[{index}]"
            ctx.error(where, f'partial wildcards are not supported in "server_names": {name}')
    direct = f"{at}.direct_source_prefix_ranges"
    return worker_pb2.FilterChainMatch(
        destination_port=source.destination_port.value,
        prefix_ranges=compile_cidrs(ctx, source.prefix_ranges, f"{at}.prefix_ranges"),
        server_names=[name.lower() for name in source.server_names],
        transport_protocol=source.transport_protocol,
        application_protocols=source.application_protocols,
        direct_source_prefix_ranges=compile_cidrs(ctx, source.direct_source_prefix_ranges, direct),
        source_type=source.source_type,
        source_prefix_ranges=compile_cidrs(
            ctx, source.source_prefix_ranges, f"{at}.source_prefix_ranges"
        ),
        source_ports=source.source_ports,
    )


def _compile_filters(
    ctx: CompileContext, chain: envoy.FilterChain, owner: FilterOwner, at: str
) -> list[worker_pb2.NetworkFilter]:
    compiled = []
    for index, source in enumerate(chain.filters):
        where = f"{at}[{index}]"
        config = source.typed_config if source.HasField("typed_config") else None
        found = ctx.extensions.network_filters.find(ctx, source.name, config, where)
        if found is None:
            continue
        extension, message = found
        network_filter = extension.compile(ctx, message, owner, f"{where}.typed_config")
        network_filter.name = source.name
        is_last = index == len(chain.filters) - 1
        is_terminal = extension.type in ctx.extensions.terminal_filters
        what = f"filter named {source.name} of type {extension.name}"
        if is_terminal and not is_last:
            reason = f"Error: terminal {what} must be the last filter in a network filter chain."
            ctx.error(where, reason)
        elif is_last and not is_terminal:
            reason = f"Error: non-terminal {what} is the last filter in a network filter chain."
            ctx.error(where, reason)
        compiled.append(network_filter)
    if compiled and not compiled[-1].HasField("tcp_proxy"):
        for index, each in enumerate(compiled):
            if each.HasField("istio_stats"):
                what = f"the network filter {each.name} in a chain without tcp_proxy"
                ctx.unimplemented(f"{at}[{index}]", what, "istio.stats before a tcp_proxy")
    return compiled
