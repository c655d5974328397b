"""TLVs of the PROXY protocol: which go on to upstreams.

Source: envoy/config/core/v3/proxy_protocol.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.protos import worker_pb2

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envoy.config.core.v3.proxy_protocol_pb2 import ProxyProtocolPassThroughTLVs, TlvEntry

    from lateen.proxy.compile.context import CompileContext

SUPPORT = (
    whole("envoy.config.core.v3.ProxyProtocolPassThroughTLVs"),
    Fields(
        "envoy.config.core.v3.ProxyProtocolConfig",
        implemented="version pass_through_tlvs added_tlvs",
    ),
    Fields("envoy.config.core.v3.TlvEntry", implemented="type value"),
)

_INCLUDE_ALL = 0
_BYTE = 0xFF


def compile_pass_through(source: ProxyProtocolPassThroughTLVs) -> worker_pb2.PassThroughTlvs:
    """All of them, or those of certain types."""
    if source.match_type == _INCLUDE_ALL:
        return worker_pb2.PassThroughTlvs(all=True)
    return worker_pb2.PassThroughTlvs(types=[number & _BYTE for number in source.tlv_type])


def compile_tlvs(ctx: CompileContext, entries: Iterable[TlvEntry], at: str) -> list[worker_pb2.Tlv]:
    """TLVs that are added to a header; a type is one byte."""
    compiled = []
    for index, entry in enumerate(entries):
        if entry.type > _BYTE:
            ctx.error(f"{at}[{index}].type", f"TLV type {entry.type} does not fit into a byte")
            continue
        compiled.append(worker_pb2.Tlv(type=entry.type, value=entry.value))
    return compiled
