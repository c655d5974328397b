"""TLVs of the PROXY protocol: which go on to upstreams.

Source: envoy/config/core/v3/proxy_protocol.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import whole
from lateen.protos import worker_pb2

if TYPE_CHECKING:
    from envoy.config.core.v3.proxy_protocol_pb2 import ProxyProtocolPassThroughTLVs

SUPPORT = (whole("envoy.config.core.v3.ProxyProtocolPassThroughTLVs"),)

_INCLUDE_ALL = 0
_BYTE = 0xFF


def compile_pass_through(source: ProxyProtocolPassThroughTLVs) -> worker_pb2.PassThroughTlvs:
    """All of them, or those of certain types."""
    if source.match_type == _INCLUDE_ALL:
        return worker_pb2.PassThroughTlvs(all=True)
    return worker_pb2.PassThroughTlvs(types=[number & _BYTE for number in source.tlv_type])
