"""Filter chains of one listener that would take the same connections.

Errors as in Envoy 1.40.
"""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from google.protobuf import json_format

from lateen.proxy.compile.values import to_json

if TYPE_CHECKING:
    from envoy.config.listener.v3 import listener_components_pb2 as envoy

    from lateen.protos import worker_pb2
    from lateen.proxy.compile.context import CompileContext

_ANY = ("",)


def check_overlap(
    ctx: CompileContext,
    sources: Sequence[envoy.FilterChain],
    compiled: Sequence[worker_pb2.FilterChain],
    address: str,
    at: str,
) -> None:
    """Report chains with equal matches, and matches that have a connection in common."""
    names: dict[bytes, str] = {}
    taken: set[tuple[object, ...]] = set()
    for index, (source, chain) in enumerate(zip(sources, compiled, strict=True)):
        where = f"{at}[{index}].filter_chain_match"
        key = source.filter_chain_match.SerializeToString(deterministic=True)
        if key in names:
            rules = json_format.MessageToDict(
                source.filter_chain_match, preserving_proto_field_name=True
            )
            ctx.error(
                where,
                f"error adding listener '{address}': filter chain '{source.name}' has the same"
                f" matching rules defined as '{names[key]}'. duplicate matcher is:"
                f" {to_json(rules)}",
            )
            continue
        names[key] = source.name
        combinations = set(_combinations(chain.match))
        if not combinations.isdisjoint(taken):
            ctx.error(
                where,
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
