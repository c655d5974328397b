"""envoy.filters.network.direct_response

Source: envoy/extensions/filters/network/direct_response/v3/config.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import whole
from lateen.protos import worker_pb2
from lateen.protos.worker_pb2 import NetworkFilter
from lateen.proxy.compile.data_source import read_data_source
from lateen.proxy.compile.network_filters.owner import FilterOwner
from lateen.proxy.compile.registry import NetworkExtension

if TYPE_CHECKING:
    from envoy.extensions.filters.network.direct_response.v3.config_pb2 import Config
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext

_TYPE = "envoy.extensions.filters.network.direct_response.v3.Config"

SUPPORT = (whole(_TYPE, category="envoy.filters.network"),)


def compile_direct_response(
    ctx: CompileContext, message: Message, owner: FilterOwner, at: str
) -> NetworkFilter:
    """The filter that gives every client the same answer."""
    config: Config = message  # type: ignore[assignment]
    body = b""
    if config.HasField("response"):
        body = read_data_source(ctx, config.response, f"{at}.response")
    return NetworkFilter(direct_response=worker_pb2.NetworkDirectResponse(body=body))


EXTENSION = NetworkExtension(
    "envoy.filters.network.direct_response", _TYPE, compile_direct_response, SUPPORT, terminal=True
)
