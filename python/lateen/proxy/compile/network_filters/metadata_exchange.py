"""istio.metadata_exchange, of connections: envoy.filters.network.metadata_exchange

Source: contrib/envoy/extensions/filters/network/metadata_exchange/v3/metadata_exchange.proto, and
the filter of Envoy's contrib/istio.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields
from lateen.protos import worker_pb2
from lateen.protos.worker_pb2 import NetworkFilter
from lateen.proxy.compile.http_filters.peer_metadata import NO_DISCOVERY
from lateen.proxy.compile.network_filters.owner import FilterOwner
from lateen.proxy.compile.registry import NetworkExtension
from lateen.proxy.compile.stats_blocks import BlockKind
from lateen.proxy.compile.workload import Workload

if TYPE_CHECKING:
    from contrib.envoy.extensions.filters.network.metadata_exchange.v3 import (
        metadata_exchange_pb2 as envoy,
    )
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.stats_blocks import StatsBlocks

TYPE = "envoy.tcp.metadataexchange.config.MetadataExchange"

SUPPORT = (
    Fields(
        TYPE,
        implemented="protocol additional_labels",
        harmless={"enable_discovery": NO_DISCOVERY},
        category="envoy.filters.network",
    ),
)


def compile_exchange(
    ctx: CompileContext, config: envoy.MetadataExchange, at: str
) -> worker_pb2.MetadataExchange:
    """What the sides of a connection say before their first bytes; it has no stats block yet."""
    if not config.protocol:
        ctx.error(f"{at}.protocol", "the protocol of ALPN is missing", "set istio-peer-exchange")
    workload = Workload.of(ctx.node, config.additional_labels)
    return worker_pb2.MetadataExchange(
        protocol=config.protocol,
        greeting=workload.greeting(),
        additional_labels=config.additional_labels,
    )


def allot_block(blocks: StatsBlocks, exchange: worker_pb2.MetadataExchange) -> int:
    """Gives an exchange its stats block, which all of them share."""
    number = blocks.allot(BlockKind.METADATA_EXCHANGE, "metadata_exchange")
    exchange.stats_block = number
    return number


def compile_metadata_exchange(
    ctx: CompileContext, message: Message, owner: FilterOwner, at: str
) -> NetworkFilter:
    """The filter by which clients and this proxy say which workloads they are."""
    config: envoy.MetadataExchange = message  # type: ignore[assignment]
    exchange = compile_exchange(ctx, config, at)
    allot_block(ctx.blocks, exchange)
    return NetworkFilter(metadata_exchange=exchange)


EXTENSION = NetworkExtension(
    "envoy.filters.network.metadata_exchange", TYPE, compile_metadata_exchange, SUPPORT
)
