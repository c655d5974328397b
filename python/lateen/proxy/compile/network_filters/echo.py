"""envoy.filters.network.echo

Source: envoy/extensions/filters/network/echo/v3/echo.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import whole
from lateen.protos import worker_pb2
from lateen.protos.worker_pb2 import NetworkFilter
from lateen.proxy.compile.network_filters.owner import FilterOwner
from lateen.proxy.compile.registry import NetworkExtension

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext

_TYPE = "envoy.extensions.filters.network.echo.v3.Echo"

SUPPORT = (whole(_TYPE, category="envoy.filters.network"),)


def compile_echo(
    ctx: CompileContext, message: Message, owner: FilterOwner, at: str
) -> NetworkFilter:
    """The filter that says what the client says."""
    return NetworkFilter(echo=worker_pb2.Echo())


EXTENSION = NetworkExtension(
    "envoy.filters.network.echo", _TYPE, compile_echo, SUPPORT, terminal=True
)
