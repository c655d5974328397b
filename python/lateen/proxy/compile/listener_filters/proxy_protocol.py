"""envoy.filters.listener.proxy_protocol

Source: envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.protos import worker_pb2
from lateen.protos.worker_pb2 import ListenerFilter
from lateen.proxy.compile.proxy_protocol_tlvs import compile_pass_through
from lateen.proxy.compile.registry import Extension
from lateen.proxy.compile.stats_blocks import BlockKind

if TYPE_CHECKING:
    from envoy.extensions.filters.listener.proxy_protocol.v3.proxy_protocol_pb2 import (
        ProxyProtocol,
    )
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext

_TYPE = "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol"

SUPPORT = (
    Fields(
        _TYPE,
        implemented="""
            rules allow_requests_without_proxy_protocol pass_through_tlvs disallowed_versions
            stat_prefix tlv_location
        """,
        category="envoy.filters.listener",
    ),
    whole(f"{_TYPE}.Rule"),
    whole(f"{_TYPE}.KeyValuePair"),
)

_V1, _V2 = 0, 1
_BASE64 = 2
_FILTER_STATE = 1


def compile_proxy_protocol(ctx: CompileContext, message: Message, at: str) -> ListenerFilter:
    """The filter that takes the PROXY header away and its addresses as those of the connection."""
    config: ProxyProtocol = message  # type: ignore[assignment]
    prefix = f"proxy_proto.{config.stat_prefix}" if config.stat_prefix else "proxy_proto"
    proxy = worker_pb2.ProxyProtocol(
        stats_block=ctx.blocks.allot(BlockKind.PROXY_PROTOCOL, prefix),
        allow_without=config.allow_requests_without_proxy_protocol,
        refuse_v1=_V1 in config.disallowed_versions,
        refuse_v2=_V2 in config.disallowed_versions,
        tlvs_in_filter_state=config.tlv_location == _FILTER_STATE,
    )
    for rule in config.rules:
        target = rule.on_tlv_present
        proxy.rules.add(
            type=rule.tlv_type,
            namespace=target.metadata_namespace,
            key=target.key,
            base64=target.value_string_encoding == _BASE64,
        )
    if config.HasField("pass_through_tlvs"):
        proxy.pass_through.CopyFrom(compile_pass_through(config.pass_through_tlvs))
    return ListenerFilter(proxy_protocol=proxy)


EXTENSION = Extension(
    "envoy.filters.listener.proxy_protocol", _TYPE, compile_proxy_protocol, SUPPORT
)
