"""Filter chains of one listener that would take the same connections.

Errors as in Envoy 1.40.
"""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lateen.protos import worker_pb2
    from lateen.proxy.compile.context import CompileContext

_ANY = ("",)


def check_overlap(
    ctx: CompileContext, chains: Sequence[worker_pb2.FilterChain], address: str, at: str
) -> None:
    """Report a chain whose match has a connection in common with an earlier one.

    Envoy refuses only what overlaps exactly: of a range and a smaller one in it, the smaller wins.
    """
    taken: set[tuple[object, ...]] = set()
    for index, chain in enumerate(chains):
        combinations = set(_combinations(chain.match))
        if not combinations.isdisjoint(taken):
            ctx.error(
                f"{at}[{index}].filter_chain_match",
                f"error adding listener '{address}': multiple filter chains with overlapping"
                " matching rules are defined",
            )
        taken |= combinations


def _combinations(match: worker_pb2.FilterChainMatch) -> itertools.product[tuple[object, ...]]:
    """One value of each criterion, in all ways; a criterion that is not given has one value."""
    return itertools.product(
        (match.destination_port,),
        _networks(match.prefix_ranges),
        match.server_names or _ANY,
        (match.transport_protocol,),
        match.application_protocols or _ANY,
        _networks(match.direct_source_prefix_ranges),
        (match.source_type,),
        _networks(match.source_prefix_ranges),
        match.source_ports or _ANY,
    )


def _networks(ranges: Sequence[worker_pb2.Cidr]) -> Sequence[object]:
    return [
        ipaddress.ip_network(f"{cidr.address}/{cidr.prefix_len}", strict=False) for cidr in ranges
    ] or _ANY
