"""Listeners.

Source: envoy/config/listener/v3/listener.proto; defaults and errors as in Envoy 1.40.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.protos import worker_pb2
from lateen.protos.worker_pb2 import RouteTable
from lateen.proxy.compile.access_log import compile_access_logs
from lateen.proxy.compile.address import address_text, compile_address, internal_address
from lateen.proxy.compile.filter_chain import compile_filter_chain
from lateen.proxy.compile.filter_chain_matcher import compile_filter_chain_matcher
from lateen.proxy.compile.filter_chain_overlap import check_overlap
from lateen.proxy.compile.internal_listener import (
    check_no_internal_address,
    compile_internal_listener,
)
from lateen.proxy.compile.listener_filter import compile_listener_filters
from lateen.proxy.compile.network_filters.owner import (
    FilterOwner,
    FilterSource,
    RouteSource,
    ScopeSource,
)
from lateen.proxy.compile.socket_options import compile_socket_options, keepalive_options
from lateen.proxy.compile.stats_blocks import BlockKind
from lateen.proxy.compile.values import enum_name, metadata_json, milliseconds

if TYPE_CHECKING:
    from envoy.config.listener.v3 import listener_pb2 as envoy

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.transport_sockets.plan import TlsPlan

SUPPORT = (
    Fields(
        "envoy.config.listener.v3.Listener",
        implemented="""
            name address additional_addresses stat_prefix filter_chains default_filter_chain
            per_connection_buffer_limit_bytes deprecated_v1 transparent freebind socket_options
            tcp_fast_open_queue_length traffic_direction enable_reuse_port access_log
            tcp_backlog_size max_connections_to_accept_per_socket_event bind_to_port
            metadata tcp_keepalive drain_type listener_filters listener_filters_timeout
            continue_on_listener_filters_timeout filter_chain_matcher use_original_dst
            ignore_global_conn_limit bypass_overload_manager internal_listener
            connection_balance_config enable_mptcp
        """,
        harmless={
            "reuse_port": "enable_reuse_port decides, as in Envoy",
            "stats_matcher": "stats_config decides which stats there are",
        },
    ),
    Fields("envoy.config.listener.v3.AdditionalAddress", implemented="address"),
    Fields(
        "envoy.config.listener.v3.Listener.ConnectionBalanceConfig", implemented="exact_balance"
    ),
    whole("envoy.config.listener.v3.Listener.ConnectionBalanceConfig.ExactBalance"),
    whole("envoy.config.listener.v3.Listener.DeprecatedV1"),
)

_MODIFY_ONLY = 1
_BUFFER_LIMIT = 1 << 20
_FILTERS_TIMEOUT_MS = 15_000
# The kernel cuts it to net.core.somaxconn, which is Envoy's default.
_BACKLOG = 65_535
_CONNECTION_LIMIT = "envoy.resource_limits.listener.{}.connection_limit"


@dataclass(frozen=True)
class CompiledListener:
    """A listener, the route tables inside it and those that it needs from elsewhere."""

    listener: worker_pb2.Listener
    route_tables: list[RouteTable]
    route_sources: list[RouteSource]
    scope_sources: list[ScopeSource]
    filter_sources: list[FilterSource]
    tls: list[TlsPlan]


def compile_listener(ctx: CompileContext, source: envoy.Listener, at: str) -> CompiledListener:
    """One listener; a listener without a name is called by its address."""
    before = len(ctx.tls)
    addresses = _addresses(ctx, source, at)
    address = address_text(addresses[0])
    internal = source.HasField("internal_listener")
    tag = source.stat_prefix or (f"envoy_internal_{source.name}" if internal else address)
    listener = worker_pb2.Listener(
        name=source.name or address,
        addresses=addresses,
        stats_block=ctx.blocks.allot(
            BlockKind.LISTENER, f"listener.{tag}", {"envoy.listener_address": tag}
        ),
        access_logs=compile_access_logs(ctx, source.access_log, f"{at}.access_log"),
        traffic_direction=source.traffic_direction,
        drain_on_modify_only=source.drain_type == _MODIFY_ONLY,
        metadata_json=metadata_json(source.metadata),
        bypass_overload_manager=source.bypass_overload_manager,
    )
    _compile_sockets(ctx, source, listener, at)
    _compile_limits(ctx, source, listener, at)
    if internal:
        compile_internal_listener(ctx, source, listener, at)
    _compile_filters(ctx, source, listener, at)
    owner = FilterOwner(
        table_prefix=f"listener/{listener.name}",
        address_tag=tag,
        buffer_limit=listener.per_connection_buffer_limit_bytes,
        bypass_overload=source.bypass_overload_manager,
        outbound=enum_name(source, "traffic_direction") == "OUTBOUND",
    )
    _compile_chains(ctx, source, listener, owner, at)
    return CompiledListener(
        listener,
        owner.route_tables,
        owner.route_sources,
        owner.scope_sources,
        owner.filter_sources,
        ctx.tls[before:],
    )


def _addresses(ctx: CompileContext, source: envoy.Listener, at: str) -> list[worker_pb2.Address]:
    if source.HasField("internal_listener"):
        return [internal_address(source.name)]
    check_no_internal_address(ctx, source, at)
    every = [
        (source.address, f"{at}.address"),
        *(
            (additional.address, f"{at}.additional_addresses[{i}].address")
            for i, additional in enumerate(source.additional_addresses)
        ),
    ]
    return [compile_address(ctx, address, where, internal=True) for address, where in every]


def _compile_sockets(
    ctx: CompileContext, source: envoy.Listener, out: worker_pb2.Listener, at: str
) -> None:
    out.reuse_port = source.enable_reuse_port.value or not source.HasField("enable_reuse_port")
    out.bind_to_port = source.bind_to_port.value or not source.HasField("bind_to_port")
    if source.HasField("deprecated_v1") and source.deprecated_v1.HasField("bind_to_port"):
        out.bind_to_port = source.deprecated_v1.bind_to_port.value
    if source.HasField("freebind"):
        out.freebind = source.freebind.value
    if source.HasField("transparent"):
        out.transparent = source.transparent.value
    sized = source.HasField("tcp_backlog_size")
    out.backlog = source.tcp_backlog_size.value if sized else _BACKLOG
    if source.HasField("tcp_fast_open_queue_length"):
        out.tcp_fast_open_queue_length = source.tcp_fast_open_queue_length.value
    out.socket_options.extend(compile_socket_options(source.socket_options))
    if source.HasField("tcp_keepalive"):
        out.socket_options.extend(keepalive_options(source.tcp_keepalive))
    out.exact_balance = source.connection_balance_config.HasField("exact_balance")
    out.mptcp = source.enable_mptcp
    if out.mptcp and not all(address.HasField("socket") for address in out.addresses):
        reason = "enable_mptcp can only be used with IP addresses"
        ctx.error(f"{at}.enable_mptcp", f"listener {out.name}: {reason}")


def _compile_limits(
    ctx: CompileContext, source: envoy.Listener, out: worker_pb2.Listener, at: str
) -> None:
    limited = source.HasField("per_connection_buffer_limit_bytes")
    out.per_connection_buffer_limit_bytes = (
        source.per_connection_buffer_limit_bytes.value if limited else _BUFFER_LIMIT
    )
    out.max_connections_to_accept_per_socket_event = (
        source.max_connections_to_accept_per_socket_event.value
    )
    if not (source.ignore_global_conn_limit or source.bypass_overload_manager):
        out.max_global_connections = ctx.max_connections
    limit = ctx.runtime.get(_CONNECTION_LIMIT.format(source.name), "")
    if limit.isascii() and limit.isdigit():
        out.max_connections = int(limit)


def _compile_filters(
    ctx: CompileContext, source: envoy.Listener, out: worker_pb2.Listener, at: str
) -> None:
    filters = compile_listener_filters(ctx, source.listener_filters, f"{at}.listener_filters")
    out.listener_filters.extend(filters)
    out.use_original_dst = source.use_original_dst.value
    if out.use_original_dst and not any(one.HasField("original_dst") for one in filters):
        out.listener_filters.add(original_dst=worker_pb2.OriginalDst())
    out.listener_filters_timeout_ms = _FILTERS_TIMEOUT_MS
    if source.HasField("listener_filters_timeout"):
        out.listener_filters_timeout_ms = milliseconds(source.listener_filters_timeout)
    out.continue_on_listener_filters_timeout = source.continue_on_listener_filters_timeout


def _compile_chains(
    ctx: CompileContext,
    source: envoy.Listener,
    out: worker_pb2.Listener,
    owner: FilterOwner,
    at: str,
) -> None:
    for index, chain in enumerate(source.filter_chains):
        where = f"{at}.filter_chains[{index}]"
        out.filter_chains.append(compile_filter_chain(ctx, chain, owner, where))
    address = address_text(out.addresses[0])
    where = f"{at}.filter_chains"
    if source.HasField("filter_chain_matcher"):
        matcher = compile_filter_chain_matcher(ctx, source, address, at)
        out.filter_chain_matcher.CopyFrom(matcher)
        for compiled in out.filter_chains:
            compiled.ClearField("match")
    else:
        check_overlap(ctx, out.filter_chains, address, where)
    if source.HasField("default_filter_chain"):
        where = f"{at}.default_filter_chain"
        default = compile_filter_chain(ctx, source.default_filter_chain, owner, where)
        out.default_filter_chain.CopyFrom(default)
    elif not source.filter_chains:
        ctx.error(at, f"error adding listener '{address}': no filter chains specified")
